"""Strangers' zips: read photo by photo, refused when they are hostile."""

import io
import stat
import struct
import zipfile

import pytest

from sightserve.frontend.inbox.archive import ArchiveRefused, open_zip
from sightserve.frontend.inbox.sources import FileRefused

MIB = 1024 * 1024


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return buffer.getvalue()


def opened(data, max_photos=100, max_bytes=30 * MIB):
    return open_zip(data, max_photos=max_photos, max_bytes=max_bytes)


def test_photos_are_listed_and_read_one_by_one_and_other_files_are_counted():
    contents = opened(zipped(("holiday/cat.JPG", b"cat"), ("holiday/notes.txt", b"x"), ("dog.heic", b"dog")))

    assert [(photo.name, photo.size, photo.read()) for photo in contents.photos] == [
        ("holiday/cat.JPG", 3, b"cat"),
        ("dog.heic", 3, b"dog"),
    ]
    assert contents.others == 1


def test_photos_of_the_same_name_in_two_folders_are_told_apart():
    contents = opened(zipped(("day1/IMG_0001.jpg", b"one"), ("day2/IMG_0001.jpg", b"two")))

    assert [photo.name for photo in contents.photos] == ["day1/IMG_0001.jpg", "day2/IMG_0001.jpg"]


@pytest.mark.parametrize(
    "name", ["__MACOSX/._cat.jpg", "a/._cat.jpg", "._b.jpg", "a/.DS_Store", "Thumbs.db", "folder/"]
)
def test_what_operating_systems_leave_in_zips_is_not_even_counted(name):
    contents = opened(zipped((name, b"")))

    assert (contents.photos, contents.others) == ([], 0)


@pytest.mark.parametrize(
    "name", ["../cat.jpg", "a/../../cat.jpg", "/etc/cat.jpg", "..\\cat.jpg", "C:\\cat.jpg", "C:/x.jpg"]
)
def test_a_path_that_leads_out_is_refused_beside_the_others(name):
    contents = opened(zipped((name, b"bad"), ("good.jpg", b"good")))

    with pytest.raises(FileRefused, match="leads out of the zip"):
        contents.photos[0].read()
    assert contents.photos[1].read() == b"good"


def test_a_link_is_refused():
    link = zipfile.ZipInfo("cat.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16

    (photo,) = opened(zipped((link, b"/etc/passwd"))).photos

    with pytest.raises(FileRefused, match="link") as refused:
        photo.read()
    assert refused.value.code == "unreadable_file"


def test_an_entry_that_grows_too_much_is_refused():
    bomb = zipped(("bomb.bmp", bytes(20 * MIB)), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < MIB

    (photo,) = opened(bomb).photos

    with pytest.raises(FileRefused, match="far more") as refused:
        photo.read()
    assert refused.value.code == "payload_too_large"


def test_an_entry_that_lies_about_its_size_is_never_read_beyond_it():
    data = bytearray(zipped(("cat.jpg", bytes(5 * MIB)), method=zipfile.ZIP_DEFLATED))
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 100)  # the unpacked size, as the directory gives it

    (photo,) = opened(bytes(data)).photos

    with pytest.raises(FileRefused, match="damaged"):
        photo.read()


def test_an_entry_that_is_too_large_is_refused():
    (photo,) = opened(zipped(("cat.jpg", bytes(200))), max_bytes=100).photos

    with pytest.raises(FileRefused, match="too large") as refused:
        photo.read()
    assert refused.value.code == "payload_too_large"


def test_an_encrypted_entry_is_refused():
    data = bytearray(zipped(("cat.jpg", b"secret")))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1

    (photo,) = opened(bytes(data)).photos

    with pytest.raises(FileRefused, match="password"):
        photo.read()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_ordinary_compression_is_unpacked(method):
    (photo,) = opened(zipped(("cat.jpg", b"cat" * 100), method=method)).photos

    with pytest.raises(FileRefused, match="ordinary"):
        photo.read()


def test_a_damaged_entry_is_an_error_beside_the_others():
    data = zipped(("one.jpg", b"photo one"), ("two.jpg", b"photo two")).replace(b"photo one", b"other one")

    contents = opened(data)

    with pytest.raises(FileRefused, match="damaged"):
        contents.photos[0].read()
    assert contents.photos[1].read() == b"photo two"


def test_too_many_photos_are_refused_as_a_whole():
    with pytest.raises(ArchiveRefused, match="3 photos; 2 is the most"):
        opened(zipped(*((f"{i}.jpg", b"") for i in range(3))), max_photos=2)


def test_a_directory_of_very_many_entries_is_refused_before_it_is_read():
    with pytest.raises(ArchiveRefused, match="more than 5,000 files"):
        opened(b"PK\x01\x02" * 5001)


def test_a_zip_that_would_unpack_to_gigabytes_is_refused_as_a_whole():
    data = bytearray(zipped(("a.jpg", b"a"), ("b.jpg", b"b")))
    position = -1
    for _ in range(2):
        position = data.index(b"PK\x01\x02", position + 1)
        struct.pack_into("<I", data, position + 24, 1500 * MIB)

    with pytest.raises(ArchiveRefused, match="2 GB"):
        opened(bytes(data))


@pytest.mark.parametrize("data", [b"", b"PK", b"GIF89a", zipped((zipfile.ZipInfo("a.jpg"), b"x"))[:-10]])
def test_what_is_no_zip_is_refused_with_a_sentence(data):
    with pytest.raises(ArchiveRefused, match="not a zip"):
        opened(data)
