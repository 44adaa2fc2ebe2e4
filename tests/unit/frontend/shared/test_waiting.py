"""A backend that sleeps is waited for."""

from sightserve.frontend.shared.waiting import waits


def test_waiting_ends_when_it_is_ready_or_too_late():
    clock = iter(range(100))
    answers = iter([False, False, True])

    waited = list(waits(lambda: next(answers), 60, clock=lambda: next(clock), sleep=lambda _: None))

    assert waited == [1, 2]
    assert list(waits(lambda: False, 3, clock=iter(range(9)).__next__, sleep=lambda _: None)) == [1, 2]
