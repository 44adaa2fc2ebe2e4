"""What slots write to their standard error, as lines of the log."""

from sightserve.logs.relay import Relay
from sightserve.sandbox.process import Child

_relay = Relay("slot")  # of this process, like the stderr that it stands for


def follow(child: Child) -> None:
    """Log what a slot writes to its standard error from now on, and what it has written."""
    if child.stderr is not None:
        _relay.follow(child.process.pid, child.stderr)


def finish(seconds: float = 0.5) -> None:
    """Wait until the last words of the slots that have ended are in the log."""
    _relay.finish(seconds)
