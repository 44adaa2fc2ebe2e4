"""What can go wrong with feedback.

FeedbackError
├── NoDatabase          the address is none, or its driver is not installed: said at start
├── DatabaseAway        it does not answer, or not in time: nothing was kept, try again
├── UnknownPrediction   nobody was given this id, or what had it is gone
└── PhotoRefused        the photo is not the one that was classified, or none that can be kept
"""


class FeedbackError(Exception):
    """Base of all; the message says what was found and what to do about it."""


class NoDatabase(FeedbackError):
    """The address is none, its driver is not installed, or it cannot be used here."""


class DatabaseAway(FeedbackError):
    """The database does not answer, or not in time: nothing was kept."""


class UnknownPrediction(FeedbackError):
    """Nobody was given this id, or what had it is gone."""


class PhotoRefused(FeedbackError):
    """The photo is not the one that was classified, or none that can be kept."""
