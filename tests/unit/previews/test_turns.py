"""Places for a few at once: one session's photos never hold up another's."""

import threading
from contextlib import ExitStack

import pytest

from sightserve.previews.turns import FairTurns


def test_no_more_than_the_places_are_held_at_once():
    turns = FairTurns(2)

    with turns.turn("a", 1), turns.turn("b", 1), pytest.raises(TimeoutError), turns.turn("c", 0.01):
        pytest.fail("a third place")

    with turns.turn("c", 0.01):
        pass


def test_a_session_that_came_later_is_next_when_another_holds_everything():
    turns = FairTurns(1)
    order: list[str] = []
    waiting = threading.Semaphore(0)

    def take(owner: str) -> None:
        waiting.release()
        with turns.turn(owner, 10):
            order.append(owner)

    with turns.turn("hoarder", 1):
        threads = [threading.Thread(target=take, args=(owner,)) for owner in [*["hoarder"] * 5, "visitor"]]
        for thread in threads:
            thread.start()
            waiting.acquire()
            # until it waits, so that the order of arrival is the order here
            while not turns._waiting.get("hoarder"):
                pass
        while sum(map(len, turns._waiting.values())) < 6:
            pass
    for thread in threads:
        thread.join()

    # the hoarder was served last, so the visitor is first though five came before
    assert order == ["visitor", *["hoarder"] * 5]


def test_who_gave_up_waiting_takes_no_place():
    turns = FairTurns(1)

    with turns.turn("a", 1):
        for _ in range(3):
            with pytest.raises(TimeoutError), turns.turn("b", 0.001):
                pytest.fail("there is one place")
    with turns.turn("c", 0.01):
        pass


def test_nothing_is_kept_of_those_who_are_gone():
    turns = FairTurns(2)

    for number in range(100):
        with ExitStack() as stack:
            stack.enter_context(turns.turn(f"session {number}", 1))

    assert not any((turns._waiting, turns._held, turns._granted, turns._order))
