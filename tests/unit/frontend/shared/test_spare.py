"""What is kept until somebody needs its room."""

import gc

import pytest
from tests.unit.frontend.shared.test_ledger import ledger

from sightserve.frontend.shared.ledger import Account, NoRoom, Place
from sightserve.frontend.shared.spare import Spare


def kept(book, session, *sizes):
    spare: Spare[str] = Spare(Account(book, session))
    for number, size in enumerate(sizes):
        spare.keep(number, f"thing {number}", size)
    return spare


def test_what_is_kept_is_booked_and_given_back_when_nobody_has_it_any_more():
    book = ledger()
    spare = kept(book, "me", 100, 50)

    assert (book.held(Place.MEMORY)["me"], spare.size, spare.get(1)) == (150, 150, "thing 1")
    del spare
    gc.collect()
    assert book.held(Place.MEMORY) == {}


def test_nobody_is_refused_for_it():
    book = ledger()
    spare = kept(book, "me", 200)

    reserved = book.reserve("another", 450)  # half of what is left beside 200 would be 400

    assert (spare.is_gone, spare.size, spare.get(0)) == (True, 0, None)
    spare.keep(2, "more", 10)
    assert book.held(Place.MEMORY) == {"another": reserved.size}


def test_ones_own_goes_first_and_no_more_than_it_takes():
    book = ledger()
    mine, others = kept(book, "me", 100), kept(book, "another", 100)

    book.reserve("me", 420)

    assert (mine.is_gone, others.is_gone) == (True, False)


@pytest.mark.parametrize("size", [501, 10_000])
def test_who_would_be_refused_all_the_same_costs_nobody_anything(size):
    book = ledger()
    spare = kept(book, "me", 200)

    with pytest.raises(NoRoom):
        book.reserve("another", size)

    assert not spare.is_gone


def test_it_has_a_quarter_of_the_memory_and_the_oldest_goes_for_the_newest():
    book = ledger()
    oldest, middle = kept(book, "a", 120), kept(book, "b", 120)

    newest = kept(book, "c", 60, 60)

    assert (oldest.is_gone, middle.is_gone, newest.is_gone) == (True, False, False)
    assert kept(book, "d", 200, 60).is_gone  # more than a quarter by itself


def test_what_waits_for_room_for_a_moment_does_not_wait_for_it():
    book = ledger()
    spare = kept(book, "me", 200)
    booked = book.book("me", 700)

    with book.passing("another", 50), book.passing("third", 100):
        assert spare.is_gone
    assert book.held(Place.MEMORY) == {"me": booked.size}
