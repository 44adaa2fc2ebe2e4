import json
from pathlib import Path

import pytest

from sightserve.models.errors import SourceError
from sightserve.models.read.labels import count_fault, distinct, indexed, order_note, read_labels

THREE = ("cat", "dog", "owl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "cat\ndog\nowl\n"),
        ("labels.txt", "cat\r\ndog\r\nowl"),
        ("labels.txt", "\ufeffcat\ndog\nowl\n\n\n"),
        ("labels.txt", "0 cat\n1 dog\n2 owl\n"),  # Teachable Machine
        ("labels.txt", "0: cat\n2: owl\n1: dog\n"),
        ("labels.txt", "1. cat\n2. dog\n3. owl\n"),
        ("labels.txt", "n02123045 cat\nn02084071 dog\nn01621127 owl\n"),
        ("labels.txt", '["cat", "dog", "owl"]'),
        ("labels.csv", "0,cat\n1,dog\n2,owl\n"),
        ("labels.csv", "index,name\n2,owl\n0,cat\n1,dog\n"),
        ("labels.csv", "name,id,colour\ncat,0,red\ndog,1,red\nowl,2,red\n"),
        ("labels.csv", "cat\ndog\nowl\n"),
        ("class_indices.json", '{"owl": 2, "cat": 0, "dog": 1}'),  # Keras
        (
            "index_to_name.json",
            '{"0": "cat", "10": "x", "2": "owl", "1": "dog"}'.replace('"10": "x", ', ""),
        ),  # TorchServe
        ("imagenet_class_index.json", '{"0": ["n02", "cat"], "1": ["n03", "dog"], "2": ["n04", "owl"]}'),
        ("labels.json", '["cat", "dog", "owl"]'),
        ("labels.json", '{"version": 3, "labels": ["cat", "dog", "owl"]}'),
        ("labels.json", '[{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}, {"id": 2, "name": "owl"}]'),
    ],
)
def test_labels_are_read_however_they_were_written_down(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")

    assert read_labels(tmp_path / name) == THREE


def test_numbers_alone_are_labels_and_so_are_names_that_only_begin_with_numbers(tmp_path: Path) -> None:
    degrees, houses = tmp_path / "degrees.txt", tmp_path / "houses.txt"
    degrees.write_text("0\n90\n180\n270\n")
    houses.write_text("2 rooms\n3 rooms\n2 baths\n")

    assert read_labels(degrees) == ("0", "90", "180", "270")
    assert read_labels(houses) == ("2 rooms", "3 rooms", "2 baths")


def test_utf16_as_windows_writes_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("Käfer\nBär\n", encoding="utf-16")

    assert read_labels(tmp_path / "labels.txt") == ("Käfer", "Bär")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"cat\nK\xe4fer\n", "not UTF-8 text, from line 2 on.*iconv"),
        (b"cat\n\ndog\n", "nothing in line 2"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"cat\0dog", "zero byte"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "git lfs pull"),
        (b"cat\n" + b"x" * 400, "label 1 has more than 300 characters"),
        (b"cat\n\xe2\x80\xae\n", "label 1 has no visible character"),
    ],
)
def test_what_is_no_list_of_labels_gets_words(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "labels.txt").write_bytes(content)

    with pytest.raises(SourceError, match=words):
        read_labels(tmp_path / "labels.txt")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"0": "cat", "2": "dog"}, "so 1 has none"),
        ({"cat": 0, "dog": 0}, "not every label an index"),
        ({"0": "cat", "00": "dog"}, "not every label an index"),
        ({"5": "cat", "6": "dog"}, "indices from 5 to 6"),
        ({"cat": 0, "dog": "b"}, "not every label an index"),
        ({"0": {"a": 1}}, "where a label must be"),
        ([["a"], None], "None where a label must be"),
        ({}, "holds no labels"),
        ("cat", "holds no labels"),
        ({str(10**9): "cat"}, "not every label an index"),
    ],
)
def test_a_table_whose_indices_make_no_order_is_refused(value: object, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        indexed(value, "names")


def test_deep_json_is_an_error_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text("[" * 100_000)

    with pytest.raises(SourceError, match="not JSON"):
        read_labels(tmp_path / "labels.json")


def test_a_label_steers_no_terminal_and_stays_on_its_line() -> None:
    assert indexed(["\x1b[31mcat\x1b[0m", "a\nb", "\u202egod"], "names") == ("[31mcat[0m", "a b", "god")


def test_equal_labels_get_numbers_and_it_is_said() -> None:
    labels, notes = distinct(("crane", "cat", "crane", "crane (2)", "crane"))

    assert labels == ("crane", "cat", "crane (3)", "crane (2)", "crane (4)")
    assert "1 label is there more than once" in notes[0]
    assert distinct(labels) == (labels, ())


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("1", "10", "2"), "as text sorts"),
        (("img1", "img2", "img10"), "as numbers sort"),
        (("cat", "dog"), None),
        (("a1", "a2"), None),
        (("2", "10", "1"), None),
    ],
)
def test_an_order_in_which_frameworks_differ_is_pointed_out(labels: tuple[str, ...], found: str | None) -> None:
    note = order_note(labels)

    assert (note is None) if found is None else (note is not None and found in note)


def test_a_wrong_number_of_labels_is_explained() -> None:
    assert count_fault(THREE, 3, "labels.txt") is None
    assert "background" in str(count_fault(THREE, 4, "labels.txt"))
    assert "heading" in str(count_fault(THREE, 2, "labels.txt"))
    assert "the network has 1,000 classes and labels.txt 3 labels" in str(count_fault(THREE, 1000, "labels.txt"))


def test_many_labels_are_read(tmp_path: Path) -> None:
    labels = {str(index): f"class {index}" for index in range(21_841)}
    (tmp_path / "labels.json").write_text(json.dumps(dict(reversed(labels.items()))))

    assert read_labels(tmp_path / "labels.json") == tuple(labels.values())
