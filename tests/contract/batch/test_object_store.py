"""Photos' bytes and results over S3, on good days and on bad ones."""

import functools
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.contract.batch.conftest import SHORT, put
from tests.fakes.faulty import Faulty

from sightserve.batch.clouds import elsewhere
from sightserve.batch.clouds import s3 as s3_cloud
from sightserve.batch.clouds.opening import locate
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.errors import BatchError, StorageAway, Unreadable
from sightserve.batch.object_store import ObjectStore, read_url

PHOTO = os.urandom(100_000)


def test_a_photo_is_read_with_one_request(s3: Faulty) -> None:
    address = put("a.jpg", PHOTO)
    s3.asked.clear()

    data = read_url(address)

    assert data == PHOTO
    assert s3.asked == ["GET /photos/a.jpg"]


def test_a_part_of_an_object_is_read_alone(s3: Faulty) -> None:
    address = put("photos.tar", PHOTO)

    assert read_url(address, 512, 1000) == PHOTO[512:1512]
    assert read_url(address, 99_000) == PHOTO[99_000:]
    assert read_url(address, 512, 0) == b""


def test_an_empty_object_is_no_error(s3: Faulty) -> None:
    assert read_url(put("empty.jpg", b"")) == b""


def test_a_body_that_is_cut_off_is_read_again(s3: Faulty) -> None:
    address = put("a.jpg", PHOTO)
    cuts = iter([50_000, 0, 99_999])
    s3.cut = lambda _: next(cuts, None)

    assert read_url(address, patience=SHORT) == PHOTO


def test_a_store_that_cuts_every_body_is_away(s3: Faulty) -> None:
    address = put("a.jpg", PHOTO)
    s3.cut = lambda _: 500

    with pytest.raises(StorageAway, match="cannot be reached, or is too busy"):
        read_url(address, patience=Patience(seconds=0.3, pause=0.05))


def test_a_store_that_is_busy_for_every_third_request_loses_nothing(s3: Faulty) -> None:
    addresses = [put(f"{number}.jpg", PHOTO[number:]) for number in range(12)]
    lock, count = threading.Lock(), iter(range(1000))

    def busy(_: str) -> tuple[int, str, str] | None:
        with lock:
            return (503, "SlowDown", "Please reduce your request rate.") if next(count) % 3 == 2 else None

    s3.answer = busy

    with ThreadPoolExecutor(8) as pool:
        photos = list(pool.map(functools.partial(read_url, patience=SHORT), addresses))

    assert photos == [PHOTO[number:] for number in range(12)]


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        pytest.param(404, "NoSuchKey", "file_not_found", id="gone since it was listed"),
        pytest.param(403, "AccessDenied", "unreadable_file", id="not for us"),
        pytest.param(403, "InvalidObjectState", "unreadable_file", id="archived"),
    ],
)
def test_what_is_wrong_with_one_photo_is_its_own(s3: Faulty, status: int, said: str, code: str) -> None:
    one, other = put("one.jpg"), put("other.jpg")
    s3.answer = lambda path: (status, said, "words") if path.endswith("one.jpg") else None

    with pytest.raises(Unreadable, match="words") as error:
        read_url(one)
    assert error.value.code == code
    assert read_url(other) == b"a photo"


def test_a_photo_that_vanished_is_a_row(s3: Faulty) -> None:
    with pytest.raises(Unreadable) as error:
        read_url("s3://photos/vanished.jpg")

    assert error.value.code == "file_not_found"


def test_a_photo_that_is_too_large_is_a_row_and_is_not_read(s3: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    address = put("large.jpg", PHOTO)
    monkeypatch.setattr(s3_cloud, "MOST_BYTES", 99_999)

    with pytest.raises(Unreadable) as error:
        read_url(address)
    assert error.value.code == "payload_too_large"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (404, "NoSuchBucket"),
        (401, "Unauthorized"),
    ],
)
def test_credentials_that_are_refused_end_the_job_at_once(s3: Faulty, status: int, said: str) -> None:
    """No photo gets a row for it, and nobody waits: it does not heal."""
    address = put("a.jpg")
    assert read_url(address)
    s3.answer = lambda _: (status, said, "words")
    s3.asked.clear()

    with pytest.raises(StorageAway, match=said):
        read_url(address)
    assert len(s3.asked) == 1


@pytest.mark.slow
def test_a_store_that_comes_back_after_three_seconds_was_not_away(s3: Faulty) -> None:
    address = put("a.jpg", PHOTO)
    s3.go()
    back = threading.Timer(3, s3.come)
    back.start()

    data = read_url(address)

    assert data == PHOTO
    back.join()


@pytest.mark.slow
def test_a_store_that_never_comes_back_is_away(s3: Faulty) -> None:
    address = put("a.jpg")
    s3.go()
    began = time.monotonic()

    with ThreadPoolExecutor(8) as pool:
        errors = list(pool.map(lambda _: pool_error(address), range(8)))

    assert all(isinstance(error, StorageAway) for error in errors)
    assert time.monotonic() - began < 20


def pool_error(address: str) -> BaseException | None:
    try:
        read_url(address, patience=Patience(seconds=2, pause=0.1))
    except BatchError as exc:
        return exc
    return None


def test_a_store_that_is_slow_is_waited_for(s3: Faulty) -> None:
    address = put("a.jpg", PHOTO)
    s3.wait = 0.3

    assert read_url(address) == PHOTO


def test_results_are_there_with_all_their_bytes(s3: Faulty) -> None:
    store = ObjectStore("s3://photos/out/")

    store.write("part-00001.parquet", b"one")
    store.write("_job/listing/00001.json.gz", b"listed")
    store.write("part-00001.parquet", b"one again")

    assert store.address == "s3://photos/out"
    assert list(store.names("")) == ["part-00001.parquet"]
    assert list(store.names("_job/listing")) == ["00001.json.gz"]
    assert list(store.names("_job/nothing")) == []
    assert store.read("part-00001.parquet") == b"one again"
    with pytest.raises(FileNotFoundError):
        store.read("part-00002.parquet")


def test_results_of_others_are_seen_at_once(s3: Faulty) -> None:
    store = ObjectStore("s3://photos/out")
    assert list(store.names("")) == []

    put("out/part-00001.parquet", b"by another machine")

    assert list(store.names("")) == ["part-00001.parquet"]
    assert store.read("part-00001.parquet") == b"by another machine"


def test_a_write_to_a_busy_store_is_tried_again_and_is_one_request(s3: Faulty) -> None:
    answers = iter([(503, "SlowDown", "slower"), (500, "InternalError", "sorry")])
    s3.answer = lambda _: next(answers, None)
    store = ObjectStore("s3://photos/out", patience=SHORT)

    store.write("part-00001.parquet", PHOTO)

    assert store.read("part-00001.parquet") == PHOTO
    assert [asked.split("?")[0] for asked in s3.asked] == ["PUT /photos/out/part-00001.parquet"] * 3 + [
        "GET /photos/out/part-00001.parquet"
    ]


def test_a_place_that_is_not_ours_to_write_to_is_said(s3: Faulty) -> None:
    s3.answer = lambda _: (403, "AccessDenied", "not you")

    with pytest.raises(StorageAway, match=r"s3://photos/ .*no right.*not you"):
        ObjectStore("s3://photos/out").write("part-00001.parquet", b"")
    with pytest.raises(StorageAway, match="not you"):
        list(ObjectStore("s3://photos/out").names(""))


def test_a_bucket_that_is_not_there_is_said(s3: Faulty) -> None:
    with pytest.raises(StorageAway, match=r"s3://nobodys/ is not there: no such bucket"):
        ObjectStore("s3://nobodys/out").write("part-00001.parquet", b"")


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_other_stores_do_it_too(kind: str, tmp_path: Path) -> None:
    store = ObjectStore(f"{kind}://{tmp_path}/out")

    assert list(store.names("")) == []
    store.write("part-00001.parquet", b"one")
    store.write("part-00001.parquet", b"one again")
    store.write("_job/runs/1.json", b"{}")

    assert list(store.names("")) == ["part-00001.parquet"]
    assert list(store.names("_job/runs")) == ["1.json"]
    assert store.read("part-00001.parquet") == b"one again"
    assert read_url(f"{store.address}/part-00001.parquet", 4, 3) == b"aga"
    with pytest.raises(FileNotFoundError):
        store.read("part-00002.parquet")


def test_what_was_not_written_to_its_end_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore(f"file://{tmp_path}", patience=Patience(seconds=0))
    cloud, _ = locate(store.address)
    assert isinstance(cloud, elsewhere.Elsewhere)
    monkeypatch.setattr(cloud.fs, "mv", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    with pytest.raises(StorageAway, match="No space left"):
        store.write("part-00001.parquet", b"one")

    assert list(tmp_path.iterdir()) == []


def test_a_photo_of_one_of_many_hosts_is_no_end_of_a_job():
    """Addresses with https:// are of strangers: one that is away says nothing about the others."""
    with pytest.raises(Unreadable) as error:
        read_url("http://127.0.0.1:1/a.jpg", patience=Patience(seconds=0))

    assert error.value.code == "unreadable_file"


@pytest.mark.parametrize(
    ("address", "package", "extra"),
    [("gs://b/a", "gcsfs", "gcs"), ("az://c/a", "adlfs", "azure"), ("s3a://b/a", "s3fs", "s3")],
)
def test_a_package_that_is_missing_is_named(address: str, package: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from sightserve.batch.store import open_store\n"
        f"try: open_store({address!r})\n"
        "except Exception as exc: print(type(exc).__name__, exc)"
    )

    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert said.startswith(f"BatchError {package} is missing")
    assert f"pip install '.[batch,{extra}]'" in said


@pytest.mark.parametrize("address", ["s3://", "s3:///a.jpg", "nonsense://x/a.jpg"])
def test_an_address_that_means_nothing_is_said(address: str) -> None:
    with pytest.raises(BatchError):
        read_url(address)
