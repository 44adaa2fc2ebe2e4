"""What is listed when, by a source that counts what was asked of it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sightserve.batch.directory import Directory
from sightserve.batch.errors import BatchError, StorageAway
from sightserve.batch.job import Job, Terms, open_job
from sightserve.batch.listing import Listing
from sightserve.batch.photo import Photo, order

TERMS = Terms("/photos", "net 1", "a" * 64, 5, 10, "parquet", False, 50_000_000, 8)


class Counting:
    """So many photos by name; what is asked for after some of them is the rest."""

    address, base = "/photos", ""

    def __init__(self, count: int, *, streams: bool = False, before: Callable[[int], object] = lambda _: None) -> None:
        self.names = [f"{number:07d}.jpg" for number in range(count)]
        self.streams, self.given, self._before = streams, 0, before

    def photos(self, after: Photo | None) -> Iterator[Photo]:
        for number, name in enumerate(self.names):
            if after is None or order(name) > order(after.name):
                self._before(number)
                self.given += 1
                yield Photo(name, f"/photos/{name}", data=name.encode() if self.streams else None)

    def check(self) -> None:
        pass


def opened(tmp_path: Path) -> Job:
    return open_job(Directory(str(tmp_path / "out")), TERMS, "")


def listing(tmp_path: Path, source: Counting, stop: threading.Event | None = None) -> Listing:
    return Listing(opened(tmp_path), source, stop or threading.Event())


def flat(shards: dict[int, list[str]]) -> list[str]:
    return [name for names in shards.values() for name in names]


def names(listed: Listing) -> dict[int, list[str]]:
    return {shard.number: [photo.name for photo in shard.photos] for shard in listed.shards()}


def test_the_first_shard_comes_before_the_second_is_found(tmp_path):
    may_go_on = threading.Event()
    source = Counting(25, before=lambda number: number < 10 or may_go_on.wait(10))
    listed = listing(tmp_path, source)
    shards = listed.shards()

    first = next(shards)

    assert [photo.name for photo in first.photos] == source.names[:10]
    assert (listed.found, listed.is_whole) == (10, False)
    may_go_on.set()
    assert [len(shard.photos) for shard in shards] == [10, 5]
    assert (listed.found, listed.is_whole) == (25, True)


def test_a_run_that_goes_on_takes_what_was_written_down_and_lists_what_comes_after(tmp_path):
    stop = threading.Event()
    broken = Counting(95, before=lambda number: number < 42 or stop.wait(10))
    first = listing(tmp_path, broken, stop)
    taken = first.shards()
    assert [next(taken).number for _ in range(4)] == [0, 1, 2, 3]
    stop.set()
    assert list(taken) == []

    source = Counting(95)
    source.names.insert(3, "0000002a.jpg")  # come since, where all is written down: it is not in this job
    again = names(listing(tmp_path, source))

    assert flat(again) == broken.names
    assert source.given == 55


def test_what_is_there_is_not_handed_out_again(tmp_path):
    names(listing(tmp_path, Counting(30)))
    Directory(str(tmp_path / "out")).write("part-00001.parquet", b"")

    source = Counting(30)
    assert list(names(listing(tmp_path, source))) == [0, 2]
    assert source.given == 0


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20])
def test_every_photo_is_in_one_shard(tmp_path, count):
    source = Counting(count)
    if not count:
        with pytest.raises(BatchError, match="no photo in /photos"):
            names(listing(tmp_path, source))
        return

    assert flat(names(listing(tmp_path, source))) == source.names
    assert opened(tmp_path).listed == (count, -(-count // 10))


def test_an_error_in_the_middle_of_a_listing_comes_after_what_was_found(tmp_path):
    def fail(number: int) -> None:
        if number == 25:
            raise StorageAway("gone")

    shards = listing(tmp_path, Counting(30, before=fail)).shards()

    assert [next(shards).number, next(shards).number] == [0, 1]
    with pytest.raises(StorageAway, match="gone"):
        next(shards)
    assert flat(names(listing(tmp_path, Counting(30)))) == Counting(30).names


def test_photos_that_come_only_once_wait_on_the_disk_until_their_shard_is_there(tmp_path):
    listed = listing(tmp_path, Counting(25, streams=True))
    spools = set()
    for shard in listed.shards():
        for photo in shard.photos:
            with Path(photo.address).open("rb") as file:
                file.seek(photo.start)
                assert file.read(photo.size or 0) == photo.name.encode()
            assert photo.data is None
            spools.add(photo.address)
        listed.written(shard.number)
        assert not Path(shard.photos[0].address).exists()
    listed.close()

    assert len(spools) == 3
    Directory(str(tmp_path / "out")).write("part-00001.parquet", b"")
    again = listing(tmp_path, Counting(25, streams=True))
    assert list(names(again)) == [0, 2]
    again.close()
