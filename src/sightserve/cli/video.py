"""`sightserve video`: a video to subtitles, tables and an annotated MP4, in this process or through a backend."""

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sightserve.cli.backend import ApiKey
from sightserve.cli.classifier import Classifier, NotClassified, Stopped, open_classifier
from sightserve.cli.extras import fail, needs
from sightserve.cli.model_option import MODEL_HELP
from sightserve.cli.signals import stopping_on_ctrl_c
from sightserve.cli.terminal import console, printable

if TYPE_CHECKING:
    from rich.console import Console

    from sightserve.video.analyse import Classify, Plan, Seen
    from sightserve.video.limits import Limits
    from sightserve.video.timeline import Segment

_STDIN: Final = Path("-")
_MOST_COPIED: Final = 4 * 1024**3  # bytes of what comes through a pipe
_CHUNK: Final = 1 << 20
_REQUESTS: Final = 4  # of work that goes on for minutes, and shares the backend with people who wait
_LABELS: Final = 10  # that are asked for each frame: what is below the tenth counts for nothing in a second of video


def video(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video; - reads it from standard input.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write an annotated MP4 here.")] = None,
    vtt: Annotated[Path | None, typer.Option(help="Write subtitles (WebVTT) for the original here.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the segments here.")] = None,
    raw: Annotated[Path | None, typer.Option(help="Write every prediction, unsmoothed, here: .csv, else JSON.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=60, help="How many frames a second to classify.")] = 4.0,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Below this probability there is no label (default: 0.2; 0.5 where several may apply)."
        ),
    ] = None,
    smoothing: Annotated[
        float, typer.Option(min=0, max=60, help="Seconds that a label has to last; 0 shows every prediction.")
    ] = 0.5,
    backend: Annotated[
        str | None, typer.Option(help="Address of a backend; without it the model runs in this process.")
    ] = None,
    model: Annotated[str | None, typer.Option(help=f"{MODEL_HELP} When running in this process.")] = None,
    font: Annotated[Path | None, typer.Option(help="Font file for the labels.", exists=True, dir_okay=False)] = None,
    api_key: ApiKey = "",
) -> None:
    """Label a video over time. Without any file to write it prints the segments.

    The exit code is 1 when the video could not be read to its end; what could be read is written all the same.
    """
    with needs("video"):
        import av as _av  # noqa: F401 - missing where the extra is

        from sightserve.video import subtitles, tables, timeline
        from sightserve.video.analyse import Plan
        from sightserve.video.errors import Cancelled, VideoError
        from sightserve.video.limits import Limits
    if source != _STDIN and (source.is_dir() or not source.exists()):
        fail(f"{source} is {'a folder' if source.is_dir() else 'not there'}")
    screen = console(stderr=True)
    if output is not None and output.suffix.lower() != ".mp4":
        fail(f"{output}: the annotated video is an MP4, and its name has to end in .mp4")
    for target in (output, vtt, csv, raw):
        if target is not None and not target.resolve().parent.is_dir():
            fail(f"{target.parent} is not a folder")
        if target is not None and source != _STDIN and target.resolve() == source.resolve():
            fail(f"{target} is the video itself")
    name = "standard input" if source == _STDIN else str(source)
    with (
        _at_hand(source) as file,
        stopping_on_ctrl_c() as stop,
        open_classifier(
            backend or None,
            model,
            api_key=api_key,
            stop=stop,
            parallel=_REQUESTS,
            tell=lambda what: screen.print(printable(what), markup=False),
            frames=True,
        ) as classifier,
    ):
        knows = classifier.model()
        classify = _labeller(classifier, knows.classes, "" if backend else "the model failed on a frame: ")
        limits = Limits(seconds=24 * 3600.0)  # one's own video may be long
        least = timeline.default_threshold(knows.classes, exclusive=knows.exclusive) if threshold is None else threshold
        try:
            seen = _analyse(
                file, classify, Plan(knows.looks, rate, classifier.parallel, limits, knows.exclusive), stop, screen
            )
            segments = timeline.segments(
                seen.moments, seen.end, smoothing=smoothing, threshold=least, exclusive=knows.exclusive
            )
            _write(vtt, subtitles.webvtt(segments))
            _write(csv, tables.segments_csv(segments))
            about = {
                "video": name if source == _STDIN else source.name,
                "seconds": seen.end,
                "rate": rate,
                "smoothing_s": smoothing,
                "threshold": least,
                "outputs": "exclusive" if knows.exclusive else "independent",
            }
            if raw is not None and raw.suffix.lower() == ".csv":
                _write(raw, tables.moments_csv(seen.moments))
            else:
                _write(raw, tables.as_json(seen.moments, segments, about))
            if output is not None:
                _annotate(file, output, segments, limits, font, stop, seen.end, screen)
        except Cancelled:
            fail("stopped", code=130)
        except VideoError as error:
            fail(f"{name}: {error}", code=1)
    if not any((output, vtt, csv, raw)):
        table = tables.segments_csv(segments)
        typer.echo(printable(table, keep="\r\n") if sys.stdout.isatty() else table, nl=False)
    if seen.cut_off or seen.damaged:
        what = f"ends after {seen.end:.1f} s of {seen.facts.seconds:.1f}" if seen.cut_off else "has damaged places"
        fail(f"{name}: this video {what}; what could be read is labelled", code=1)


@contextmanager
def _at_hand(source: Path) -> Iterator[Path]:
    """Yield the video as a file that can be read twice, and from its end; a copy of what is none goes afterwards."""
    if source != _STDIN and source.is_file():
        yield source
        return
    if source == _STDIN and sys.stdin.isatty():
        fail("a video is expected on standard input: sightserve video - < holiday.mov")
    # gone also when we are told to end: what is copied is somebody's video
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="sightserve-video-") as folder:
            file = Path(folder) / "video"
            _copy(source, file)
            yield file
    finally:
        signal.signal(signal.SIGTERM, before)


def _copy(source: Path, file: Path) -> None:
    name, size = ("standard input" if source == _STDIN else str(source)), 0
    try:
        with sys.stdin.buffer if source == _STDIN else source.open("rb") as stream, file.open("xb") as copy:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > _MOST_COPIED:
                    fail(f"{name} has more than {_MOST_COPIED:,} bytes, the limit: save it, and name the file", code=1)
                copy.write(chunk)
    except OSError as exc:
        fail(f"{name} cannot be kept in {file.parent}: {exc.strerror}", code=1)
    except KeyboardInterrupt:
        fail("stopped", code=130)
    if not size:
        fail(f"nothing came on {name}", code=1)


def _labeller(classifier: Classifier, classes: int, failed: str) -> "Classify":
    """Return what labels a frame of the video; `failed` begins the sentence that says why one was not."""
    from sightserve.video.errors import Cancelled, VideoError
    from sightserve.video.timeline import Guess

    def classify(frame: bytes) -> tuple[Guess, ...]:
        try:
            answer = classifier.classify(frame, None, min(_LABELS, classes))
        except Stopped as exc:
            raise Cancelled("stopped") from exc
        except NotClassified as exc:
            raise VideoError(f"{failed}{exc}") from exc
        return tuple(Guess(entry.label, entry.probability) for entry in answer.top_k)

    return classify


def _analyse(source: Path, classify: "Classify", plan: "Plan", stop: threading.Event, screen: "Console") -> "Seen":
    from sightserve.video.analyse import analyse

    seen: Seen | None = None
    started = time.monotonic()
    with _bar(screen, "classifying") as tell:
        for seen in analyse(source, classify, plan, stop):
            frames = len(seen.moments)
            speed = frames / max(1e-3, time.monotonic() - started)
            tell(seen.end, seen.facts.seconds, f"{frames} frames, {speed:.0f}/s")
    if seen is None:
        fail("nothing was read", code=1)
    return seen


def _annotate(
    source: Path,
    output: Path,
    segments: "list[Segment]",
    limits: "Limits",
    font: Path | None,
    stop: threading.Event,
    end: float,
    screen: "Console",
) -> None:
    from sightserve.video.annotate import annotate

    with _bar(screen, "writing") as tell:
        for written in annotate(
            source, output, segments, limits=limits, font=None if font is None else str(font), stop=stop
        ):
            tell(written.time, end, "")
            if written.done and any("anew" in entry for entry in written.audio):
                screen.print(f"sound: {', '.join(written.audio)}")


@contextmanager
def _bar(screen: "Console", what: str) -> Iterator[Any]:
    """Show a progress bar on a terminal; yield what tells it (seconds done, seconds in all, words)."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:>11}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=None, words="")
        yield lambda done, total, words: progress.update(task, completed=done, total=total, words=words)


def _write(target: Path | None, text: str) -> None:
    if target is not None:
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as exc:
            fail(f"{target} cannot be written: {exc.strerror}", code=1)
