"""Data path: which request starts when, on which thread, and which is refused. `queue.py` decides, `slots.py` does."""

from sightserve.backend.scheduler.queue import Limits, Ticket
from sightserve.backend.scheduler.slots import Scheduler

__all__ = ["Limits", "Scheduler", "Ticket"]
