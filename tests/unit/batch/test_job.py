import dataclasses
import json

import pytest

from sightserve.batch.directory import Directory
from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.job import Terms, base_of, find_job, open_job
from sightserve.batch.photo import Photo

TERMS = Terms("/photos", "net 1", "a" * 64, 5, 10, "parquet", False, 50_000_000, 8)
PHOTOS = [Photo(f"{n}.jpg", f"/photos/{n}.jpg") for n in range(10)]


def test_a_job_is_found_as_it_was_left(tmp_path):
    store = Directory(str(tmp_path / "out"))
    job = open_job(store, TERMS, "/base")
    odd = Photo("caf\udce9\n.jpg", "/photos/caf\udce9\n.jpg", "member", 7, 9, fault="damaged")
    job.record(0, PHOTOS)
    job.record(1, [odd])
    job.end_listing(11, 2)
    store.write("part-00001.parquet", b"x")

    again = open_job(store, TERMS, "/elsewhere")

    assert again.photos(0) == PHOTOS
    assert again.photos(1) == [odd]
    assert (again.recorded, again.done, again.listed, again.base) == (2, {1}, (11, 2), "/base")
    assert base_of(store) == "/base"
    assert (again.photos_done, again.is_complete) == (1, False)
    store.write("part-00000.parquet", b"x")
    assert open_job(store, TERMS, "").is_complete
    assert open_job(store, TERMS, "").photos_done == 11


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("source", "/others", "photos from /photos, not photos from /others"),
        ("model", "net 2", "the model net 1, not answers of the model net 2"),
        ("sha256", "b" * 64, "other files"),
        ("top_k", 3, "--top-k 5, not --top-k 3"),
        ("form", "csv", "--format parquet, not --format csv"),
        ("shard_rows", 100, "--shard-rows 10, not"),
    ],
)
def test_another_job_in_the_same_place_is_refused(tmp_path, field, value, words):
    store = Directory(str(tmp_path))
    open_job(store, TERMS, "").record(0, PHOTOS)

    with pytest.raises(BatchError, match=words):
        open_job(store, dataclasses.replace(TERMS, **{field: value}), "")


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"version": 1}', '{"version": 2, "terms": {}}', '"x"'])
def test_a_damaged_job_is_said_to_be_one(tmp_path, damaged):
    store = Directory(str(tmp_path))
    store.write("_job/job.json", damaged.encode())

    for find in (lambda: open_job(store, TERMS, ""), lambda: find_job(store)):
        with pytest.raises(BatchError, match=r"another place|another version"):
            find()


def test_nothing_is_begun_before_a_photo_is_found(tmp_path):
    store = Directory(str(tmp_path))
    open_job(store, TERMS, "")

    open_job(store, dataclasses.replace(TERMS, source="/spelled/right"), "").record(0, PHOTOS)

    assert find_job(store).terms.source == "/spelled/right"


def test_shards_of_nobody_are_not_taken_for_done(tmp_path):
    store = Directory(str(tmp_path))
    store.write("part-00000.parquet", b"x")

    with pytest.raises(BatchError, match=r"no job\.json"):
        open_job(store, TERMS, "")


def test_a_summary_of_no_job_is_refused(tmp_path):
    with pytest.raises(BatchError, match="no job in"):
        find_job(Directory(str(tmp_path / "nothing")))


def test_a_listing_with_a_hole_is_believed_up_to_it(tmp_path):
    store = Directory(str(tmp_path))
    job = open_job(store, TERMS, "")
    for number in (0, 1, 3):
        job.record(number, PHOTOS)

    assert open_job(store, TERMS, "").recorded == 2


def test_a_file_is_there_whole_or_not_at_all_and_what_a_killed_run_left_goes(tmp_path):
    store = Directory(str(tmp_path))
    store.write("a/b.json", b"old")
    left = tmp_path / ".part-00000.parquet.0123.unfinished"
    left.write_bytes(b"half")

    with store.locked():
        store.write("a/b.json", b"new")
        with pytest.raises(BatchError, match="another run"), Directory(str(tmp_path)).locked():
            pass

    assert store.read("a/b.json") == b"new"
    assert not left.exists()
    assert list(store.names("a")) == ["b.json"]
    assert list(store.names("nothing")) == []
    with pytest.raises(FileNotFoundError):
        store.read("a/c.json")


def test_out_cannot_be_a_file_nor_lie_below_one(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(BatchError, match="is a file"):
        Directory(str(tmp_path / "file"))
    with pytest.raises(StorageAway, match="Not a directory"):
        Directory(str(tmp_path / "file" / "out")).write("x", json.dumps({}).encode())
