"""How often the web app says what a photo's label is a kind of, and whether it is right then: docs/model.md's figures.

python -m bench.kinds           # of the labelled photos that SIGHTSERVE_PHOTOS names, else of those beside the repository
python -m bench.kinds --tell    # and each answer that is not a sure label
"""

import argparse
from collections import Counter

from bench.photos import labelled
from sightserve.api.schema import Kind, Prediction
from sightserve.backend.build import load, model_files, setup_of
from sightserve.backend.job import Job
from sightserve.backend.settings import Settings
from sightserve.backend.slot.assemble import assemble
from sightserve.bundle.manifest import EMBEDDED
from sightserve.frontend.shared.backend import MOST_LABELS
from sightserve.frontend.shared.kinds import NOTHING, verdict
from sightserve.frontend.shared.words import FAIRLY_SURE


def measure(model: str, *, tell: bool) -> Counter[str]:
    """Return how many photos got an answer of each sort, and how many of those were right."""
    settings = Settings(model=model, threads_when_alone=1)
    bundle = load(settings)
    pipeline, _ = assemble(setup_of(settings, bundle), model_files(bundle))
    kinds = [Kind(name=kind.name, classes=list(kind.classes)) for kind in bundle.kinds]
    members = {kind.name: set(kind.classes) for kind in kinds}
    counts: Counter[str] = Counter()
    for photo in labelled():
        prediction = Prediction.model_validate_json(pipeline.classify(Job(photo.data, top_k=MOST_LABELS)))
        said, first_is_right = verdict(prediction, kinds), prediction.top_k[0].index == photo.class_index
        right = first_is_right if said.kind_name is None else photo.class_index in members[said.kind_name]
        if said.kind_name is not None:
            sort = "a kind"
        elif said.headline == NOTHING:
            sort = "nothing that it knows"
        else:
            sort = "a label, fairly sure" if prediction.probability >= FAIRLY_SURE else "a label, less sure"
        counts.update({sort: 1, f"{sort}: right": right, "the first label: right": first_is_right})
        if tell and sort != "a label, fairly sure":
            print(f"  {bundle.labels[photo.class_index]:28} {'right' if right else 'WRONG'}  {said.spoken}")
    return counts


def main() -> None:
    """Print a row for each embedded model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tell", action="store_true", help="print each answer that is not a sure label")
    asked = parser.parse_args()
    for model in EMBEDDED:
        counts = measure(model, tell=asked.tell)
        sorts = sorted(sort for sort in counts if not sort.endswith(": right"))
        parts = (f"{sort} {counts[sort]} (right {counts[f'{sort}: right']})" for sort in sorts)
        print(f"{model}: {', '.join(parts)}; the first label is right {counts['the first label: right']} times")


if __name__ == "__main__":
    main()
