"""What can stand in the way of adding a model.

AddError
├── SourceError       what was named is not there, or is nothing that is known here, or lacks a part
├── UntrustedSource   reading it would run code that somebody else wrote: a pickle
├── MissingPackage    a package of the user's environment that reads it is not installed
├── UnclearSource     it could mean several things, and a flag has to say which
├── NetworkError      the network cannot be wrapped: its inputs, outputs or operators
└── NotVerified       the wrapped network does not do what the source's own pipeline does
"""


class AddError(Exception):
    """Base of all; the message says what was found and what to do about it."""


class SourceError(AddError):
    """What was named is not there, or is nothing that is known here, or lacks a part."""


class UntrustedSource(AddError):
    """Reading it would run code that somebody else wrote."""


class MissingPackage(AddError):
    """A package of the user's environment that reads it is not installed."""


class UnclearSource(AddError):
    """It could mean several things, and a flag has to say which."""


class NetworkError(AddError):
    """The network cannot be wrapped."""


class NotVerified(AddError):
    """The wrapped network does not do what the source's own pipeline does."""
