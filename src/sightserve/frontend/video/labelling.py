"""A video of the Video page under way: one thread has it labelled, another writes the annotated one; the page looks on.

The video lies in a folder of its own, which goes when its session ends or nobody has the labelling any more. What lies in it is
booked in the ledger.
"""

import logging
import shutil
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sightserve.client import ClientError
from sightserve.client.patience import GivenUp, Patience
from sightserve.frontend.inbox.store import File
from sightserve.frontend.shared.ledger import Account, Booking, NoRoom, Place
from sightserve.frontend.shared.workspace import workspace
from sightserve.frontend.video import problems, streaming
from sightserve.frontend.video.work import Export, State, Work
from sightserve.video import annotate
from sightserve.video.analyse import Classify, Plan, Seen, analyse
from sightserve.video.errors import Cancelled, VideoError
from sightserve.video.limits import Limits
from sightserve.video.timeline import Segment

_log = logging.getLogger(__name__)

_UNSEEN_ENDS: Final = 180.0  # seconds without anyone looking: the page was closed
_RATE_OVER: Final = 5.0  # seconds
_SURE_AFTER: Final = 1.0  # second of work: what is left is a guess before


Prepare = Callable[[Patience], tuple[Classify, Plan]]


class Labelling:
    """One video of one person, being labelled or labelled. Safe to use from any thread."""

    def __init__(
        self,
        name: str,
        suffix: str,
        turns: threading.Semaphore,
        account: Account,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the folder.

        Args:
            name: as it is shown.
            suffix: of the file, with its dot.
            turns: bounds how many videos are read or written at once.
            account: where its bytes are booked.
            clock: monotonic seconds, for tests.

        Raises:
            OSError: there is no place for a folder.
        """
        self.name = name
        self.work = Work()
        self.export: Export | None = None
        self.is_unplayable = False  # by this person's browser, which says so once it has tried
        self.patience: Patience | None = None
        self._clock, self._turns, self._account = clock, turns, account
        self._how: tuple[Prepare, int, threading.Semaphore]
        self._seen: Seen | None = None
        self._looked = clock()
        self._moments_at: deque[tuple[float, int]] = deque(maxlen=256)
        self._stored: Booking | None = None
        self._lock = threading.Lock()  # of `export` and what belongs to it
        self._made = 0
        folder = workspace().folder()
        self.source = folder / f"video{suffix}"
        self._secrets = [streaming.publish(self.source)]
        self._gone = weakref.finalize(self, _forget, folder, self._secrets)

    @property
    def secret(self) -> str:
        """Of the original's address."""
        return self._secrets[0]

    def store(self, video: bytes) -> None:
        """Put the video where it is read.

        Raises:
            NoRoom: the ledger has no room on the disk.
            OSError: the disk has none.
        """
        self._stored = self._account.reserve(len(video), Place.DISK)
        self.source.write_bytes(video)

    def adopt(self, file: File) -> None:
        """Take a video that has come in: it lies on the disk, and is booked."""
        file.move_to(self.source)
        self._stored = file.booking

    def start(self, prepare: Prepare, parallel: int, everyone: threading.Semaphore) -> None:
        """Classify the video in the background; `prepare` gives what it takes, once the pace is set. Errors as in `go_on`."""
        self._how = prepare, parallel, everyone
        self.go_on()

    def go_on(self) -> None:
        """Start, or go on from where it was stopped; what was made of the beginning goes.

        Raises:
            ClientError: the backend is away, and nothing has changed.
        """
        prepare, parallel, everyone = self._how
        work = Work()
        patience = Patience(parallel, work.stop, everyone=everyone)
        classify, plan = prepare(patience)
        with self._lock:
            self._discard()
        self._moments_at.clear()
        self._looked = self._clock()
        self.work, self.patience = work, patience
        self._in_background(work, lambda: self._analyse(work, classify, plan))

    def write(self, segments: list[Segment], limits: Limits) -> None:
        """Write the annotated video in the background; the one before it goes."""
        with self._lock:
            self._discard()
            self._made += 1
            target = self.source.with_name(f"labelled-{self._made}.mp4")
            export = self.export = Export(segments=segments, target=target, booking=self._account.book(0, Place.DISK))
        self._in_background(export, lambda: self._annotate(export, limits))

    @property
    def is_busy(self) -> bool:
        """Whether it is being labelled or written, or waits for its turn."""
        return any(not work.is_over for work in (self.work, self.export) if work is not None)

    def look(self) -> Seen | None:
        """Return what is known so far, and take note that somebody looks."""
        self._looked = self._clock()
        return self._seen

    def writing_left(self, export: Export) -> float | None:
        """Return how many seconds an annotated video still takes, as far as it went; None where that is too early to say."""
        spent = self._clock() - export.started
        if export.state is not State.RUNNING or self._seen is None or export.time <= 0 or spent < _SURE_AFTER:
            return None
        return max(0.0, self._seen.end - export.time) * spent / export.time

    def rate(self) -> float:
        """Return how many frames a second were classified over the last seconds."""
        recent = [(at, count) for at, count in list(self._moments_at) if self._clock() - at <= _RATE_OVER]
        if len(recent) < 2 or recent[-1][0] <= recent[0][0]:  # noqa: PLR2004 - a rate takes two
            return 0.0
        return (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])

    def close(self) -> None:
        """Stop everything and remove the files."""
        self.work.stop.set()
        with self._lock:
            self._discard()
        self._gone()
        if self._stored is not None:
            self._stored.release()

    def _discard(self) -> None:
        """Stop what is being written, and remove what was."""
        export, self.export = self.export, None
        if export is None:
            return
        export.stop.set()
        streaming.withdraw(export.secret)
        export.target.unlink(missing_ok=True)
        export.booking.release()

    def _in_background(self, work: Work, do: Callable[[], None]) -> None:
        threading.Thread(target=self._run, args=(work, do), name="labelling", daemon=True).start()

    def _run(self, work: Work, do: Callable[[], None]) -> None:
        while not self._turns.acquire(timeout=0.1):
            if work.stop.is_set() or self._is_forgotten():
                work.can_go_on, work.state = True, State.STOPPED
                return
        try:
            work.started, work.state = self._clock(), State.RUNNING
            do()
            work.state = State.DONE
        except (Cancelled, GivenUp):
            work.can_go_on, work.state = True, State.STOPPED
        except NoRoom:
            work.problem, work.state = problems.NO_ROOM, State.FAILED
        except (VideoError, ClientError) as error:
            work.can_go_on = isinstance(error, ClientError)
            work.problem, work.state = problems.explain(error), State.FAILED
        except Exception:  # noqa: BLE001 - a bug of ours; the page has to say something, and the log has the rest
            _log.exception("a video failed")
            work.problem, work.state = problems.FAILED, State.FAILED
        finally:
            self._turns.release()

    def _analyse(self, work: Work, classify: Classify, plan: Plan) -> None:
        for seen in analyse(self.source, classify, plan, work.stop, self._seen):
            self._seen = seen
            self._moments_at.append((self._clock(), len(seen.moments)))
            if self._is_forgotten():
                raise Cancelled("nobody looks any more")

    def _annotate(self, export: Export, limits: Limits) -> None:
        try:
            writing = annotate.annotate(self.source, export.target, export.segments, limits=limits, stop=export.stop)
            with closing(writing):
                for written in writing:
                    export.time, export.audio = written.time, written.audio
                    export.booking.grow_to(_bytes_of(export.target))
                    if self._is_forgotten():
                        raise Cancelled("nobody looks any more")
            with self._lock:
                if export.stop.is_set():  # another one was asked for at the very end
                    raise Cancelled("stopped")
                export.size = export.target.stat().st_size
                export.secret = streaming.publish(export.target)
                self._secrets.append(export.secret)
        except BaseException:
            export.target.unlink(missing_ok=True)
            export.booking.release()
            raise

    def _is_forgotten(self) -> bool:
        return self._clock() - self._looked > _UNSEEN_ENDS


def _bytes_of(target: Path) -> int:
    """Return how large a file is, finished or not."""
    size = 0
    for path in target.parent.glob(f"{target.name}*"):
        with suppress(FileNotFoundError):  # somebody may have closed this meanwhile
            size += path.stat().st_size
    return size


def _forget(folder: Path, given: list[str]) -> None:
    streaming.withdraw(*given)
    shutil.rmtree(folder, ignore_errors=True)
