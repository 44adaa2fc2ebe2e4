"""How long a request has, and when a slot counts as hung: as the settings say, else as long as the model takes."""

from typing import Final

from sightserve.backend.job import Plan
from sightserve.backend.scheduler import Patience
from sightserve.backend.settings import Settings

_SLOW_MACHINE: Final = 20.0
_DEADLINE: Final = 2.0  # seconds
_LONGEST_DEADLINE: Final = 30.0
_IN_TURN: Final = 20  # inferences


def deadline_of(settings: Settings, plan: Plan) -> float:
    """Return how many seconds a request has: as the settings say, else enough for twenty in turn, as far as people wait.

    With two seconds, a model that takes 0.3 would refuse every other request of eight clients, each of whom can wait.
    """
    if settings.deadline_ms is not None:
        return settings.deadline_ms / 1000
    return max(_DEADLINE, min(_LONGEST_DEADLINE, _IN_TURN * plan.inference))


def patience_of(settings: Settings, deadline: float, inference: float, batch: int) -> Patience:
    """Return when a slot counts as hung.

    Args:
        settings: of the server.
        deadline: seconds that a request has.
        inference: seconds of one call, one image's decoding included.
        batch: requests that run together.
    """
    # Half of the time that people wait: the rest is for those to run again who shared the slot. But never little more than the
    # work itself takes on a machine that does other things too.
    several = max(deadline / 2, _SLOW_MACHINE * batch * inference)
    # A heat map takes ten calls of the model at least: of a slow one, that is no hang.
    chosen = "hang_timeout" in settings.model_fields_set
    work = settings.hang_timeout if chosen else max(settings.hang_timeout, _SLOW_MACHINE * inference)
    return Patience(work, min(work, several), settings.start_timeout)
