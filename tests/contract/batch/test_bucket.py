"""A bucket's photos: which, in what order, and what is said where they cannot be listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contract.batch.conftest import SHORT, put
from tests.fakes.faulty import Faulty

from sightserve.batch.clouds import faults
from sightserve.batch.clouds import s3 as s3_cloud
from sightserve.batch.clouds.faults import Fault
from sightserve.batch.clouds.opening import locate
from sightserve.batch.clouds.patience import Patience
from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.object_store import read_url
from sightserve.batch.photo import Photo, order
from sightserve.batch.sources.bucket import Bucket, open_bucket

ODD = [
    "a b.jpg",
    "a+b.jpg",
    "a%20b.jpg",
    "a&b<c>.jpg",
    "a=b;c,d.jpg",
    "a::b.jpg",
    "h#x.jpg",
    "q?versionId=3.jpg",
    "b\\s.jpg",
    '"q".jpg',
    "*.jpg",
    "[x].jpg",
    "{}.jpg",
    "~t.jpg",
    "/lead.jpg",
    "a//b.jpg",
    "../up.jpg",
    "./dot.jpg",
    "\x01.jpg",
    "é日.jpg",
    "e\u0301.jpg",
    "\ufb01.jpg",
    "😀.jpg",
    "x.jpg/inner.jpg",
    "trail .JPG",
]


def names(source: Bucket, after: Photo | None = None) -> list[str]:
    return [photo.name for photo in source.photos(after)]


def test_keys_of_any_letters_are_listed_in_the_order_of_their_bytes_and_read_back(s3: Faulty) -> None:
    for name in ODD:
        put(f"photos/{name}", name.encode())

    photos = list(open_bucket("s3://photos/photos", every_file=False).photos(None))

    assert [photo.name for photo in photos] == sorted(ODD, key=order)
    assert [read_url(photo.address).decode() for photo in photos] == [photo.name for photo in photos]


def test_a_folder_is_not_the_one_whose_name_goes_on(s3: Faulty) -> None:
    for key in (
        "photos/a.jpg",
        "photos/notes.txt",
        "photos/deep/b.JPEG",
        "photos/deep/",
        "photos2/c.jpg",
        "photos.jpg",
        "d.jpg",
    ):
        put(key)

    assert names(open_bucket("s3://photos/photos", every_file=False)) == ["a.jpg", "deep/b.JPEG"]
    assert names(open_bucket("s3://photos/photos/", every_file=True)) == ["a.jpg", "deep/b.JPEG", "notes.txt"]
    assert len(names(open_bucket("s3://photos", every_file=False))) == 5
    assert names(open_bucket("s3://photos/", every_file=False)) == names(open_bucket("s3://photos", every_file=False))


def test_an_object_is_a_source_of_one(s3: Faulty) -> None:
    address = put("photos/a.jpg")
    put("photos/a.jpg.jpg")

    source = open_bucket(address, every_file=False)

    assert list(source.photos(None)) == [Photo("a.jpg", address)]
    assert list(source.photos(Photo("a.jpg", address))) == []


def test_the_first_photo_comes_with_the_first_page(s3: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_cloud, "PAGE", 10)
    for number in range(25):
        put(f"photos/{number:04}.jpg", b"")
    source = open_bucket("s3://photos/photos", every_file=False)
    s3.asked.clear()

    photos = source.photos(None)

    assert next(photos).name == "0000.jpg"
    assert len(s3.asked) == 1
    assert len(list(photos)) == 24
    assert len(s3.asked) == 3


def test_a_run_that_goes_on_asks_only_for_what_is_behind(s3: Faulty) -> None:
    for name in ("a.jpg", "b.jpg", "b.jpg.jpg", "c.jpg"):
        put(f"photos/{name}")
    source = open_bucket("s3://photos/photos", every_file=False)
    photos = list(source.photos(None))
    s3.asked.clear()

    assert names(source, photos[1]) == ["b.jpg.jpg", "c.jpg"]
    assert "start-after=photos%2Fb.jpg" in s3.asked[0]
    assert names(source, photos[-1]) == []


def test_a_page_is_asked_for_again(s3: Faulty) -> None:
    put("photos/a.jpg")
    answers = iter([(503, "SlowDown", "slower")])
    s3.answer = lambda _: next(answers, None)
    cuts = iter([20])
    s3.cut = lambda _: next(cuts, None)

    assert names(open_bucket("s3://photos/photos", every_file=False, patience=SHORT, first=SHORT)) == ["a.jpg"]


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        pytest.param((404, "NoSuchBucket", "none"), BatchError, "no such bucket", id="no bucket"),
        pytest.param((403, "AccessDenied", "not you"), BatchError, "no right to.*not you", id="no right"),
        pytest.param((400, "ExpiredToken", "expired"), StorageAway, "credentials.*expired", id="expired"),
        pytest.param((503, "SlowDown", "slower"), StorageAway, "too busy.*slower", id="busy for ever"),
    ],
)
def test_what_cannot_be_listed_is_said(
    s3: Faulty, refusal: tuple[int, str, str], kind: type[BatchError], words: str
) -> None:
    source = open_bucket(
        "s3://photos/photos", every_file=False, first=Patience(seconds=0), patience=Patience(seconds=0)
    )
    s3.answer = lambda _: refusal

    with pytest.raises(kind, match=words):
        list(source.photos(None))
    with pytest.raises(StorageAway):
        source.check()

    s3.well()
    source.check()


def test_a_bucket_without_photos_is_said(s3: Faulty) -> None:
    put("photos/notes.txt")

    with pytest.raises(BatchError, match=r"no photo is in s3://photos/photos"):
        list(open_bucket("s3://photos/photos", every_file=False).photos(None))


def test_a_tree_of_folders_is_walked_in_the_order_of_whole_paths(tmp_path: Path) -> None:
    """`-` and `.` come before `/`: a folder takes its place with its `/`."""
    for name in ("a-b.jpg", "a.jpg", "a/x.jpg", "a/y/z.jpg", "a0.jpg", "new\nline.jpg", "b::c.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    source = open_bucket(f"file://{tmp_path}", every_file=False)

    photos = list(source.photos(None))

    expected = ["a-b.jpg", "a.jpg", "a/x.jpg", "a/y/z.jpg", "a0.jpg", "b::c.jpg", "new\nline.jpg"]
    assert [photo.name for photo in photos] == expected
    assert [read_url(photo.address).decode() for photo in photos] == expected
    for place, photo in enumerate(photos):
        assert names(source, photo) == expected[place + 1 :]
    with pytest.raises(BatchError, match="is not there"):
        list(open_bucket(f"file://{tmp_path}/nothing", every_file=False).photos(None))


@dataclass(frozen=True)
class Unsorted:
    """A store that lists as it likes, as directory buckets of S3 do."""

    says_so: bool
    at: str = "s3://photos/"
    shared: bool = True

    def sorts(self) -> bool:
        return not self.says_so

    def keys(self, prefix: str, after: str, *, deep: bool, patience: Patience, first: Patience) -> Iterator[str]:
        yield from ("b.jpg", "c.jpg", "a.jpg", "é.jpg")

    def exists(self, key: str) -> bool:
        return False

    def get(self, key: str, start: int, size: int | None) -> bytes:
        raise FileNotFoundError(key)

    def put(self, key: str, data: bytes) -> None:
        raise PermissionError(key)

    def judge(self, error: BaseException) -> tuple[Fault, str]:
        return faults.judge(error)


def test_a_store_that_lists_as_it_likes_is_sorted_here():
    source = Bucket("s3://photos", Unsorted(says_so=True), "", False, SHORT, SHORT)

    assert names(source) == ["a.jpg", "b.jpg", "c.jpg", "é.jpg"]
    assert names(source, Photo("b.jpg", "s3://photos/b.jpg")) == ["c.jpg", "é.jpg"]


def test_a_store_that_lists_as_it_likes_and_does_not_say_so_is_told_of():
    with pytest.raises(BatchError, match=r"does not list its keys in their order.*Give a listing"):
        names(Bucket("s3://photos", Unsorted(says_so=False), "", False, SHORT, SHORT))


@pytest.mark.parametrize(
    ("address", "at", "key"),
    [
        ("s3://b", "s3://b/", ""),
        ("s3://b/", "s3://b/", ""),
        ("s3://b//a.jpg", "s3://b/", "/a.jpg"),
        ("s3://b/a//", "s3://b/", "a//"),
        ("s3://b/b/b", "s3://b/", "b/b"),
        (
            "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/point/a/b.jpg",
            "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/point/",
            "a/b.jpg",
        ),
    ],
)
def test_an_address_says_bucket_and_key(client: object, address: str, at: str, key: str) -> None:
    cloud, found = locate(address)

    assert (cloud.at, found) == (at, key)
