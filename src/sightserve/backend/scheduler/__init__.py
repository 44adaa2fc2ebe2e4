"""Data path: which request starts when, in which slot, and which is refused. `queue.py` decides, `slots.py` does."""

from sightserve.backend.scheduler.limits import Limits
from sightserve.backend.scheduler.pool import Patience
from sightserve.backend.scheduler.process import SlotProcess
from sightserve.backend.scheduler.slots import Scheduler
from sightserve.backend.scheduler.ticket import Ticket

__all__ = ["Limits", "Patience", "Scheduler", "SlotProcess", "Ticket"]
