"""What a job's shards say together: counts, labels, errors by code, photos a second."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from sightserve.api.rows import APPLIES, Row, columns
from sightserve.batch.job import Job
from sightserve.batch.shards import decode

_UNNEEDED: Final = frozenset({"width", "height", "format", "probability"})


@dataclass(slots=True)
class Summary:
    """A job's rows, counted.

    Attributes:
        found: photos so far; all of them where `listed`.
        listed: whether they are all found.
        photos: that have a row.
        shards: that are there.
        errors: photos without an answer, by code.
        examples: of each code the first photo, and what is said of it.
        labels: how many photos have each; where several labels may apply, a photo counts for each that does.
        unsure: photos whose answer stands out from no other, or to which no label applies; no label counts them.
        seconds: of all runs.
        worked: photos of all runs, those included that an interrupted one did in vain.
    """

    found: int
    listed: bool
    photos: int = 0
    shards: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[str, str]] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    unsure: int = 0
    seconds: float = 0.0
    worked: int = 0

    @property
    def rate(self) -> float:
        """Photos a second, over all runs, their starts included."""
        return self.worked / self.seconds if self.seconds else 0.0


def summarise(job: Job) -> Summary:
    """Read a job's shards, one after another, and count.

    Raises:
        StorageAway: they cannot be read.
    """
    listed = job.listed
    found = listed.photos if listed else job.recorded * job.terms.shard_rows
    summary = Summary(found, listed is not None)
    wanted = [name for name in columns(job.terms.top_k) if name not in _UNNEEDED]
    for number in sorted(job.done):
        summary.shards += 1
        for row in decode(job.shard(number), job.terms.form, wanted):
            _count(summary, row, job.terms.top_k)
    for told in job.runs():
        summary.seconds += told["seconds"]
        summary.worked += told["photos"]
    summary.found = max(summary.found, summary.photos)
    return summary


def _count(summary: Summary, row: Row, top_k: int) -> None:
    summary.photos += 1
    if row["status"] == "error":
        code = str(row["error_code"])
        summary.errors[code] += 1
        summary.examples.setdefault(code, (str(row["path"]), str(row["error"])))
        return
    if row["label"] is None or str(row["recognised"]).lower() == "false":
        summary.unsure += 1
    elif row["label"] == row["label_1"]:
        summary.labels[str(row["label"])] += 1
    else:  # several apply
        ranked = ((row[f"label_{rank}"], row[f"probability_{rank}"]) for rank in range(1, top_k + 1))
        summary.labels.update(str(label) for label, likely in ranked if likely is not None and float(likely) >= APPLIES)
