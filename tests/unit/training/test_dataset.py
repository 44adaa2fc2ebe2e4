"""What people name as PHOTOS: what is learned from, and what they are told of the rest."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from sightserve.training.dataset import Dataset, read
from sightserve.training.errors import TrainError


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Make empty files, by their names in a folder: nothing is opened here."""

    def made(*names: str | bytes) -> Path:
        for name in names:
            path = tmp_path / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if os.fsdecode(name).endswith("/"):
                path.mkdir()
            else:
                path.touch()
        return tmp_path

    return made


FRUIT = ("ripe/a.jpg", "ripe/deep/er/b.PNG", "rotten/a.webp", "rotten/b.heic")


def labelled(dataset: Dataset) -> list[tuple[str, str]]:
    return [(example.name, example.label) for example in dataset.examples]


def test_a_folder_for_each_class_and_photos_however_deep(make):
    found = read(
        make(*FRUIT, "ripe/.hidden.jpg", "ripe/._a.jpg", "ripe/Thumbs.db", "__MACOSX/ripe/a.jpg", ".git/x.jpg")
    )

    assert labelled(found) == [
        ("ripe/a.jpg", "ripe"),
        ("ripe/deep/er/b.PNG", "ripe"),
        ("rotten/a.webp", "rotten"),
        ("rotten/b.heic", "rotten"),
    ]
    assert found.labels == ("ripe", "rotten")
    (few,) = found.notes
    assert "fewer than 10 photos of ripe, rotten" in few


def test_what_is_passed_over_is_said(make):
    found = read(make(*FRUIT, "empty/", "papers/list.pdf", "loose.jpg", "other.jpg"))

    assert len(found.examples) == 4
    assert any("no photo in empty, papers" in note for note in found.notes)
    assert any("2 photos lie beside the folders, as loose.jpg" in note for note in found.notes)


def test_links_pipes_and_names_that_are_no_text_do_no_harm(make, tmp_path):
    make(*FRUIT, b"ripe/caf\xe9.jpg", "elsewhere/x/c.jpg")
    os.mkfifo(tmp_path / "ripe" / "pipe.jpg")
    (tmp_path / "ripe" / "round").symlink_to(tmp_path)
    (tmp_path / "ripe" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "ripe" / "gone.jpg").symlink_to("nothing")
    (tmp_path / "ripe" / "linked.jpg").symlink_to(tmp_path / "rotten" / "a.webp")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "bruised").symlink_to(tmp_path / "ripe" / "deep")
    make("ripe/deep/c.jpg")
    make("elsewhere/x/d.jpg")
    dataset = read(tmp_path)

    names = [name for name, label in labelled(dataset) if label == "ripe"]
    assert names == ["ripe/a.jpg", "ripe/caf\\xe9.jpg", "ripe/deep/c.jpg", "ripe/deep/er/b.PNG", "ripe/linked.jpg"]
    assert dataset.labels == ("bruised", "elsewhere", "ripe", "rotten")
    assert any("links to folders are not followed inside of classes: ripe/round, up" in note for note in dataset.notes)


def test_labels_that_mean_the_same_become_the_most_frequent_spelling(make):
    composed, decomposed = (unicodedata.normalize(form, "Äpfel") for form in ("NFC", "NFD"))
    root = make(
        *("Ripe/a.jpg", "ripe/b.jpg", "ripe/c.jpg", "ripe /d.jpg"),
        *(f"{decomposed}/a.jpg", f"{composed}/b.jpg", "RIPE/e.jpg"),
    )

    found = read(root)

    assert found.labels == ("ripe", composed)
    assert [label for _, label in labelled(found)] == ["ripe"] * 5 + [composed] * 2
    assert any("RIPE, Ripe and ripe are taken for one class, ripe" in note for note in found.notes)


def test_a_dataset_that_was_divided_is_put_together(make):
    found = read(make("train/ripe/a.jpg", "train/rotten/b.jpg", "Val/ripe/c.jpg", "Val/rotten/d.jpg", "test/e.jpg"))

    assert labelled(found)[0] == ("Val/ripe/c.jpg", "ripe")
    assert len(found.examples) == 4
    assert found.labels == ("ripe", "rotten")
    assert any("Val, train are put together" in note for note in found.notes)
    assert any("one photo lies in test" in note for note in found.notes)


def test_a_folder_in_the_folder_is_gone_into(make):
    found = read(make(*(f"apples/{name}" for name in FRUIT)))

    assert found.labels == ("ripe", "rotten")
    assert any("folders in apples/" in note for note in found.notes)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.jpg", "b.jpg"], r"2 photos lie in .*make a folder for each class.*Or name a CSV"),
        ([], r"is empty: make a folder for each class"),
        (["ripe/", "rotten/x.txt"], r"no photo in the folders of .*'ripe', 'rotten'"),
        (["ripe/a.jpg", "ripe/b.jpg"], r"only of one class, ripe: .*two at least"),
        (["ripe/a.jpg", "ripe/b.jpg", "rotten/c.jpg"], r"one photo only of rotten: 2 are the least"),
        (["a\nb/a.jpg", "a\nb/b.jpg", *FRUIT], r"'a\\nb' has a line break"),
        ([b"caf\xe9/a.jpg", *FRUIT], r"'caf\\udce9' has a line break or another character that is no text"),
        ([f"{'x' * 201}/a.jpg", *FRUIT], r"has 201 characters, and 200 are the most"),
        (["train/a.jpg", "val/b.jpg"], r"train, val are parts of a dataset.*train/ripe"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_words(make, names, words):
    with pytest.raises(TrainError, match=words):
        read(make(*names))


def test_what_is_neither_a_folder_nor_a_table_is_refused(tmp_path):
    archive = tmp_path / "photos.zip"
    archive.touch()
    for path, words in (
        (archive, "unpack it"),
        (tmp_path / "none", "is not there"),
        (tmp_path / ("x" * 300), "read|there"),
    ):
        with pytest.raises(TrainError, match=words):
            read(path)
