"""A pool of processes, as most people write it first: one for each core, all rows kept, a table at the end.

Usage: python classify.py FOLDER OUT
"""

import multiprocessing
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import Classifier


def start() -> None:
    """Load the model, once in each process."""
    global classifier  # noqa: PLW0603 - as the documentation of multiprocessing shows it
    classifier = Classifier()


def classify(path: Path) -> dict:
    """Classify one photo."""
    answer = classifier(path.read_bytes())
    return {
        "path": str(path),
        "label": answer["prediction"],
        "probability": answer["top_k"][0]["probability"],
    }


if __name__ == "__main__":
    photos = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
    with multiprocessing.get_context("spawn").Pool(initializer=start) as pool:
        rows = list(pool.imap_unordered(classify, photos, chunksize=16))
    out = Path(sys.argv[2])
    out.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), out / "photos.parquet")
