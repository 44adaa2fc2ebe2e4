"""The ledger: what is held is booked, and nobody fills it for all."""

import gc
import threading

import pytest

from sightserve.frontend.shared.ledger import Account, Budget, Ledger, NoRoom, Place, budgets
from sightserve.frontend.shared.settings import MIB, UiSettings


def ledger(total: int = 1000, session: int = 1000) -> Ledger:
    budget = Budget(total, session)
    return Ledger({Place.MEMORY: budget, Place.DISK: budget})


def test_what_is_booked_is_held_until_it_is_released():
    book = ledger()
    booking = book.book("me", 100)
    booking.add(50)
    held = book.held(Place.MEMORY)

    booking.release()
    booking.release()

    assert held == {"me": 150}
    assert book.held(Place.MEMORY) == {}
    assert booking.size == 0


def test_a_booking_that_nobody_has_any_more_is_given_back():
    """Also one that lies in a cycle, as what sessions leave does."""
    book = ledger()
    thing = [book.book("me", 100)]
    thing.append(thing)  # type: ignore[arg-type]

    del thing
    gc.collect()

    assert book.held(Place.MEMORY) == {}


@pytest.mark.parametrize(
    ("others", "mine", "size", "ever"),
    [
        (0, 0, 401, False),  # beyond what one session may have
        (0, 300, 101, False),
        (600, 0, 201, True),  # more than half of what the others leave
        (600, 150, 51, True),
        (1000, 0, 1, True),
    ],
)
def test_a_session_has_its_share_and_no_more(others, mine, size, ever):
    book = ledger(total=1000, session=400)
    kept = [book.book("others", others), book.book("me", mine)]

    with pytest.raises(NoRoom) as refused:
        book.reserve("me", size)

    assert refused.value.ever is ever
    assert book.reserve("me", size - 1).size == size - 1
    assert kept


def test_four_tabs_of_one_person_leave_room_for_the_next_visitor():
    book = Ledger(budgets(UiSettings()))
    kept = []
    for tab in range(4):
        while True:
            try:
                kept.append(book.reserve(f"tab {tab}", 4 * MIB))
            except NoRoom:
                break

    assert book.held(Place.MEMORY)["tab 0"] == 256 * MIB
    kept.append(book.reserve("the next visitor", 30 * MIB))  # as large as a photo may be


def test_however_many_sessions_there_are_the_total_is_a_bound():
    book = ledger(total=1000, session=1000)
    kept = []
    for session in range(200):
        for _ in range(30):
            try:
                kept.append(book.reserve(str(session), 7))
            except NoRoom:
                break

    assert 900 < book.held(Place.MEMORY).total() <= 1000


def test_disk_and_memory_are_counted_apart():
    book = ledger(total=1000)
    full = book.reserve("me", 500, Place.DISK)

    assert book.reserve("me", 500, Place.MEMORY).size == full.size
    with pytest.raises(NoRoom):
        book.reserve("me", 1, Place.DISK)


def test_a_booking_that_may_not_grow_stays_as_it_is():
    book = ledger(total=1000)
    booking = book.reserve("me", 400)

    with pytest.raises(NoRoom):
        booking.grow_to(501)

    assert booking.size == 400
    booking.grow_to(500)
    booking.grow_to(10)
    assert book.held(Place.MEMORY) == {"me": 10}


def test_what_passes_waits_for_room_and_one_at_a_time_goes_on_in_any_case():
    book = ledger(total=100)
    kept = book.book("others", 90)
    entered = threading.Event()

    def second():
        with Account(book, "me").passing(50):
            entered.set()

    with book.passing("me", 50):  # more than there is: nobody else passes
        waiting = threading.Thread(target=second)
        waiting.start()
        assert not entered.wait(0.3)
        assert book.held(Place.MEMORY) == {"others": 90, "me": 50}
    waiting.join(5)

    assert entered.is_set()
    assert book.held(Place.MEMORY) == {"others": 90}
    assert kept
