"""Listings as IN: text, CSV and Parquet from other people's tools; sorted, each name once."""

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sightserve.batch.errors import BatchError, StorageAway, Unreadable
from sightserve.batch.reading import read
from sightserve.batch.sources.listing import Listing
from sightserve.batch.sources.opening import open_source

ITERATE = """
import pathlib, re, sys
from sightserve.batch.sources.opening import open_source

last, seen = "", 0
for photo in open_source(sys.argv[1]).photos(None):
    assert last < photo.name and photo.address == photo.name
    last, seen = photo.name, seen + 1
# not ru_maxrss: that begins with what the parent had
print(seen, re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""


def listing(tmp_path: Path, data: str | bytes, name: str = "in.txt", base: str | None = None) -> Listing:
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    source = open_source(str(tmp_path / name), base=base)
    assert isinstance(source, Listing)
    return source


def names(source, after=None):
    return [photo.name for photo in source.photos(after)]


def test_the_order_of_lines_and_their_repetition_change_nothing(tmp_path):
    lines = [f"/photos/{index % 10}/{index}.jpg" for index in range(200)]
    shuffled = random.Random(1).sample([*lines, *lines[:50]], 250)
    source = listing(tmp_path, "\n".join(shuffled))

    photos = list(source.photos(None))

    assert [photo.name for photo in photos] == sorted(lines)
    for index in (0, 100, 199):
        assert list(source.photos(photos[index])) == photos[index + 1 :]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"b.jpg\na.jpg\n", ["a.jpg", "b.jpg"]),
        (b"\xef\xbb\xbfa.jpg\r\n\r\n  \r\nb c.jpg\r\n", ["a.jpg", "b c.jpg"]),  # as Windows writes it
        ("\ufeffa.jpg\r\né.jpg\r\n".encode("utf-16-le"), ["a.jpg", "é.jpg"]),  # as PowerShell does
        (b"./a\nb.jpg\0./c.jpg\0", ["./a\nb.jpg", "./c.jpg"]),  # as find -print0 does
        (b"# no comment.jpg\n\xff.jpg\n", ["# no comment.jpg", "\udcff.jpg"]),
        (b"anything\n../up\n/etc\ns3://bucket/a b.jpg\n", ["../up", "/etc", "anything", "s3://bucket/a b.jpg"]),
        (b"", []),
    ],
)
def test_a_text_has_a_photo_on_each_line_whatever_it_is_called(tmp_path, data, wanted):
    assert names(listing(tmp_path, data)) == wanted


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ("path,label\nb.jpg,cat\na.jpg,dog\n", ["a.jpg", "b.jpg"]),
        ('\ufefflabel,File\r\ncat,"a, ""b"".jpg"\r\ncat,"line\nbreak.jpg"\r\n,\r\n', ['a, "b".jpg', "line\nbreak.jpg"]),
        ("id;filename\n1;a.jpg\n2;b.jpg\n3\n", ["a.jpg", "b.jpg"]),  # as spreadsheets do where 0,5 is a half
        ("anything\na.jpg\n", ["a.jpg"]),
        ("x/a.jpg\nb.jpg\n", ["b.jpg", "x/a.jpg"]),  # no header: the first is a photo too
        ("path\n" + "a" * 3000 + ".jpg\n", ["a" * 3000 + ".jpg"]),
    ],
)
def test_a_csv_has_photos_in_a_column_of_that_name_or_in_its_only_one(tmp_path, data, wanted):
    assert names(listing(tmp_path, data, "in.CSV")) == wanted


def test_a_tsv_has_tabs_between_its_columns(tmp_path):
    assert names(listing(tmp_path, "path\tlabel\nb, c.jpg\tcat\na.jpg\tdog\n", "in.tsv")) == ["a.jpg", "b, c.jpg"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_a_parquet_file_is_read_whatever_its_texts_are_stored_as(tmp_path, kind):
    table = pa.table({"label": [1, 2, 3], "image": pa.array(["b.jpg", None, "a.jpg"], pa.string()).cast(kind)})
    pq.write_table(table, tmp_path / "in.parquet")

    assert names(open_source(str(tmp_path / "in.parquet"))) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("in.csv", "label,when\ncat,now\n", "no column of photos: .* 'path'.* 'label', 'when'"),
        ("in.csv", "", "no column of photos.* none"),
        ("in.csv", 'path\n"a.jpg\n' + "x\n" * 100_000, "line .* is no CSV"),
        ("in.txt", "a.jpg\n" + "x" * 70_000, "line 2 has more than 65,536 characters"),
        ("in.lst", "a.jpg\0" + "x" * 200_000, "line 2 has more than 65,536 characters"),
        ("in.parquet", "no parquet", "cannot be read as Parquet"),
    ],
)
def test_what_is_no_listing_says_where_and_what_is_wanted(tmp_path, name, data, words):
    (tmp_path / name).write_text(data)

    with pytest.raises(BatchError, match=rf"{name}.*{words}"):
        list(open_source(str(tmp_path / name)).photos(None))


def test_a_parquet_column_of_numbers_is_no_column_of_paths(tmp_path):
    pq.write_table(pa.table({"path": [1, 2]}), tmp_path / "in.parquet")

    with pytest.raises(BatchError, match="'path' has int64 in it"):
        list(open_source(str(tmp_path / "in.parquet")).photos(None))


def test_a_name_with_a_nul_in_it_is_a_row(tmp_path):
    *_, nul = listing(tmp_path, "path\na.jpg\nb\0.jpg\n", "in.csv").photos(None)

    with pytest.raises(Unreadable, match="NUL"):
        read(nul)


def test_names_are_relative_to_the_listings_folder_or_else_to_the_current_one(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    text = "/absolute.jpg\ns3://bucket/x.jpg\na.jpg\nb.jpg\n"

    assert listing(tmp_path / "lists", text).base == str(tmp_path / "lists")  # neither has it
    (tmp_path / "here" / "a.jpg").write_bytes(b"here")
    source = listing(tmp_path / "lists", text)
    assert source.base == str(tmp_path / "here")
    assert {photo.name: photo.address for photo in source.photos(None)} == {
        "/absolute.jpg": "/absolute.jpg",
        "a.jpg": f"{tmp_path}/here/a.jpg",
        "b.jpg": f"{tmp_path}/here/b.jpg",
        "s3://bucket/x.jpg": "s3://bucket/x.jpg",
    }
    (tmp_path / "lists" / "a.jpg").write_bytes(b"beside")
    assert listing(tmp_path / "lists", text).base == str(tmp_path / "lists")
    # a run that goes on is told what the first one found out
    assert listing(tmp_path / "lists", text, base=str(tmp_path / "here")).base == str(tmp_path / "here")


def test_a_listing_whose_folder_is_gone_stops_the_job(tmp_path):
    (tmp_path / "disk").mkdir()
    source = listing(tmp_path, "a.jpg\n", base=str(tmp_path / "disk"))
    source.check()

    (tmp_path / "disk").rename(tmp_path / "unplugged")

    with pytest.raises(StorageAway, match="disk is not there any more"):
        source.check()


@pytest.mark.parametrize("kind", ["txt", pytest.param("parquet", marks=pytest.mark.slow)])
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_three_hundred_thousand_lines_take_no_more_memory_than_half_of_them(tmp_path, kind):
    """Both are beyond what is sorted in memory."""
    peaks = []
    for count in (150_000, 300_000):
        path = tmp_path / f"{count}.{kind}"
        lines = [f"/data/photos/{index * 2654435761 % 2**32:08x}/IMG_{index:08d}.jpg" for index in range(count)]
        if kind == "parquet":
            pq.write_table(pa.table({"path": lines}), path)
        else:
            path.write_text("\n".join(lines))
        done = subprocess.run([sys.executable, "-c", ITERATE, path], capture_output=True, text=True, check=True)
        seen, peak = map(int, done.stdout.split())
        assert seen == count
        peaks.append(peak)

    assert peaks[1] < peaks[0] + (16 << 10)  # KiB
