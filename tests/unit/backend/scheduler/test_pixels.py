"""Memory as a resource: a slot says that a photo needs more than it may take, and the queue finds the moment for it."""

from tests.unit.backend.scheduler.queues import queue, queued, started

from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Start, State, Ticket, Wait


def deferred(q: Queue, pixels: int, now: float = 0.0, **more: float) -> Ticket:
    """A photo that was started once, and whose slot has said what it needs."""
    ticket = queued(q, now, **more)  # type: ignore[arg-type]
    (first, *_) = started(q, now)
    assert first is ticket
    assert q.defer(ticket, pixels)
    q.finish([ticket], now, learn=False)
    return ticket


def test_half_of_the_memory_is_the_slots_and_the_other_half_is_for_what_needs_more():
    q = queue(slots=4, max_pixels=800)

    assert (q.limits.pixels_each, q.limits.pixels_shared) == (
        80,
        400,
    )  # there is one more slot while there are large photos
    queued(q)
    decision = q.next(0.0)
    assert isinstance(decision, Start)
    assert decision.room == 80


def test_where_there_is_much_memory_a_photo_is_large_when_it_takes_long():
    q = queue(slots=4, max_pixels=800, large_pixels=10)

    assert (q.limits.pixels_each, q.limits.pixels_shared) == (10, 750)


def test_large_photos_never_take_the_last_slot_of_which_there_is_one_more_for_them():
    q = queue(slots=2, max_pixels=8000, large_pixels=100)
    first = deferred(q, 150)
    assert started(q) == [first]
    second = deferred(q, 150)
    assert started(q) == [second]
    third = deferred(q, 150)

    assert q.next(0.0) == Wait()  # though there is memory for the third
    small, other = queued(q), queued(q)
    assert started(q) == [small]
    assert q.next(0.0) == Wait()  # all three work
    q.finish([small], 0.1)
    assert started(q, 0.1) == [other]
    q.finish([first], 0.1)
    assert started(q, 0.1) == [third]


def test_a_large_photo_starts_beside_as_many_others_as_there_are_slots():
    q = queue(slots=2, max_pixels=8000, large_pixels=100)
    large = deferred(q, 150)
    small = [queued(q) for _ in range(3)]

    assert [started(q), started(q), started(q)] == [[large], [small[0]], [small[1]]]
    assert q.next(0.0) == Wait()
    q.finish([large], 0.1)
    assert q.next(0.1) == Wait()  # the one more is there for large photos only
    q.finish([small[0]], 0.1)
    assert started(q, 0.1) == [small[2]]


def test_a_photo_that_needs_more_starts_again_with_what_it_needs():
    q = queue(slots=4, max_pixels=800)
    large = deferred(q, 150)

    decision = q.next(0.0)

    assert decision == Start([large], True, 150)


def test_a_second_large_photo_waits_while_there_is_no_memory_and_small_ones_pass_it():
    q = queue(slots=4, max_pixels=800)
    first = deferred(q, 300)
    assert started(q) == [first]
    second = deferred(q, 150)

    assert q.next(0.0) == Wait()
    small = queued(q)
    assert started(q) == [small]
    assert q.depth == 1
    q.finish([first], 0.1)
    assert started(q, 0.1) == [second]


def test_as_many_large_photos_run_as_there_is_memory_for():
    q = queue(slots=4, max_pixels=800)
    for _ in range(3):
        large = deferred(q, 133)
        assert started(q) == [large]
    deferred(q, 133)

    assert q.next(0.0) == Wait()  # three are at work, and the fourth slot is free for others


def test_a_photo_larger_than_all_memory_runs_when_no_other_large_one_does():
    q = queue(slots=4, max_pixels=800)
    first = deferred(q, 200)
    assert started(q) == [first]
    huge = deferred(q, 10_000)

    assert q.next(0.0) == Wait()
    q.finish([first], 0.1)
    decision = q.next(0.1)

    assert decision == Start([huge], True, 10_000)


def test_a_huge_photo_is_not_starved_by_large_ones_that_come_after_it():
    q = queue(slots=4, max_pixels=800)
    first = deferred(q, 200)
    assert started(q) == [first]
    huge = deferred(q, 400)
    later = deferred(q, 101)

    assert q.next(0.0) == Wait()  # `later` would fit, but it came later
    q.finish([first], 0.1)
    assert started(q, 0.1) == [huge]
    assert q.next(0.1) == Wait()
    q.finish([huge], 0.2)
    assert started(q, 0.2) == [later]


def test_large_photos_keep_the_order_of_their_arrival_whoever_is_looked_at_first():
    q = queue(slots=2, max_pixels=400)
    first, second = queued(q), queued(q)
    assert [started(q), started(q)] == [[first], [second]]
    for ticket in (second, first):
        assert q.defer(ticket, 150)
        q.finish([ticket], 0.0, learn=False)

    assert started(q) == [first]


def test_the_others_of_a_batch_are_answered_when_one_of_them_is_deferred():
    q = queue(slots=1, max_pixels=200, batch=3)
    small, large, other = (queued(q) for _ in range(3))
    assert started(q) == [small, large, other]

    assert q.defer(large, 150)
    q.finish([small, large, other], 0.1, learn=False)

    assert [small.state, large.state, other.state] == [State.GONE, State.QUEUED, State.GONE]
    assert started(q, 0.1) == [large]


def test_a_large_photo_that_waits_for_memory_expires_and_can_be_cancelled():
    q = queue(slots=4, max_pixels=800)
    first = deferred(q, 400, patience=9.0)
    assert started(q) == [first]
    late, left = deferred(q, 400, patience=1.0), deferred(q, 400, patience=5.0)

    assert q.cancel(left)
    assert q.expire(2.0) > 9.0
    assert q.expired == [late]
    q.finish([first], 2.0)
    assert (q.depth, q.in_flight) == (0, 0)


def test_a_large_photo_whose_caller_has_left_does_not_run_again():
    q = queue(slots=1, max_pixels=200)
    ticket = queued(q)
    started(q)
    assert not q.cancel(ticket)

    assert q.defer(ticket, 150)
    q.finish([ticket], 0.1, learn=False)

    assert ticket.state is State.GONE
    assert q.next(0.1) == Wait()


def test_a_slot_that_asks_twice_is_not_listened_to():
    q = queue(slots=1, max_pixels=200)
    ticket = deferred(q, 150)
    assert started(q) == [ticket]

    assert not q.defer(ticket, 151)
    q.finish([ticket], 0.1, learn=False)

    assert (ticket.state, q.in_flight) == (State.GONE, 0)


def test_memory_is_free_again_however_a_large_photo_ends():
    q = queue(slots=2, max_pixels=400)
    for end in ("answered", "lost"):
        large = deferred(q, 200)
        assert started(q) == [large]
        q.finish([large], 0.0, learn=end == "answered")

    last = deferred(q, 200)
    assert started(q) == [last]
