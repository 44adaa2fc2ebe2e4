"""Photos to learn from, and what is left of them."""

import gc

import pytest
from tests.unit.frontend.teach.conftest import below, pick_of

from sightserve.frontend.shared.ledger import Account, Budget, Ledger, NoRoom, Place
from sightserve.frontend.teach.collection import MOST_CLASSES, Collection, TooMany


def test_photos_lie_in_a_folder_of_their_class_when_something_is_learned_from_them(collection):
    ripe, rotten = collection.groups
    collection.rename(ripe.number, "ripe / red")
    collection.rename(rotten.number, "..")
    collection.add(ripe, "a.jpg", b"one")
    collection.add(ripe, "../../etc/passwd", b"two")
    collection.add(rotten, "a.jpg", b"three")

    snapshot = collection.snapshot()
    collection.rename(ripe.number, "other")

    assert below(snapshot.folder) == ["Class 2/a-3.jpg", "ripe - red/a-1.jpg", "ripe - red/passwd-2.jpg"]
    assert set(snapshot.photos) == set(below(snapshot.folder))
    assert collection.photo(snapshot.photos["Class 2/a-3.jpg"]).path.read_bytes() == b"three"


def test_what_is_removed_from_the_boxes_meanwhile_is_still_there_for_the_training(collection):
    collection.add(collection.groups[0], "a.jpg", b"one")
    snapshot = collection.snapshot()

    collection.remove_class(collection.groups[0].number)

    assert [path.read_bytes() for path in snapshot.folder.rglob("*.jpg")] == [b"one"]


def test_the_same_photo_is_in_a_class_once_and_can_go_to_another(collection):
    ripe, rotten = collection.groups

    assert collection.add(ripe, "a.jpg", b"one")
    assert not collection.add(ripe, "b.jpg", b"one")
    (photo_id,) = ripe.photos
    before = collection.fingerprint()
    collection.move(photo_id, rotten.name)

    assert not ripe.photos
    assert list(rotten.photos) == [photo_id]
    assert collection.fingerprint() != before


def test_what_is_held_on_the_disk_is_booked_and_goes_with_the_session():
    book = Ledger({Place.DISK: Budget(100, 100)})
    mine = Account(book, "me")
    collection = Collection(mine)
    for file in pick_of(mine, ("a.jpg", b"0123456789"), ("b.jpg", b"9876543210")).hand_over_all():
        collection.adopt(collection.groups[0], file)
    folder = collection.snapshot().folder.parent
    held, mode = book.held(Place.DISK), folder.stat().st_mode & 0o777

    with pytest.raises(NoRoom):
        collection.add(collection.groups[0], "c.jpg", bytes(60))
    collection.remove(next(iter(collection.groups[0].photos)))
    fewer = book.held(Place.DISK)
    del collection, file
    gc.collect()

    assert (held, fewer, mode) == ({"me": 20}, {"me": 10}, 0o700)
    assert book.held(Place.DISK) == {}
    assert not folder.exists()


def test_there_are_no_more_classes_than_there_may_be(collection):
    for _ in range(MOST_CLASSES - 2):
        collection.add_class()

    with pytest.raises(TooMany):
        collection.add_class()
    assert len({group.name for group in collection.groups}) == MOST_CLASSES
