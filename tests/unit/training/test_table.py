"""Tables of photos and labels, as spreadsheets and scripts write them."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from sightserve.training.dataset import read
from sightserve.training.errors import TrainError


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.jpg").touch()

    def written(content: str | bytes, name: str = "photos.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


ROWS = "a.jpg,ripe\nb.jpg,ripe\nc.jpg,rotten\nd.jpg,rotten\n"


@pytest.mark.parametrize(
    "content",
    [
        f"path,label\n{ROWS}",
        f"\ufeffFile , Class\r\n{ROWS}\n\n",
        "id;label;image\n" + "".join(f"1;{label};{name}\n" for name, label in (r.split(",") for r in ROWS.split())),
        codecs.BOM_UTF16_LE + f"filename\tlabel\n{ROWS}".replace(",", "\t").encode("utf-16-le"),
        'path,label\n"a.jpg",ripe\n./b.jpg,ripe\nc.jpg,rotten\nd.jpg,rotten',
    ],
)
def test_a_table_is_read_as_it_was_written(table, content):
    found = read(table(content))

    assert [example.label for example in found.examples] == ["ripe", "ripe", "rotten", "rotten"]
    assert all(example.path.is_file() for example in found.examples)


def test_whole_paths_missing_files_and_second_thoughts(table, tmp_path):
    rows = f"{ROWS}gone.jpg,ripe\n.,ripe\nd.jpg,Ripe\nd.jpg,rotten\n{tmp_path}/a.jpg,ripe\n"
    found = read(table(f"path,label\n{rows}"))

    assert len(found.examples) == 5
    assert any("gone.jpg, . are not there" in note for note in found.notes)
    assert any("d.jpg has more than one label" in note for note in found.notes)


def test_a_heap_of_photos_with_labels_csv_is_read_by_it(table, tmp_path):
    table(f"file,label\n{ROWS}", "labels.csv")

    assert len(read(tmp_path).examples) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,kind\na.jpg,ripe\n", "needs a first line with the columns path and label.*'name', 'kind'"),
        ("", "needs a first line"),
        ("path,label\n", "names no photo"),
        ("path,label\na.jpg,\n", "line 2: the label '' is empty"),
        ('path,label\na.jpg,"ri\npe"\n', r"'ri\\npe' has a line break"),
        ("path,label\na.jpg\n", "line 2: it has 1 columns"),
        ("path,label\nx.jpg,ripe\n", "x.jpg is not there: paths are relative to"),
        ("path,label\nhttps://example.org/x.jpg,ripe\n", "photos have to be on this machine"),
        ("path,label\nx\0.jpg,ripe\n", "not there|no CSV"),
        (b"path,label\na.jpg,\xe4pfel\n", "line 2: it is no UTF-8 text: save it as CSV UTF-8"),
        ('path,label\n"' + "x" * 200_000, "no CSV file: field larger"),
    ],
)
def test_what_is_no_such_table_is_refused_in_words(table, content, words):
    with pytest.raises(TrainError, match=words):
        read(table(content))
