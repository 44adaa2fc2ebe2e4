"""An address -> [what it takes to keep feedback there, where it is installed] -> a recorder."""

from sightserve.feedback.errors import NoDatabase
from sightserve.feedback.recorder import Recorder
from sightserve.installing import more


def open_recorder(url: str, days: int, photos_url: str | None = None) -> Recorder:
    """Return what keeps feedback in a database; takes seconds where that is away, and goes on without it.

    Args:
        url: `sqlite:///feedback.db` or `postgresql://user:password@host/name`.
        days: after which an answer and all that was said of it is deleted.
        photos_url: where photos are kept, `file:///var/lib/photos` or `s3://bucket/photos`; in the database where None.

    Raises:
        NoDatabase: it cannot be used, or what it takes is not installed.
    """
    try:
        from sightserve.feedback.database_recorder import DatabaseRecorder  # noqa: PLC0415 - SQLAlchemy is an extra
    except ModuleNotFoundError as exc:
        if (exc.name or "").startswith("sightserve"):
            raise
        raise NoDatabase(f"{exc.name} is missing, a part of the extra 'feedback'; {more('feedback')}") from exc
    return DatabaseRecorder(url, days, photos_url)
