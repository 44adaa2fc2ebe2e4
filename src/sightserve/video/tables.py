"""Segments and raw predictions as CSV and JSON, for taking along."""

import json
from collections.abc import Sequence

from sightserve.spreadsheet import as_csv
from sightserve.video.timeline import Moment, Segment


def segments_csv(segments: Sequence[Segment]) -> str:
    """Return one row for each segment: from and to in seconds, the label (empty where there is none), its mean probability.

    Where several labels hold at once, each has a row.
    """
    rows = [
        (f"{segment.start:.3f}", f"{segment.end:.3f}", label, f"{probability:.4f}")
        for segment in segments
        for label, probability in segment.guesses or [("", segment.probability)]
    ]
    return as_csv(("from_s", "to_s", "label", "mean_probability"), rows)


def moments_csv(moments: Sequence[Moment]) -> str:
    """Return the raw predictions, unsmoothed: one row for each moment and label, most probable first."""
    rows = [
        (f"{moment.time:.3f}", str(rank), guess.label, f"{guess.probability:.4f}")
        for moment in moments
        for rank, guess in enumerate(moment.guesses, start=1)
    ]
    return as_csv(("time_s", "rank", "label", "probability"), rows)


def as_json(moments: Sequence[Moment], segments: Sequence[Segment], about: dict[str, object]) -> str:
    """Return everything that is known: `about`, the segments, and the raw predictions."""
    body = about | {
        "segments": [
            {"from_s": round(s.start, 3), "to_s": round(s.end, 3), "label": label, "mean_probability": probability}
            for s in segments
            for label, probability in s.guesses or [(None, s.probability)]
        ],
        "moments": [
            {"time_s": round(m.time, 3), "top": [{"label": g.label, "probability": g.probability} for g in m.guesses]}
            for m in moments
        ],
    }
    return json.dumps(body, indent=1, ensure_ascii=False)
