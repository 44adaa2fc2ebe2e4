"""A fake of `sightserve train ... --progress json`: reads the folder, says what it does, and knows the outcome beforehand.

    python tests/fakes/train.py PHOTOS --name NAME [--replace] ...

FAKE_TRAIN says what happens: "done" (the default), "wait" (until it is ended), "exists", "error", "crash".
FAKE_TRAIN_MODELS is where it writes its models.
"""

import json
import os
import sys
import time
from pathlib import Path


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def interval(right: int, of: int) -> dict[str, float]:
    return {"value": right / of, "low": max(0.0, right / of - 0.1), "high": min(1.0, right / of + 0.1)}


def report(photos: Path) -> dict[str, object]:
    """Right on all photos but the first class's first."""
    labels = sorted(path.name for path in photos.iterdir())
    names = {label: sorted(path.name for path in (photos / label).iterdir()) for label in labels}
    counts = {label: len(found) for label, found in names.items()}
    total = sum(counts.values())
    confusion = [[counts[row] if row == column else 0 for column in labels] for row in labels]
    confusion[0][0] -= 1
    confusion[0][1] += 1
    mistake = {"name": f"{labels[0]}/{names[labels[0]][0]}", "label": labels[0], "predicted": labels[1]}
    return {
        "format": 1,
        "name": "x",
        "labels": labels,
        "accuracy": interval(total - 1, total),
        "chance": max(counts.values()) / total,
        "classes": [
            {"label": label, "photos": counts[label], "scenes": 1, "recall": interval(1, 1), "wants_more": False}
            for label in labels
        ],
        "confusion": confusion,
        "mistakes": [{**mistake, "probability": 0.93}],
        "curve": [{"photos": 5, "accuracy": 0.8}, {"photos": 10, "accuracy": 0.9}],
        "expected_at_double": 0.95,
        "advice": [{"code": "more_photos", "words": "More photos would help."}],
        "left_out": [{"name": "x.jpg", "why": "it is damaged"}],
    }


def main() -> int:
    photos, name = Path(sys.argv[1]), sys.argv[sys.argv.index("--name") + 1]
    happens = os.environ.get("FAKE_TRAIN", "done")
    tell(step=f"Reading {photos}")
    if happens == "wait":
        tell(step="Looking at photos", done=3, of=10)
        tell(pid=os.getpid())
        time.sleep(60)
    if happens == "exists" and "--replace" not in sys.argv:
        tell(error=f"there is a model {name} already: name this one otherwise with --name, or --replace that one")
        return 1
    if happens == "error":
        tell(error=f"{photos}: nothing can be learned from this")
        return 1
    if happens == "crash":
        print("Traceback: something broke", file=sys.stderr)
        return 3
    directory = Path(os.environ["FAKE_TRAIN_MODELS"]) / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.onnx").write_bytes(b"network")
    files = {"model": {"file": "model.onnx", "sha256": "0" * 64}, "labels": {"file": "labels.txt", "sha256": "0" * 64}}
    (directory / "manifest.json").write_text(json.dumps({"name": name, **files}))
    (directory / "labels.txt").write_text("a\nb\n")
    (directory / "report.html").write_text("<!doctype html><title>report</title>")
    (directory / "somebodys.txt").write_text("not of the model")
    tell(note="It went well")
    print("a library says something")
    tell(trained={"name": name, "directory": str(directory), "report": report(photos)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
