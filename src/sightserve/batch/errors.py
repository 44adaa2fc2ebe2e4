"""What can go wrong with a whole job, and with one of its photos."""


class BatchError(Exception):
    """The job cannot begin, or cannot go on; the message says why, and what to do. Nothing that is done is lost."""


class StorageAway(BatchError):
    """The photos, or the place for the results, cannot be reached at all: no photo is at fault, and none gets a row for it."""


class Unreadable(Exception):
    """One photo's bytes cannot be had; it becomes a row.

    Attributes:
        code: stable, for the row: `file_not_found`, `unreadable_file` or `payload_too_large`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
