"""Bodies under way: what they may hold, and that those that never come refuse nobody."""

from tests.unit.backend.scheduler.queues import SERVICE, queue, queued, uploading

from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Reason, Refusal, State, Ticket


def test_the_bytes_are_bounded_by_what_arrives_not_by_what_is_announced():
    q = queue(max_bytes=250)
    honest, liar = uploading(q, announced=100), uploading(q, announced=0)
    assert q.grow(honest, 100, 0.0) is None
    assert q.grow(liar, 150, 0.0) is None

    refusal = q.grow(liar, 151, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_MANY_BYTES
    assert liar.state is State.GONE
    assert isinstance(q.reserve(150, 1.0, 0.0), Ticket)  # its bytes are free again
    assert isinstance(q.reserve(151, 1.0, 0.0), Refusal)  # announced too many: refused unread


def test_announcing_much_and_sending_nothing_blocks_nobody():
    q = queue(max_bytes=1000)
    for _ in range(50):
        uploading(q, announced=900)

    assert isinstance(q.reserve(900, 1.0, 0.0), Ticket)


def busy(q: Queue) -> None:
    """Have something at work, of no length: an idle backend takes everything, and would hide what counts as work ahead."""
    queued(q, now=-SERVICE)
    assert q.next(-SERVICE)


def test_heads_without_bodies_are_next_to_no_work():
    """The attack: 800 heads of 50 bytes a second are 40 kB/s, and would be 4 seconds of work each second on these slots."""
    q = queue()
    busy(q)
    for i in range(4000):
        now = i / 800
        assert isinstance(q.reserve(100_000, 2.0, now), Ticket)
        assert q.refusal(100_000, 0.45, now) is None


def test_uploads_that_begin_at_once_are_work_though_nothing_has_arrived_of_them():
    """They all have photos to send: refused at their heads, before gigabytes are read of which most come too late."""
    q = queue()
    busy(q)
    admitted = [q.reserve(15_000_000, 0.6, 0.0) for _ in range(1000)]

    assert sum(isinstance(place, Ticket) for place in admitted) == 119  # of 5 ms each, and 5 to their own ends


def test_a_few_bytes_of_many_small_bodies_are_no_work():
    """Bodies of 100 bytes of which 99 are there: next to no work, since a photo is a thousand times as large."""
    q = queue()
    busy(q)
    for _ in range(1000):
        q.grow(uploading(q, 0.0, 20.0, 100), 99, 0.0)

    assert q.refusal(100_000, 0.05, 0.2) is None


def test_senders_of_a_byte_take_no_place_in_the_queue():
    """The attack: a thousand of them, a byte each in eight seconds, and the queue has room for a thousand."""
    q = queue(max_requests=1000)
    for _ in range(1000):
        q.grow(uploading(q, 0.0, 20.0, 100_000), 1, 0.0)

    good = queued(q, 3.0, 0.1, 100_000)

    assert good.state is State.QUEUED


def test_what_has_arrived_of_a_photo_counts_as_work_until_it_is_late():
    """100 uploads of 10 ms, half of each there, on 2 slots are 0.25 s of work."""
    q = queue(slots=2, upload_grace=1.0)
    busy(q)
    for _ in range(100):
        q.grow(uploading(q, 0.0, 10.0, 200_000), 100_000, 0.0)

    assert isinstance(q.refusal(1, 0.25, 0.5), Refusal)
    assert q.refusal(1, 0.27, 0.5) is None
    assert q.refusal(1, 0.02, 1.5) is None


def test_what_arrives_of_an_upload_that_is_late_does_not_count_any_more():
    q = queue()
    slow = uploading(q, 0.0, 10.0, 100_000)
    assert q.refusal(1, 0.5, 2.0) is None

    q.grow(slow, 99_999, 2.0)
    queued(q, 2.0)

    assert q.refusal(1, 0.016, 2.0) is None  # 10 ms for each of two, on two slots


def test_the_weight_of_uploads_that_ended_is_gone():
    q = queue()
    cancelled, whole = uploading(q, announced=100_000), uploading(q, announced=100_000)
    for ticket in (cancelled, whole):
        q.grow(ticket, 100_000, 0.0)
    q.cancel(cancelled)
    q.arrive(whole, 0.0)

    assert q.refusal(1, 0.016, 0.0) is None
    assert q.refusal(1, 0.014, 0.0)


def test_uploads_have_a_bound_of_their_own():
    q = queue(max_uploads=3, max_requests=1)
    for _ in range(3):
        uploading(q)

    refusal = q.reserve(1, 1.0, 4.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_MANY_UPLOADS
    assert refusal.retry_after > 0


def test_the_oldest_upload_gives_its_place_to_the_next_once_it_had_time_to_arrive():
    q = queue(max_uploads=2, upload_patience=5.0)
    slow, younger = uploading(q, 0.0), uploading(q, 4.0)

    next_one = uploading(q, 5.1)

    assert q.evicted == [slow]
    assert [slow.state, younger.state, next_one.state] == [State.GONE, State.UPLOADING, State.UPLOADING]
    assert isinstance(q.reserve(1, 1.0, 5.2), Refusal)


def test_bytes_that_lie_around_give_way_to_bytes_that_come():
    """Who fills the memory and then sends a byte now and then keeps nobody out."""
    q = queue(max_bytes=1000)
    empty, hoarder = uploading(q, 0.0), uploading(q, 0.0)
    q.grow(hoarder, 990, 0.1)
    assert isinstance(q.reserve(500, 1.0, 1.0), Refusal)

    good = queued(q, 6.0, size=500)

    assert q.evicted == [hoarder]
    assert (good.state, empty.state) == (State.QUEUED, State.UPLOADING)


def test_an_upload_never_gives_way_to_itself():
    q = queue(max_bytes=1000)
    slow = uploading(q, 0.0)
    assert q.grow(slow, 900, 0.1) is None

    refusal = q.grow(slow, 1001, 9.0)

    assert isinstance(refusal, Refusal)
    assert not q.evicted
