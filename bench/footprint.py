"""Resident memory after one request and after many: what a server keeps."""

from collections.abc import Iterator, Sequence

from bench import closed, processes
from bench.photos import Photo
from bench.servers import Running, ServerError, ask

_SLICE = 5.0  # s of load at a time


def measure(server: Running, photos: Sequence[Photo], counts: Sequence[int]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield, for each count, its name and the memory in MiB once at least so many requests have been answered.

    Args:
        server: freshly started, nothing asked yet.
        photos: cycled over.
        counts: of requests, ascending; the first is sent alone, the others by 32 connections.
    """
    answered = 0
    for count in counts:
        while answered < count:
            if count - answered == 1:
                status, text = ask(server, photos[0])
                if status != 200:  # noqa: PLR2004
                    raise ServerError(f"{server.kind.title} answered {status}: {text[:200]}")
                answered += 1
                continue
            told = closed.measure(server, photos, 32, _SLICE)
            if told["images_s"] * _SLICE < 1:
                raise ServerError(f"{server.kind.title} answers nothing under load")
            answered += int(told["images_s"] * _SLICE)
        yield str(count), {"mib": processes.memory(server.pid), "answered": float(answered)}
