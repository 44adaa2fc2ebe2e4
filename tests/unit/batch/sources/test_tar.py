"""Tars as IN, webdataset's among them: compressed or not, whole or cut, several by a pattern."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable

import pytest

from sightserve.batch.errors import BatchError, Unreadable
from sightserve.batch.photo import MOST_BYTES
from sightserve.batch.reading import read
from sightserve.batch.sources import compression
from sightserve.batch.sources.opening import open_source

MEMBERS = [(f"./{index:03d}.jpg", bytes([index]) * (index * 40 + 1)) for index in range(12)]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}


def tarred(members: list[tuple[str, bytes]] = MEMBERS, format: int = tarfile.DEFAULT_FORMAT) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def rows(photos):
    """Return what the rows would say of photos: name, and bytes or what is wrong."""
    found: list[tuple[str, bytes | str]] = []
    for photo in photos:
        try:
            found.append((photo.name, read(photo)))
        except Unreadable as exc:
            found.append((photo.name, str(exc)))
    return found


@pytest.mark.parametrize("suffix", PACKED)
def test_photos_come_in_the_tars_order_and_go_on_behind_any_of_them(tmp_path, suffix):
    path = tmp_path / f"in{suffix}"
    twice = [
        *MEMBERS,
        ("000.jpg", b"again"),
        ("notes.txt", b"no photo"),
        ("é" * 120 + ".jpg", b"long"),
        ("\udcff.jpg", b""),
    ]
    path.write_bytes(PACKED[suffix](tarred(twice)))
    source = open_source(str(path))

    photos = list(source.photos(None))

    wanted = [(name.removeprefix("./"), data) for name, data in twice if name != "notes.txt"]
    assert rows(photos) == wanted
    assert source.streams == (suffix != ".tar")
    for index, photo in enumerate(photos):
        assert rows(source.photos(photo._replace(data=None))) == wanted[index + 1 :]
    assert rows(photo._replace(data=None) for photo in photos) == wanted  # slowly, but right


@pytest.mark.parametrize("suffix", PACKED)
def test_a_tar_that_is_cut_gives_what_is_in_it_and_a_row_for_itself(tmp_path, suffix):
    """Wherever it is cut, even between two members; and the rows are the same where a run goes on."""
    whole, path = tarred(), tmp_path / f"in{suffix}"
    sound = [(name.removeprefix("./"), data) for name, data in MEMBERS]
    for length in range(2 * tarfile.BLOCKSIZE, len(whole.rstrip(b"\0")), 3 * tarfile.BLOCKSIZE // 2):
        path.write_bytes(PACKED[suffix](whole[:length]))
        source = open_source(str(path))

        photos = list(source.photos(None))

        *got, last = rows(photos)
        assert last[0] == f"in{suffix}"
        assert "ends in the middle" in last[1]
        # of a plain tar, the last member's header may be there without all of its bytes
        assert got == sound[: len(got)] or (got[:-1] == sound[: len(got) - 1] and "file ends before" in got[-1][1])
        for index in (0, len(photos) // 2, len(photos) - 2, len(photos) - 1):
            assert rows(source.photos(photos[index])) == [*got, last][index + 1 :]


@pytest.mark.parametrize("name", ["in.tar", "in.tgz", "in.zip"])
@pytest.mark.parametrize("data", [b"", b"no archive", bytes(range(256)) * 8, gzip.compress(b"no tar", mtime=0)])
def test_what_is_no_archive_is_an_error(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(BatchError, match=f"{name} cannot be read: .* no (tar|zip)"):
        list(open_source(str(tmp_path / name)).photos(None))


def test_a_compressed_stream_that_is_damaged_is_a_row(tmp_path):
    packed = bytearray(gzip.compress(tarred([(f"{index}.jpg", os.urandom(5000)) for index in range(200)])))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "in.tgz").write_bytes(packed)

    got = rows(open_source(str(tmp_path / "in.tgz")).photos(None))

    assert 50 < len(got) < 202
    assert got[-1][0] == "in.tgz"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_link_is_the_photo_that_it_stands_for_inside_the_archive(tmp_path, suffix):
    """A hard link is how tar stores a photo that it has met under another name: a folder of links is a tar of them."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").write_bytes(b"photo")
    os.link(tmp_path / "sub" / "a.jpg", tmp_path / "sub" / "hard.jpg")
    (tmp_path / "sub" / "soft.jpg").symlink_to("hard.jpg")
    (tmp_path / "sub" / "outside.jpg").symlink_to("/etc/passwd")
    (tmp_path / "sub" / "round.jpg").symlink_to("round.jpg")
    (tmp_path / "sub" / "z.jpg").write_bytes(b"last")
    files = [f"./sub/{name}.jpg" for name in ("a", "hard", "outside", "round", "soft", "z")]
    subprocess.run(["tar", "-caf", f"in{suffix}", *files], cwd=tmp_path, check=True)
    source = open_source(str(tmp_path / f"in{suffix}"))

    photos = list(source.photos(None))

    assert [photo.name for photo in photos] == [name.removeprefix("./") for name in files]
    assert [read(photos[number]) for number in (0, 1, 4, 5)] == [b"photo", b"photo", b"photo", b"last"]
    with pytest.raises(Unreadable, match=r"link to etc/passwd|link to \S*/etc/passwd"):
        read(photos[2])
    with pytest.raises(Unreadable, match="link to a link"):
        read(photos[3])
    if suffix == ".tar":
        assert [list(source.photos(photo)) for photo in photos] == [photos[number:] for number in range(1, 7)]


def test_what_is_no_file_is_left_out_and_files_with_holes_say_so(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    os.mkfifo(tmp_path / "pipe.jpg")
    with (tmp_path / "holes.jpg").open("wb") as file:
        file.truncate(1 << 20)
    subprocess.run(["tar", "--sparse", "-cf", "in.tar", "a.jpg", "holes.jpg", "pipe.jpg"], cwd=tmp_path, check=True)
    source = open_source(str(tmp_path / "in.tar"))

    photos = list(source.photos(None))

    assert [photo.name for photo in photos] == ["a.jpg", "holes.jpg"]
    assert read(photos[0]) == b"a"
    with pytest.raises(Unreadable, match="with holes"):
        read(photos[1])
    assert [list(source.photos(photo)) for photo in photos] == [photos[1:], []]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_member_that_is_too_large_is_a_row_and_the_next_one_comes(tmp_path, suffix):
    """Its bytes are never in memory: the header alone says so."""
    big = tarfile.TarInfo("big.jpg")
    big.size = MOST_BYTES + 1
    padded = -(-big.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    path = tmp_path / f"in{suffix}"
    with path.open("wb") if suffix == ".tar" else gzip.open(path, "wb", compresslevel=1) as file:
        file.write(big.tobuf())
        for _ in range(padded >> 20):
            file.write(bytes(1 << 20))
        file.write(bytes(padded % (1 << 20)))
        file.write(tarred([("ok.jpg", b"ok")]))

    too_large, fine = open_source(str(tmp_path / f"in{suffix}")).photos(None)

    with pytest.raises(Unreadable, match=r"268,435,457 bytes, and 268,435,456 is the most") as failed:
        read(too_large)
    assert failed.value.code == "payload_too_large"
    assert read(fine) == b"ok"


@pytest.mark.parametrize("size", [-512, -1024, 1 << 70])
def test_a_header_that_lies_ends_the_tar_and_not_the_process(tmp_path, size):
    tar = tarred([("a.jpg", b"a"), ("b.jpg", b"b")], format=tarfile.PAX_FORMAT)
    lying = tarfile.TarInfo("c.jpg")
    lying.pax_headers = {"size": str(size)}
    hostile = lying.tobuf(tarfile.PAX_FORMAT)
    (tmp_path / "in.tar").write_bytes(tar[: 4 * tarfile.BLOCKSIZE] + hostile + tar[4 * tarfile.BLOCKSIZE :])

    got = rows(open_source(str(tmp_path / "in.tar")).photos(None))

    assert got[:2] == [("a.jpg", b"a"), ("b.jpg", b"b")]
    assert got[-1][0] == "in.tar"


def test_a_long_name_as_long_as_a_film_is_not_read_into_memory(tmp_path):
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    (tmp_path / "in.tar").write_bytes(tarred([("a.jpg", b"a")])[:1024] + name.tobuf() + bytes(1 << 20))

    assert [row[0] for row in rows(open_source(str(tmp_path / "in.tar")).photos(None))] == ["a.jpg", "in.tar"]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the command zstd")
def test_zstd_needs_a_python_that_has_it(tmp_path):
    (tmp_path / "in.tar").write_bytes(tarred([("a.jpg", b"a")]))
    subprocess.run(["zstd", "-q", "in.tar"], cwd=tmp_path, check=True)

    try:
        got = rows(open_source(str(tmp_path / "in.tar.zst")).photos(None))
    except BatchError as exc:
        assert "from 3.14 on: unpack it" in str(exc)  # noqa: PT017
    else:
        assert got == [("a.jpg", b"a")]


def test_compression_is_told_by_the_bytes():
    assert compression.compression(b"\x28\xb5\x2f\xfd\x00\x00") == "zstd"
    assert compression.compression(tarred()[:6]) is None


def test_several_archives_are_named_by_a_pattern(tmp_path):
    for index in range(12):
        (tmp_path / f"data-{index:04d}.tar").write_bytes(tarred([(f"{index}.jpg", b"x"), ("z.jpg", b"%d" % index)]))
    (tmp_path / "data-0005.tar").write_bytes(b"no tar at all")
    source = open_source(str(tmp_path / "data-{0000..0011}.tar"))

    photos = list(source.photos(None))

    got = rows(photos)
    assert got[:3] == [("data-0000.tar/0.jpg", b"x"), ("data-0000.tar/z.jpg", b"0"), ("data-0001.tar/1.jpg", b"x")]
    assert got[10][0] == "data-0005.tar"
    assert len(got) == 23
    for index, photo in enumerate(photos):
        assert rows(source.photos(photo)) == got[index + 1 :]
    with pytest.raises(BatchError, match=r"stands for 14 archives; 2 are not there, as .*data-0012\.tar"):
        open_source(str(tmp_path / "data-{0000..0013}.tar"))


@pytest.mark.parametrize("pattern", ["x-{0..99999999}.tar", "x-{0..999}{0..9999}.tar", "x-{5..1}.tar", "x-{1..2}.jpg"])
def test_a_pattern_that_makes_no_sense_says_so(tmp_path, pattern):
    with pytest.raises(BatchError, match=r"stands for more than|counts backwards|names archives"):
        open_source(str(tmp_path / pattern))
