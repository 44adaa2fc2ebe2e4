"""Which results of a run this version can read: the version that they say they have."""

from typing import Any, Final

from sightserve.loadtest.goals import InvalidValue

SCHEMA: Final = "sightserve-loadtest/2"  # in version 1 a visitor's answer did not have the upload in it


def check(results: object) -> dict[str, Any]:
    """Return what was read from a file, when it is a report that this version can read.

    Raises:
        InvalidValue: it is not.
    """
    found = results.get("schema") if isinstance(results, dict) else None
    if not isinstance(results, dict) or found != SCHEMA:
        raise InvalidValue(f"this is no report of `sightserve loadtest --json` ({SCHEMA}); it says {found!r}")
    return results
