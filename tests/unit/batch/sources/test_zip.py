"""Zips as IN: what is in them, by other people's tools too, and what a hostile one can do."""

import io
import random
import shutil
import stat
import struct
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from sightserve.batch import unzip
from sightserve.batch.errors import BatchError, Unreadable
from sightserve.batch.reading import read
from sightserve.batch.sources.opening import open_source


def photos_of(path, after=None, **options):
    return list(open_source(str(path), **options).photos(after))


@pytest.fixture
def zipped(tmp_path):
    """Return a function that writes a zip of these members, stored or deflated by turns."""

    def write(members, **options):
        with zipfile.ZipFile(tmp_path / "in.zip", "w", **options) as archive:
            for index, (name, data) in enumerate(members.items()):
                archive.writestr(name, data, zipfile.ZIP_DEFLATED if index % 2 else zipfile.ZIP_STORED)
        return tmp_path / "in.zip"

    return write


def test_photos_come_by_name_and_their_bytes_as_they_went_in(zipped):
    numbers = random.Random(1)
    members = {f"{index % 7}/{index}.jpg": numbers.randbytes(index * 10) for index in range(100)}
    path = zipped({**members, "7/": b"", "readme.txt": b"", "__MACOSX/0/._0.jpg": b""})

    photos = photos_of(path)
    with ThreadPoolExecutor(8) as pool:
        data = list(pool.map(read, photos))

    assert [photo.name for photo in photos] == sorted(members)
    assert data == [members[name] for name in sorted(members)]
    assert len(photos_of(path, every_file=True)) == 102
    for index in (0, 50, 99):
        assert photos_of(path, photos[index]) == photos[index + 1 :]


def test_a_zip_written_to_a_pipe_reads_the_same(tmp_path):
    """Sizes and checksums stand behind the bytes there."""

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

        tell = seek

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"a" * 1000)
    (tmp_path / "in.zip").write_bytes(pipe.getvalue())

    assert [read(photo) for photo in photos_of(tmp_path / "in.zip")] == [b"a" * 1000]


def test_a_zip_with_something_before_it_and_a_comment_behind_reads_the_same(tmp_path):
    with (tmp_path / "in.zip").open("wb") as file:
        file.write(b"#!/bin/sh\n" * 100)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("a.jpg", b"a")
            archive.comment = b"PK\x05 and more" * 1000

    assert [read(photo) for photo in photos_of(tmp_path / "in.zip")] == [b"a"]


@pytest.mark.slow
def test_more_entries_than_a_plain_zip_can_count_are_all_there(tmp_path):
    """Beyond 65,535, the directory is zip64's."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for index in range(65_600):
            archive.writestr(zipfile.ZipInfo(f"{index:06d}.jpg"), b"%d" % index)

    photos = photos_of(tmp_path / "in.zip")

    assert len(photos) == 65_600
    assert read(photos[-1]) == b"65599"


def test_sizes_in_the_zip64_field_are_taken(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive, archive.open("a.jpg", "w", force_zip64=True) as member:
        member.write(b"a" * 100)
    data = bytearray((tmp_path / "in.zip").read_bytes())
    at = data.rfind(b"PK\x01\x02")
    # the directory's entry as a tool writes it that always uses zip64: sizes and offset in the extra field
    extra = struct.pack("<HHQQQ", 1, 24, 100, 100, 0)
    data[at + 20 : at + 28] = b"\xff" * 8
    data[at + 42 : at + 46] = b"\xff" * 4
    data[at + 30 : at + 32] = struct.pack("<H", len(extra))
    data[at + 51 : at + 51] = extra
    end = data.rfind(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<L", end - at)
    (tmp_path / "in.zip").write_bytes(data)

    assert [read(photo) for photo in photos_of(tmp_path / "in.zip")] == [b"a" * 100]


@pytest.mark.parametrize(("flagged", "stored", "name"), [(True, "é", "é"), (False, "é", "é"), (False, b"\x82", "é")])
def test_names_are_read_as_the_tool_meant_them(tmp_path, flagged, stored, name):
    """macOS writes UTF-8 without saying so; DOS wrote code page 437."""
    raw = stored if isinstance(stored, bytes) else stored.encode()
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("x" * len(raw) + ".jpg", b"a")
    data = bytearray((tmp_path / "in.zip").read_bytes().replace(b"x" * len(raw) + b".jpg", raw + b".jpg"))
    at = data.rfind(b"PK\x01\x02")
    data[at + 9] |= 8 if flagged else 0
    (tmp_path / "in.zip").write_bytes(data)

    (photo,) = photos_of(tmp_path / "in.zip")

    assert photo.name == f"{name}.jpg"
    assert read(photo) == b"a"


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_of_two_members_with_one_name_the_last_is_taken_and_links_are_not(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.jpg", b"first")
        archive.writestr("a.jpg", b"last")
        link = zipfile.ZipInfo("b.jpg")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    assert [(photo.name, read(photo)) for photo in photos_of(tmp_path / "in.zip")] == [("a.jpg", b"last")]


def test_a_photo_that_unpacks_to_too_much_is_its_own_error_whatever_the_header_says(zipped, monkeypatch):
    monkeypatch.setattr(unzip, "MOST_BYTES", 1_000_000)  # the real bound takes seconds to write
    path = zipped({"a.txt": b"", "bomb.jpg": bytes(1_000_001), "ok.jpg": b"ok"})
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", 1_000_001), struct.pack("<L", 10)))

    bomb, fine = photos_of(path)

    with pytest.raises(Unreadable, match="unpacks to more than 1,000,000 bytes") as failed:
        read(bomb)
    assert failed.value.code == "payload_too_large"
    assert read(fine) == b"ok"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_say_so(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "in.zip", "w", method) as archive:
        archive.writestr("a.jpg", b"a" * 100)

    with pytest.raises(Unreadable, match=f"method {method}"):
        read(photos_of(tmp_path / "in.zip")[0])


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs the command zip")
def test_an_encrypted_photo_says_so(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a" * 100)
    subprocess.run(["zip", "-q", "-P", "secret", "in.zip", "a.jpg"], cwd=tmp_path, check=True)

    with pytest.raises(Unreadable, match="locked with a password"):
        read(photos_of(tmp_path / "in.zip")[0])


def test_every_byte_that_is_wrong_is_an_error_in_words_or_harmless(zipped):
    """Whatever is hit: nothing but our own errors, and never bytes that did not go in."""
    members = {"a.jpg": b"a" * 30, "b.jpg": bytes(range(64))}
    path = zipped(members)
    whole = path.read_bytes()

    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        try:
            photos = photos_of(path, every_file=True)
        except BatchError:
            continue
        for photo in photos:
            try:
                data = read(photo)
            except Unreadable:
                continue
            assert data in members.values(), at


def test_a_zip_that_is_cut_is_an_error_that_says_so(zipped):
    path = zipped({"a.jpg": b"a" * 1000})
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(BatchError, match="is cut: it has no directory at its end"):
        photos_of(path)
