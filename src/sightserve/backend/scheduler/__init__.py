"""Data path: which request starts when, in which slot, and which is refused. `queue.py` decides, `slots.py` does."""

from sightserve.backend.scheduler.process import SlotProcess
from sightserve.backend.scheduler.queue import Limits, Ticket
from sightserve.backend.scheduler.slots import Scheduler

__all__ = ["Limits", "Scheduler", "SlotProcess", "Ticket"]
