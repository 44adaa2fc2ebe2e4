"""Another model in the place of the one that serves: loaded and tried beside it, and given what comes in only then.

Nobody notices: a request stays with the backend that gave it its place, and the old one ends with the last of them.
"""

import asyncio
import logging
import os
import struct
import time
import zlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final

from sightserve.backend.build import Backend, build_beside
from sightserve.backend.errors import BackendError, ReloadFailed
from sightserve.backend.job import Job
from sightserve.backend.settings import Settings
from sightserve.bundle.errors import BundleError
from sightserve.bundle.store import locate
from sightserve.bundle.verify import MANIFEST

_LOOK: Final = 0.05  # seconds between looks
_WATCH: Final = 2.0
_log = logging.getLogger(__name__)


class Reloader:
    """The backend that answers, and those that still finish what they have. All of it on the event loop.

    Attributes:
        backend: that gives places to what comes in.
        on_swap: told of another one.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.on_swap: Callable[[Backend], None] = lambda _backend: None
        self._beside: set[Backend] = set()  # on the way in or out
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading = asyncio.Lock()

    def start(self) -> None:
        """Begin to serve, and to watch the model's manifest where the settings say so."""
        self.backend.scheduler.start()
        if self.backend.settings.reload == "watch":
            self._begin(self._watch())

    def check(self) -> None:
        """Notice slots that hang; to be called several times a second."""
        for backend in (self.backend, *self._beside):
            backend.scheduler.check()

    async def close(self) -> None:
        """End all slots, whatever they work on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for backend in (self.backend, *self._beside):
            await backend.close()

    def request(self) -> None:
        """Load the model again in the background, and say in the log how it went: what SIGHUP means."""
        self._begin(self._reload_logged())

    async def reload(self, model: str | None = None) -> tuple[Backend, Backend]:
        """Load a model, try it, and have it answer from now on; return the backend before, and the one now.

        Args:
            model: as `Settings.model` names it; None: the same again, whose files may be others by now.

        Raises:
            ReloadFailed: it cannot be loaded, or does not work; the one before serves on.
        """
        if self._loading.locked():
            raise ReloadFailed("a model is being loaded already: ask again when it is done")
        async with self._loading:
            old, began = self.backend, time.monotonic()
            settings = old.settings if model is None else old.settings.model_copy(update={"model": model})
            try:
                new = await asyncio.to_thread(build_beside, settings, old)
            except BackendError as exc:
                raise ReloadFailed(str(exc)) from exc
            self._beside.add(new)
            try:
                await self._try(new)
            except BaseException:
                self._beside.discard(new)
                await new.close()
                raise
            self._beside.discard(new)
            self.backend = new
            new.announce()
            self.on_swap(new)
            self._beside.add(old)
            self._begin(self._drain(old))
            _log.info(
                "%s %s serves in the place of %s %s, after %.1f s",
                *new.model_words,
                *old.model_words,
                time.monotonic() - began,
            )
            return old, new

    async def _try(self, new: Backend) -> None:
        """Wait until all its slots are ready, and have it classify its samples, or a picture of ours where it has none."""
        new.scheduler.start()
        patience = new.settings.start_timeout
        if not await _until(lambda: new.scheduler.ready_slots >= new.settings.cpus, patience):
            raise ReloadFailed(f"its slots were not ready within {patience:.0f} s: the log says more")
        for photo in new.bundle.samples or (_picture(),):
            ticket = new.scheduler.reserve(len(photo), patience)
            try:
                await new.scheduler.submit(ticket, Job(bytes(photo), top_k=1, heat_map=bool(new.bundle.class_map)))
            except BackendError as exc:
                raise ReloadFailed(f"it does not classify a photo that it was tried on: {exc}") from exc
            finally:
                new.scheduler.cancel(ticket)

    async def _drain(self, old: Backend) -> None:
        """Wait until nobody waits for it any more, no longer than anybody may, and end it."""
        settings = old.settings
        longest = settings.body_timeout + old.deadline + settings.hang_timeout
        await _until(lambda: not old.scheduler.in_flight, longest)
        await old.close()
        self._beside.discard(old)

    async def _reload_logged(self) -> None:
        try:
            await self.reload()
        except ReloadFailed as exc:
            _log.error("%s %s serves on: %s", *self.backend.model_words, exc)

    async def _watch(self) -> None:
        """Load the model again when its manifest is another one: the file that is written last, in the place of the old."""
        seen = _stamp(self.backend.settings)
        while True:
            await asyncio.sleep(_WATCH)
            found = _stamp(self.backend.settings)
            if found is None or found == seen:
                continue
            await asyncio.sleep(_WATCH)  # it may still be written
            if _stamp(self.backend.settings) == found:
                seen = found
                await self._reload_logged()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # or it is collected
        task.add_done_callback(self._tasks.discard)


async def _until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, no longer than so many seconds; return whether it is."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(_LOOK)
    return True


def _stamp(settings: Settings) -> tuple[Path, int, int, int] | None:
    """Return what changes with a model's manifest, a link to another folder included; None while there is none."""
    try:
        path = locate(settings.model, settings.models_dir) / MANIFEST
        stat = os.stat(path)  # noqa: PTH116 - follows links, as the loading does
    except (BundleError, OSError):
        return None
    return path, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _picture() -> bytes:
    """Return a PNG of 64 x 48 grey pixels."""
    width, height = 64, 48
    rows = (b"\0" + b"\x80" * width) * height

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
