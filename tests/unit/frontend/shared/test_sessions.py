"""What belongs to a session ends with it."""

import gc

from sightserve.frontend.shared.sessions import Sessions


class Thing:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_what_belongs_to_a_session_is_closed_when_it_ends_and_nothing_else_is():
    known, mine, other = Sessions(), Thing(), Thing()
    known.here("me")
    known.belongs("me", mine)
    known.belongs("other", other)

    known.end("me")
    known.end("me")

    assert (mine.closed, other.closed) == (1, 0)
    assert known.known() == ["other"]


def test_what_nobody_has_any_more_is_not_held_for_its_session():
    known, thing = Sessions(), Thing()
    known.belongs("me", thing)

    del thing
    gc.collect()

    assert not list(known._known["me"].things)
