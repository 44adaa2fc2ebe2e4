"""Photos sorted into folders: a zip that is made while it is sent."""

import asyncio
import io
import subprocess
import zipfile

import pytest

from sightserve.frontend.batch.sorted_zip import ROUTE, SortedZip, in_folders, name_of
from sightserve.frontend.inbox.sources import Source
from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place
from sightserve.frontend.shared.spare import Spare


@pytest.fixture
def account():
    return Account(Ledger({Place.MEMORY: Budget(10_000, 10_000)}), "me")


def offered(account, *photos):
    spare: Spare[Source] = Spare(account)
    for number, (_, name, data) in enumerate(photos):
        spare.keep(number, Source(name, len(data), io.BytesIO(data).getvalue), len(data))
    zip_ = SortedZip(spare, account)
    zip_.fill((folder, number) for number, (folder, _, _) in enumerate(photos))
    return zip_


def fetched(address):
    """What the server answers: status, headers, body."""
    sent = []

    async def fetch():
        async def receive():
            await asyncio.Event().wait()  # who asked stays

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": address, "query_string": b"", "headers": [], "root_path": ""}
        await ROUTE(scope, receive, send)

    asyncio.run(fetch())
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), body


def test_each_photo_lies_in_its_labels_folder_and_the_length_is_known_beforehand(account, tmp_path):
    zip_ = offered(
        account, ("tabby", "day1/a.jpg", b"one"), ("Not sure", "b.jpg", b"two" * 500), ("crème", "ü.jpg", b"")
    )

    _, headers, body = fetched("/" + zip_.address)

    assert int(headers[b"content-length"]) == len(body) == zip_.size
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "tabby/a.jpg": b"one",
            "Not sure/b.jpg": b"two" * 500,
            "crème/ü.jpg": b"",
        }
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert not any(
            entry.flag_bits & 0x8 for entry in archive.infolist()
        )  # sizes stand before the data: all read it


@pytest.mark.parametrize(
    ("photos", "paths"),
    [
        ([("tabby", "day1/a.jpg"), ("tabby", "day2/A.jpg")], ["tabby/a.jpg", "tabby/A (2).jpg"]),
        ([("cup/saucer", "a.jpg"), ("..", "b.jpg"), ("con", "c.jpg")], ["cup_saucer/a.jpg", "_/b.jpg", "_con/c.jpg"]),
        ([('a:b"?', "x.jpg"), ("dot.", " .jpg"), ("", "aux.jpg")], ["a_b__/x.jpg", "dot/jpg", "_/_aux.jpg"]),
        ([("x" * 300, "y" * 300 + ".jpeg")], ["x" * 80 + "/" + "y" * 75 + ".jpeg"]),
    ],
)
def test_folders_and_files_have_names_that_every_system_takes(photos, paths):
    assert in_folders(photos) == paths


def test_a_photo_that_came_as_a_jpeg_is_called_one():
    assert name_of("day1/a.heic", b"\xff\xd8\xff...") == "day1/a.jpg"
    assert name_of("day1/a.JPEG", b"\xff\xd8\xff...") == "day1/a.JPEG"
    assert name_of("day1/a.heic", b"....ftypheic") == "day1/a.heic"


def test_photos_that_had_to_go_are_not_there_any_more(account):
    zip_ = offered(account, ("tabby", "a.jpg", b"one"))
    other = zip_.address.replace(zip_.secret, "guessed")

    zip_.photos.let_go()

    assert fetched("/" + zip_.address)[0] == 404
    assert fetched("/" + other)[0] == 404


def test_a_zip_whose_photos_go_while_it_is_sent_ends_too_early(account):
    zip_ = offered(account, ("tabby", "a.jpg", b"one"), ("tabby", "b.jpg", b"two"))

    chunks = zip_.chunks()
    first = next(chunks)
    zip_.photos.let_go()

    assert len(first) + sum(map(len, chunks)) < zip_.size


def test_other_programs_unpack_it(account, tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"".join(offered(account, ("tabby", "a.jpg", b"one")).chunks()))

    subprocess.run(["python3", "-m", "zipfile", "-e", "photos.zip", "out"], cwd=tmp_path, check=True)

    assert (tmp_path / "out" / "tabby" / "a.jpg").read_bytes() == b"one"
