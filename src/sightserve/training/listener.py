"""Whom training tells how it goes: a terminal, or the web app at the other end of a pipe."""

from typing import Protocol


class Listener(Protocol):
    """Told how it goes; called from one thread."""

    def step(self, words: str, done: int = 0, of: int = 0) -> None:
        """Say what is being done, a few words; `done` of `of` where that can be counted, again and again."""

    def note(self, words: str) -> None:
        """Say what a person should know: a sentence."""
