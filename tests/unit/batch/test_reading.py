"""A photo's bytes from this machine's disks: as they are, in words why not, and never for ever."""

import errno
import os
import time

import pytest

from sightserve.batch.errors import StorageAway, Unreadable
from sightserve.batch.files import failure
from sightserve.batch.photo import MOST_BYTES, Photo
from sightserve.batch.reading import read


def fault(photo: Photo) -> tuple[str, str]:
    with pytest.raises(Unreadable) as failed:
        read(photo)
    return failed.value.code, str(failed.value)


def test_a_file_comes_whole_or_the_part_of_it_that_was_asked_for(tmp_path):
    path = tmp_path / "\udcff\n.jpg"
    path.write_bytes(bytes(range(256)))

    assert read(Photo("a", str(path))) == bytes(range(256))
    assert read(Photo("a", str(path), start=10, size=5)) == bytes(range(10, 15))
    assert read(Photo("a", str(path), start=250)) == bytes(range(250, 256))
    assert read(Photo("a", "/nowhere", data=b"with it")) == b"with it"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("missing.jpg", "file_not_found", "There is no such file"),
        ("file.jpg/below.jpg", "file_not_found", "There is no such file"),
        ("nul\0.jpg", "file_not_found", "NUL"),
        ("folder.jpg", "unreadable_file", "It is a folder"),
        ("pipe.jpg", "unreadable_file", "a pipe, a socket or a device"),
        ("circle.jpg", "unreadable_file", "symbolic links"),
        ("x" * 300, "unreadable_file", "File name too long"),
    ],
)
def test_what_cannot_be_read_says_why_and_nobody_waits(tmp_path, name, code, words):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "file.jpg").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    began = time.monotonic()

    got = fault(Photo(name, f"{tmp_path}/{name}"))

    assert got[0] == code
    assert words in got[1]
    assert time.monotonic() - began < 1


def test_a_photo_that_is_too_large_is_not_read_and_both_sizes_are_named(tmp_path):
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    got = fault(Photo("a", str(tmp_path / "big.jpg")))

    assert got == ("payload_too_large", "It has 268,435,457 bytes, and 268,435,456 is the most that a photo may have.")


def test_a_part_that_its_file_does_not_have_is_an_error(tmp_path):
    (tmp_path / "cut.tar").write_bytes(bytes(100))

    assert "ends before" in fault(Photo("a", str(tmp_path / "cut.tar"), start=90, size=11))[1]
    assert "ends before" in fault(Photo("a", str(tmp_path / "cut.tar"), start=1000, size=1))[1]
    (tmp_path / "cut.tar").rename(tmp_path / "cut.zip")
    assert "ends before" in fault(Photo("a", str(tmp_path / "cut.zip"), member="m", start=90, size=1))[1]


def test_a_disk_that_is_away_is_no_photos_fault():
    away = (errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ETIMEDOUT, errno.EMFILE, errno.ENOMEM)
    photos = (errno.ENOENT, errno.EACCES, errno.EIO, errno.ELOOP, errno.ENAMETOOLONG)

    assert all(isinstance(failure(OSError(each, os.strerror(each)), "/x"), StorageAway) for each in away)
    assert all(isinstance(failure(OSError(each, os.strerror(each)), "/x"), Unreadable) for each in photos)
