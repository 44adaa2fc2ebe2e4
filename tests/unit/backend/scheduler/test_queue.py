"""Every decision of the scheduler, without a model, a thread or a sleep."""

import pytest
from tests.unit.backend.scheduler.queues import queue, queued, started, uploading

from sightserve.backend.scheduler.queue import Queue
from sightserve.backend.scheduler.ticket import Reason, Refusal, Start, State, Ticket, Wait


def test_requests_start_in_the_order_in_which_their_bodies_arrived():
    q = queue()
    slow, quick = (q.reserve(1, 1.0, 0.0) for _ in range(2))
    assert isinstance(slow, Ticket)
    assert isinstance(quick, Ticket)

    q.arrive(quick, 0.1)
    q.arrive(slow, 0.2)

    assert [started(q, 0.3), started(q, 0.3)] == [[quick], [slow]]


def test_no_more_run_than_there_are_slots():
    q = queue(slots=2)
    for _ in range(3):
        queued(q)

    assert len(started(q) + started(q)) == 2
    assert q.next(0.0) == Wait()


def test_a_request_that_is_alone_gets_all_cores_and_one_that_is_not_does_not():
    q = queue()
    queued(q)
    first = q.next(0.0)
    queued(q)
    second = q.next(0.0)

    assert isinstance(first, Start)
    assert isinstance(second, Start)
    assert (first.alone, second.alone) == (True, False)


def test_an_upload_under_way_counts_as_company():
    q = queue()
    q.reserve(1, 1.0, 0.0)
    queued(q)

    decision = q.next(0.0)

    assert isinstance(decision, Start)
    assert not decision.alone


def test_what_would_be_answered_too_late_is_refused_with_the_time_after_which_it_would_not_be():
    """Two slots, 10 ms each: behind 198 others one starts after 0.99 s and ends just in time; the next is 5 ms too late."""
    q = queue(slots=2)
    for _ in range(199):
        queued(q, patience=1.0)

    refusal = q.reserve(1, 1.0, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_LATE
    assert refusal.retry_after == pytest.approx(0.005)


def test_caution_refuses_sooner():
    """With a caution of 1.25, one second of patience is worth 0.79 s of waiting: behind 158 others, not behind 159."""
    q = queue(slots=2, caution=1.25)
    for _ in range(158):
        queued(q, patience=1.0)

    assert isinstance(q.reserve(1, 1.0, 0.0), Ticket)
    assert isinstance(q.reserve(1, 1.0, 0.0), Refusal)


def test_a_client_with_more_patience_still_gets_a_place():
    q = queue(slots=2)
    while q.refusal(1, 1.0, 0.0) is None:
        queued(q)

    assert isinstance(q.reserve(1, 2.0, 0.0), Ticket)


def test_an_idle_backend_takes_what_it_cannot_do_in_time_because_nobody_could():
    assert isinstance(queue().reserve(1, 0.001, 0.0), Ticket)


def test_the_number_of_requests_is_bounded():
    q = queue(max_requests=3)
    for _ in range(3):
        queued(q)

    refusal = q.reserve(1, 1.0, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_MANY_REQUESTS


def test_an_upload_that_arrives_when_it_is_too_late_is_refused_then():
    q = queue(slots=1, upload_grace=0.0)
    slow = q.reserve(1, 0.5, 0.0)
    assert isinstance(slow, Ticket)
    for _ in range(100):
        queued(q, now=2.0, patience=10.0)

    refusal = q.arrive(slow, 2.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_LATE
    assert slow.state is State.GONE


def test_nothing_starts_after_its_deadline():
    q = queue(slots=1)
    running = queued(q)
    q.next(0.0)
    late, patient = queued(q, patience=1.0), queued(q, patience=9.0)
    q.finish([running], 2.0)

    assert started(q, 2.0) == [patient]
    assert q.expired == [late]


def test_those_who_are_too_late_are_found_wherever_they_wait():
    q = queue(slots=1)
    queued(q)
    q.next(0.0)
    patient, late, later = (queued(q, patience=seconds) for seconds in (9.0, 1.0, 3.0))

    assert q.expire(1.0) == 1.0  # not yet: its answer would just be in time
    assert q.expire(2.0) == 3.0
    assert q.expired == [late]
    assert [patient.state, later.state] == [State.QUEUED] * 2


def test_a_cancelled_request_never_starts_and_a_running_one_cannot_be_cancelled():
    q = queue(slots=1)
    running, waiting = queued(q), queued(q)
    q.next(0.0)

    assert q.cancel(waiting)
    assert not q.cancel(waiting)
    assert not q.cancel(running)
    q.finish([running], 1.0)
    assert q.next(1.0) == Wait()
    assert q.in_flight == 0


def test_a_batch_waits_for_company_but_not_for_long():
    q = queue(slots=1, batch=3, batch_wait=0.005)
    alone = queued(q, now=0.0)
    assert started(q, 0.0) == [alone]  # nothing else in flight: nothing to wait for
    q.finish([alone], 0.01)
    q.reserve(1, 1.0, 0.02)  # company is on its way
    first = queued(q, now=0.02)

    decision = q.next(0.021)
    assert isinstance(decision, Wait)
    assert decision.until == pytest.approx(0.025)
    second = queued(q, now=0.022)
    assert started(q, 0.025) == [first, second]


def test_a_full_batch_does_not_wait():
    q = queue(slots=1, batch=2, batch_wait=1.0)
    first, second, third = queued(q), queued(q), queued(q)

    assert started(q) == [first, second]
    q.finish([first, second], 0.02)
    assert third.state is State.QUEUED


def test_a_batch_is_no_more_than_a_slots_share_of_those_that_wait():
    q = queue(slots=3, batch=4)
    for _ in range(14):
        queued(q)

    # a third of 14, which the limit cuts to 4; a third of the 10 that are left; of 7
    assert [len(started(q)), len(started(q)), len(started(q))] == [4, 3, 2]


def test_nobody_waits_in_a_batch_for_a_large_photo():
    q = queue(slots=1, batch=8, batch_bytes=1000)
    first, second, large, last = (queued(q, size=size) for size in (1000, 10, 1001, 10))
    runs = []
    while q.depth:
        runs.append(started(q))
        q.finish(runs[-1], 0.0)

    assert runs == [[first, second], [large], [last]]


def test_all_of_a_batch_are_answered_at_its_end_and_admission_knows():
    q = queue(slots=1, batch=4)
    for _ in range(4):
        queued(q)
    started(q)

    # four of 10 ms are at work, for 25 ms already: 15 ms to the start, 10 ms to the answer
    assert q.refusal(1, 0.026, 0.025) is None
    refusal = q.refusal(1, 0.024, 0.025)
    assert refusal is not None
    assert refusal.retry_after == pytest.approx(0.001)
    for _ in range(4):
        queued(q, 0.025)
    # and four more before it: 15 + 40 ms to its start, and at the latest 40 ms more to the end of a batch
    assert q.refusal(1, 0.096, 0.025) is None
    assert q.refusal(1, 0.094, 0.025) is not None


def test_those_whose_slot_died_while_they_ran_together_run_isolated_before_all_others():
    q = queue(slots=1, batch=3)
    first, second, third, later = (queued(q) for _ in range(4))
    assert started(q) == [first, second, third]

    q.put_back([first, second, third])
    q.cancel(second)  # its caller does not wait for that
    runs = []
    while q.depth:
        runs.append(started(q))
        q.finish(runs[-1], 0.0)

    assert runs == [[first], [third], [later]]


def test_the_service_time_is_learned():
    q = queue(slots=1)
    for i in range(200):
        ticket = queued(q, now=float(i))
        q.next(float(i))
        q.finish([ticket], i + 0.05)

    assert q.service == pytest.approx(0.05, rel=0.01)


def test_whose_caller_has_left_does_not_run_again():
    q = queue(slots=1, batch=2)
    stays, left = queued(q), queued(q)
    assert started(q) == [stays, left]
    assert not q.cancel(left)

    q.put_back([stays, left])

    assert left.state is State.GONE
    assert started(q) == [stays]
    q.finish([stays], 0.1)
    assert q.in_flight == 0


def test_an_upload_that_arrives_when_the_queue_is_full_is_refused_then():
    q = queue(max_requests=1)
    first, second = (q.reserve(1, 1.0, 0.0) for _ in range(2))
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    assert q.arrive(first, 0.0) is None

    refusal = q.arrive(second, 0.0)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.TOO_MANY_REQUESTS
    assert q.in_flight == 1


def members_of(q: Queue, sizes: list[int], now: float = 0.0, patience: float = 1.0) -> list[Ticket]:
    request = uploading(q, now, patience)
    assert q.grow(request, sum(sizes) + 10, now) is None
    members = q.split(request, sizes, now)
    assert isinstance(members, list)
    assert request.state is State.GONE
    return members


def test_the_images_of_a_request_have_its_deadline_and_their_own_size():
    q = queue(slots=1, batch=8, batch_bytes=1000)
    small, large, last = members_of(q, [10, 1001, 10], now=5.0, patience=2.0)
    assert [m.deadline for m in (small, large, last)] == [7.0] * 3

    for member in (small, large, last):
        assert q.arrive(member, 6.0) is None

    assert [m.deadline for m in (small, large, last)] == [7.0] * 3
    assert started(q, 6.0) == [small]  # what follows it is too large to share a slot


def test_images_whose_turn_has_not_come_hold_their_bytes_and_nothing_else():
    q = queue(max_bytes=100, max_uploads=1)
    first, second = members_of(q, [30, 60])

    assert (q.in_flight, q.depth, q.uploading) == (2, 0, 0)
    assert isinstance(q.reserve(11, 1.0, 0.0), Refusal)
    assert q.cancel(second)
    assert isinstance(q.reserve(11, 1.0, 0.0), Ticket)
    assert q.arrive(first, 0.0) is None


def test_an_image_whose_turn_comes_after_the_deadline_of_its_request_expires():
    q = queue(slots=1)
    (late,) = members_of(q, [10])

    assert q.arrive(late, 1.5) is None
    q.expire(1.5)

    assert q.expired == [late]


def test_a_request_of_many_images_that_arrives_too_late_gets_no_place():
    q = queue(slots=1)
    request = uploading(q, patience=0.5)
    for _ in range(100):
        queued(q, patience=10.0)

    refusal = q.split(request, [10, 10], 0.0)

    assert isinstance(refusal, Refusal)
    assert q.in_flight == 100


def test_one_of_several_images_is_not_alone():
    q = queue()
    first, _second = members_of(q, [10, 10])
    q.arrive(first, 0.0)

    decision = q.next(0.0)

    assert isinstance(decision, Start)
    assert not decision.alone
