"""Server: answers and what people say of them -> [a recorder, beside the data path] -> database.

A prediction waits for nothing here. Photos that people give are made anew by a worker in a sandbox, so that what is kept is a
small JPEG without metadata, and nothing that a stranger wrote.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from sightserve.api.schema import FeedbackInfo
from sightserve.backend import errors
from sightserve.backend.errors import BackendError, FeedbackUnavailable, Overloaded
from sightserve.backend.job import Answer, Job
from sightserve.backend.settings import NO_PHOTOS, Settings
from sightserve.feedback.errors import DatabaseAway, PhotoRefused, UnknownPrediction
from sightserve.feedback.opening import open_recorder
from sightserve.feedback.recorder import Recorder
from sightserve.feedback.records import Predicted, Source, Summary
from sightserve.previews.pool import NoPicture, Pool, Why

Found = TypeVar("Found")
Headers = Sequence[tuple[bytes, bytes]]

# What our own callers send as `User-Agent`, up to the slash.
_SOURCES: Final[dict[bytes, Source]] = {
    b"sightserve-page": "page",
    b"sightserve-client": "client",
    b"sightserve-command": "command",
}
_FRAMES: Final = b"sightserve-video"  # thousands of a video, which nobody judges: they are not kept
_ID_BYTES: Final = 16  # 128 bits: nobody guesses another's
_PHOTO: Final = (1024, 85)  # longest side in pixels, JPEG quality
_PHOTOS_AT_ONCE: Final = 2
_PATIENCE: Final = 10.0  # seconds; a recorder gives up earlier
_BESIDE: Final = 2 * 2**20  # bytes: for others, while the largest photo is under way
_SUMMARY_SECONDS: Final = 5.0
_AGAIN: Final = 2.0  # seconds until it is worth asking again


class Photo(NamedTuple):
    """A photo as it is kept, and the sha256 of the bytes that it was made from."""

    jpeg: bytes
    sha256: str


class Feedback:
    """What keeps answers and what people say of them.

    Attributes:
        recorder: writes it down.
        info: what people are told of it.
    """

    def __init__(self, recorder: Recorder, info: FeedbackInfo, *, max_pixels: int, max_bytes: int) -> None:
        """Set up; workers for photos start when there is the first one.

        Args:
            recorder: which this closes.
            info: see above.
            max_pixels: of a photo.
            max_bytes: of all bodies together that are under way.
        """
        self.recorder, self.info = recorder, info
        self._pool = Pool(max_pixels=max_pixels)
        # of its own: in the event loop's, which is small, photos would wait before what predictions need
        self._threads = ThreadPoolExecutor(_PHOTOS_AT_ONCE, thread_name_prefix="feedback-photo")
        self._room = max_bytes
        self._summed: dict[str, tuple[float, asyncio.Future[Summary]]] = {}

    def keep(self, job: Job, answer: Answer, model_sha256: str, headers: Headers) -> None:
        """Have an answer written down, soon, or not at all where there is no room for it."""
        if job.id is not None:
            made = Predicted(job.id, datetime.now(UTC), model_sha256, job.image, answer.body, source_of(headers))
            self.recorder.predicted(made)

    async def remake(self, photo: bytes) -> Photo:
        """Return a photo as it is to be kept.

        Raises:
            ImageError: it cannot be read.
            FeedbackUnavailable: too many photos wait.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._remake, photo)
        except NoPicture as exc:
            raise _refusal(exc.why) from exc

    def _remake(self, photo: bytes) -> Photo:
        return Photo(self._pool.make(photo, [_PHOTO], "feedback").jpegs[0], hashlib.sha256(photo).hexdigest())

    async def summary(self, model_sha256: str) -> Summary:
        """Return how right a model was, as of a few seconds ago: whoever asks how often, the database is not.

        Raises:
            FeedbackUnavailable: the database is away.
        """
        now = asyncio.get_running_loop().time()
        known = self._summed.get(model_sha256)
        if known is None or now - known[0] > _SUMMARY_SECONDS:
            asking = asyncio.ensure_future(told(self.recorder.summary(model_sha256)))
            # that of a model before is let go of
            known = now, asking
            self._summed = {model_sha256: known}
        return await asyncio.shield(known[1])

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Within the block hold a body; yields what is told how many bytes it has by now.

        Bytes are counted and not requests: one that sends nothing takes nobody's place. What is yielded raises Overloaded.
        """
        held = 0

        def grow(size: int) -> None:
            nonlocal held
            if size - held > self._room:
                raise Overloaded("feedback", 1.0)
            self._room -= size - held
            held = size

        try:
            yield grow
        finally:
            self._room += held

    def close(self, seconds: float) -> None:
        """Write what there is, for so long at most, and end."""
        self.recorder.close(seconds)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()


def open_feedback(settings: Settings) -> Feedback | None:
    """Return what keeps feedback, or None where the settings name no database.

    One that is away now is connected to when it is back.

    Raises:
        NoDatabase: the address is none, its driver is not installed, or it cannot be used here.
    """
    if settings.feedback_database is None:
        return None
    keeps_photos = settings.feedback_photos != NO_PHOTOS
    recorder = open_recorder(
        settings.feedback_database.get_secret_value(),
        settings.feedback_days,
        settings.feedback_photos if keeps_photos else None,
    )
    return Feedback(
        recorder,
        FeedbackInfo(days=settings.feedback_days, photos=keeps_photos),
        max_pixels=settings.max_pixels,
        max_bytes=settings.max_upload_bytes + _BESIDE,
    )


def new_id(headers: Headers) -> str | None:
    """Return an id for an answer; None for a frame of a video."""
    return None if _agent(headers) == _FRAMES else secrets.token_urlsafe(_ID_BYTES)


def source_of(headers: Headers) -> Source:
    """Return who asks, as far as they say so."""
    return _SOURCES.get(_agent(headers), "api")


def _agent(headers: Headers) -> bytes:
    return next((value for name, value in headers if name == b"user-agent"), b"").partition(b"/")[0]


async def told(waiting: Future[Found]) -> Found:
    """Wait for the recorder.

    Raises:
        UnknownPrediction, PhotoRefused, FeedbackUnavailable: as the recorder says.
    """
    try:
        # shielded: what it has begun it may finish, whoever waits for it
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(waiting)), _PATIENCE)
    except UnknownPrediction as exc:
        raise errors.UnknownPrediction(str(exc)) from exc
    except PhotoRefused as exc:
        raise errors.PhotoRefused(str(exc)) from exc
    except (DatabaseAway, TimeoutError) as exc:
        raise FeedbackUnavailable(
            "the database for feedback does not answer, so nothing was kept: try again later", _AGAIN
        ) from exc


def _refusal(why: Why) -> BackendError:
    match why:
        case Why.TOO_LARGE:
            return errors.TooManyPixels("the photo has too many pixels to be kept")
        case Why.UNKNOWN_KIND:
            return errors.UnsupportedImageType("the photo is not an image of a supported type")
        case Why.BUSY:
            return FeedbackUnavailable("too many photos wait to be kept: try again later", _AGAIN)
        case _:
            return errors.UnreadableImage("the photo is damaged or incomplete")
