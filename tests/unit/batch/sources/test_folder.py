"""A folder as IN: which photos are found, in which order, and how little is looked at for the first."""

import os
import random
import socket
import tarfile
import zipfile
from itertools import islice
from pathlib import Path

import pytest

from sightserve.batch.errors import BatchError, StorageAway, Unreadable
from sightserve.batch.photo import order
from sightserve.batch.reading import read
from sightserve.batch.sources.opening import open_source


def names(folder, after=None, **options):
    return [photo.name for photo in open_source(str(folder), **options).photos(after)]


def fill(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode(errors="surrogateescape"))


def opened_folders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each folder goes that is listed from now on."""
    opened: list[str] = []
    scandir = os.scandir

    def noted(path):
        opened.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    return opened


def test_photos_come_in_the_order_of_their_whole_names_bytes(tmp_path):
    """As an object store lists them: "a-b" < "a.jpg" < "a/1.jpg" < "a0.jpg", since "-" < "." < "/" < "0"."""
    found = ["B.jpg", "a-b/1.jpg", "a.jpg", "a/1.jpg", "a/b/1.jpg", "a/b0.jpg", "a0.jpg", "é.jpg", "\udcff.jpg"]
    fill(tmp_path, *random.Random(1).sample(found, len(found)))

    listed = names(tmp_path)

    assert listed == sorted(found, key=order)
    assert [read(photo) for photo in open_source(str(tmp_path)).photos(None)] == [order(name) for name in listed]


def test_only_what_is_called_like_a_photo_is_taken_unless_every_file_is_asked_for(tmp_path):
    fill(tmp_path, "a.JPG", "notes.txt", "no_suffix", "__MACOSX/a.jpg", "._a.jpg", "sub/b.heic", "line\nbreak.png")

    assert names(tmp_path) == ["a.JPG", "line\nbreak.png", "sub/b.heic"]
    assert len(names(tmp_path, every_file=True)) == 7


def test_links_are_followed_to_files_and_not_to_folders(tmp_path):
    fill(tmp_path, "real/a.jpg", "elsewhere/b.jpg")
    folder = tmp_path / "real"
    (folder / "circle").symlink_to(folder)
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    (folder / "b.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    (folder / "nothing.jpg").symlink_to(tmp_path / "nothing")
    (folder / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "link").symlink_to(folder)

    photos = list(open_source(str(tmp_path / "link")).photos(None))

    assert [photo.name for photo in photos] == ["a.jpg", "b.jpg", "nothing.jpg", "self.jpg"]
    assert read(photos[1]) == b"elsewhere/b.jpg"
    with pytest.raises(Unreadable) as missing:
        read(photos[2])
    assert missing.value.code == "file_not_found"
    with pytest.raises(Unreadable, match="symbolic links"):
        read(photos[3])


def test_pipes_sockets_and_devices_are_not_photos_and_are_never_opened(tmp_path):
    fill(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "null.jpg").symlink_to("/dev/null")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.jpg"))

    assert names(tmp_path) == ["a.jpg"]


def test_the_first_photo_comes_before_later_folders_are_opened(tmp_path, monkeypatch):
    fill(tmp_path, *(f"{folder:03d}/{photo}.jpg" for folder in range(50) for photo in range(3)))
    opened = opened_folders(monkeypatch)

    first = next(open_source(str(tmp_path)).photos(None))

    assert first.name == "000/0.jpg"
    assert opened == [tmp_path.name, "000"]


def test_folders_that_lie_before_the_last_recorded_photo_are_not_opened_again(tmp_path, monkeypatch):
    fill(tmp_path, *(f"{folder}/{sub}/{photo}.jpg" for folder in range(4) for sub in range(3) for photo in range(2)))
    source = open_source(str(tmp_path))
    last = next(islice(source.photos(None), 15, None))  # six to a folder: 2/1/1.jpg is the 16th
    opened = opened_folders(monkeypatch)

    rest = [photo.name for photo in source.photos(last)]

    assert last.name == "2/1/1.jpg"
    assert rest == ["2/2/0.jpg", "2/2/1.jpg", *(f"3/{sub}/{photo}.jpg" for sub in range(3) for photo in range(2))]
    assert opened == [tmp_path.name, "2", "1", "2", "3", "0", "1", "2"]


def test_a_folder_that_cannot_be_listed_becomes_a_row_and_the_rest_goes_on(tmp_path):
    """Its path is longer than the system takes: for root, no right is ever missing."""
    fill(tmp_path, "a.jpg", "z.jpg")
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=at)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)

    source = open_source(str(tmp_path))
    photos = list(source.photos(None))

    assert [photo.name[:1] for photo in photos] == ["a", "d", "z"]
    with pytest.raises(Unreadable, match=r"folder cannot be listed.*File name too long"):
        read(photos[1])
    assert list(source.photos(photos[1])) == photos[2:]


def test_archives_in_a_folder_are_opened_in_their_place(tmp_path):
    fill(tmp_path, "sub/c.jpg", "sub/data.tar.txt", "x.jpg")
    (tmp_path / "sub" / "broken.zip").write_bytes(b"no zip")
    with tarfile.open(tmp_path / "sub" / "data.tar", "w") as tar:
        tar.add(tmp_path / "x.jpg", "0001.jpg")
        tar.add(tmp_path / "x.jpg", "0000.jpg")
    with zipfile.ZipFile(tmp_path / "sub" / "data.zip", "w") as archive:
        archive.writestr("in/b.jpg", b"b")
        archive.writestr("in/a.jpg", b"a")

    source = open_source(str(tmp_path))
    photos = list(source.photos(None))

    assert [photo.name for photo in photos] == [
        "sub/broken.zip",
        "sub/c.jpg",
        "sub/data.tar/0001.jpg",
        "sub/data.tar/0000.jpg",
        "sub/data.zip/in/a.jpg",
        "sub/data.zip/in/b.jpg",
        "x.jpg",
    ]
    assert [read(photo) for photo in photos[1:]] == [b"sub/c.jpg", b"x.jpg", b"x.jpg", b"a", b"b", b"x.jpg"]
    with pytest.raises(Unreadable, match=r"archive cannot be read \(any further\): this is no zip"):
        read(photos[0])
    for index, photo in enumerate(photos):
        assert list(source.photos(photo)) == photos[index + 1 :]


def test_a_compressed_tar_in_a_folder_is_a_row_that_says_what_to_do(tmp_path):
    fill(tmp_path, "a.jpg")
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as tar:
        tar.add(tmp_path / "a.jpg", "a.jpg")

    last = list(open_source(str(tmp_path)).photos(None))[-1]

    assert last.name == "b.tgz"
    with pytest.raises(Unreadable, match=r"compressed.*name it alone"):
        read(last)


def test_a_folder_that_is_gone_stops_the_job_instead_of_making_rows(tmp_path):
    fill(tmp_path, "in/a/1.jpg", "in/b/1.jpg")
    source = open_source(str(tmp_path / "in"))
    photos = source.photos(None)
    next(photos)
    source.check()

    (tmp_path / "in").rename(tmp_path / "away")

    with pytest.raises(StorageAway, match=r"in is not there any more.*run the same command again"):
        source.check()
    with pytest.raises(StorageAway):
        next(photos)
    (tmp_path / "in").mkdir()  # as a mount point is without its disk
    with pytest.raises(StorageAway):
        source.check()


def test_a_folder_that_vanishes_while_it_is_walked_is_an_error_only_as_a_whole(tmp_path):
    fill(tmp_path, "a/1.jpg", "b/1.jpg", "c/1.jpg")
    photos = open_source(str(tmp_path)).photos(None)
    next(photos)
    (tmp_path / "b" / "1.jpg").unlink()
    (tmp_path / "b").rmdir()

    rest = list(photos)

    assert [(photo.name, bool(photo.fault)) for photo in rest] == [("b", True), ("c/1.jpg", False)]


def test_an_empty_folder_has_no_photos(tmp_path):
    assert names(tmp_path) == []
    with pytest.raises(BatchError, match=r"none/sub is not there|none is not there"):
        open_source(str(tmp_path / "none" / "sub"))
