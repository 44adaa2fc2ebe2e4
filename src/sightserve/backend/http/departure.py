"""Beside the data path: tells whoever works for a client that this client has hung up."""

from collections.abc import Callable, MutableMapping
from typing import Any

_KEY = "sightserve.departure"


class Departure:
    """One request's: told by the protocol, in the moment in which the connection ends.

    Attributes:
        gone: whether the client has hung up.
    """

    def __init__(self) -> None:
        self.gone = False
        self._listeners: list[Callable[[], None]] = []

    def then(self, listener: Callable[[], None]) -> None:
        """Have this called when the client hangs up."""
        self._listeners.append(listener)

    def tell(self) -> None:
        """Tell everybody: the client has hung up."""
        self.gone = True
        while self._listeners:
            self._listeners.pop()()


def watch(scope: MutableMapping[str, Any]) -> Departure:
    """Give a request the object that tells of its client's departure."""
    scope[_KEY] = departure = Departure()
    return departure


def departure_of(scope: MutableMapping[str, Any]) -> Departure:
    """Return that object; one that never tells, where no protocol of ours serves the request (in tests)."""
    departure: Departure = scope.get(_KEY) or Departure()
    return departure
