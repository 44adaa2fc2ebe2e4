"""IN as somebody wrote it: which kind it is, and what is said where it is none."""

import io
import os
import tarfile
import zipfile

import pytest

from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.reading import read
from sightserve.batch.sources.archives import Archives
from sightserve.batch.sources.folder import Folder
from sightserve.batch.sources.listing import Listing
from sightserve.batch.sources.opening import open_source


def test_the_kind_of_a_source_is_told_by_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "list.txt").write_text("")
    with zipfile.ZipFile(tmp_path / "IN.ZIP", "w"):
        pass
    with tarfile.open(tmp_path / "a{1,2}.tar", "w"):
        pass

    kinds = {name: type(open_source(name)) for name in ("folder.zip", "list.txt", "IN.ZIP", "a{1,2}.tar", ".")}

    assert kinds == {"folder.zip": Folder, "list.txt": Listing, "IN.ZIP": Archives, "a{1,2}.tar": Archives, ".": Folder}
    assert open_source("folder.zip/").address == str(tmp_path / "folder.zip")
    assert open_source(f"file://{tmp_path}/folder%2Ezip").address == str(tmp_path / "folder.zip")


def test_one_photo_is_a_source_of_one(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    source = open_source(str(tmp_path / "a.jpg"))

    (photo,) = source.photos(None)

    assert (photo.name, read(photo)) == ("a.jpg", b"a")
    assert list(source.photos(photo)) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/sub/x", r"/missing is not there \(/.* is\)"),
        ("link", "is a link that leads nowhere"),
        ("pipe", "neither a folder nor a file"),
        ("notes.docx", r"nothing that photos are read from: a folder, an archive \(\.zip"),
        ("notes.docx/x", "not there"),
        ("", "name a folder"),
        ("a\0b", "NUL"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_what_photos_cannot_be_read_from_says_so(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.docx").write_bytes(b"")

    with pytest.raises(BatchError, match=words):
        open_source(name)


def test_an_archive_that_was_replaced_while_it_was_read_stops_the_job(tmp_path):
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    source = open_source(str(path))
    source.check()

    path.rename(tmp_path / "old.tar")
    (tmp_path / "in.tar").write_bytes(b"")

    with pytest.raises(StorageAway):
        source.check()


def test_archives_and_listings_elsewhere_are_opened_by_their_url(tmp_path):
    """`memory://` is fsspec's own object store: seekable files that are on no disk."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    memory.pipe("/sources/in-1.tgz", buffer.getvalue())
    memory.pipe("/sources/list.csv", b"path\nb.jpg\nhttp://host/c.jpg\n")

    alone = list(open_source("memory://sources/in-1.tgz").photos(None))
    several = list(open_source("memory://sources/in-{1..2}.tgz").photos(None))
    listed = list(open_source("memory://sources/list.csv").photos(None))

    assert [(photo.name, photo.data) for photo in alone] == [("a.jpg", b"")]
    assert [(photo.name, "There is no such file" in photo.fault) for photo in several] == [
        ("in-1.tgz/a.jpg", False),
        ("in-2.tgz", True),
    ]
    assert [photo.address for photo in listed] == ["memory://sources/b.jpg", "http://host/c.jpg"]
    with pytest.raises(BatchError, match=r"none\.zip cannot be read: There is no such file"):
        list(open_source("memory://sources/none.zip").photos(None))
    with pytest.raises(BatchError, match="nonsense"):
        open_source("nonsense://x/list.csv")
