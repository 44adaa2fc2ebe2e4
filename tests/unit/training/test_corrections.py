"""A dataset, and what people said of photos."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest

from sightserve.feedback.records import Corrected
from sightserve.training.corrections import digests_of, with_corrections
from sightserve.training.dataset import Dataset, read


@pytest.fixture
def photos(tmp_path):
    for name in ("ripe/a", "ripe/b", "ripe/c", "rotten/d", "rotten/e"):
        path = tmp_path / "photos" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return read(tmp_path / "photos")


def corrected(content: bytes, label: str, hour: int = 0, digest: str = "") -> Corrected:
    return Corrected(digest or sha256(content).hexdigest(), label, content, datetime(2026, 1, 1, hour, tzinfo=UTC))


def labels(dataset: Dataset) -> dict[str, str]:
    return {example.path.read_bytes().decode(): example.label for example in dataset.examples}


def test_new_photos_are_added_known_ones_relabelled_and_the_last_word_counts(photos, tmp_path):
    said = [
        corrected(b"new", "ripe", 3),
        corrected(b"new", "rotten", 5),
        corrected(b"new", "ripe", 4),
        corrected(b"ripe/a", "Rotten"),
    ]

    found, count = with_corrections(photos, said, digests_of(photos), tmp_path)

    assert count == 2
    assert labels(found) == {
        "ripe/a": "rotten", "ripe/b": "ripe", "ripe/c": "ripe", "rotten/d": "rotten", "rotten/e": "rotten", "new": "rotten",
    }  # fmt: skip
    assert len([note for note in found.notes if "fewer than" in note]) == 1


def test_a_new_label_is_a_class_where_there_are_two_photos_of_it(photos, tmp_path):
    said = [corrected(b"1", "mouldy"), corrected(b"2", "Mouldy "), corrected(b"3", "squashed"), corrected(b"4", "a\nb")]

    found, count = with_corrections(photos, said, digests_of(photos), tmp_path)

    assert count == 2
    assert found.labels == ("mouldy", "ripe", "rotten")
    assert any("squashed of one photo only" in note for note in found.notes)
    assert any(r"'a\nb' has a line break" in note for note in found.notes)


def test_what_a_database_says_names_no_file(photos, tmp_path):
    folder = tmp_path / "corrections"
    folder.mkdir()

    found, _ = with_corrections(photos, [corrected(b"x", "ripe", digest="../../evil")], digests_of(photos), folder)

    assert len(found.examples) == 6
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"x"] == [folder]
