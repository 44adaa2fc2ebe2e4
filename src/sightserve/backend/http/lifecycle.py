"""Where the process is between its start and its end: what the health routes tell and the server's shutdown sets."""

from dataclasses import dataclass
from typing import Final

# How the addresses begin where probes ask, of whatever protocol: every few seconds, and without a key.
PROBES: Final = ("/health/", "/v2/health/", "/hf/health", "/ping")


@dataclass(slots=True)
class Lifecycle:
    """Set by the server, read by the routes; all on one thread.

    Attributes:
        ready: the model is loaded and warm, and the end has not begun.
        draining: the end has begun: answers close their connection, so that clients look for another server.
    """

    ready: bool = False
    draining: bool = False

    def start_draining(self) -> None:
        """Begin the end."""
        self.ready = False
        self.draining = True
