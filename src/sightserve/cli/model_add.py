"""`sightserve model add`: somebody's own classifier, read, proved and put among the models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sightserve.cli.extras import fail, needs
from sightserve.cli.terminal import no_color, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from sightserve.bundle.manifest import Manifest
    from sightserve.bundle.provenance import ReadFact
    from sightserve.models.add import Added

_READ, _PHOTO, _PAGE = "What it is, where the source does not say", "How it wants a photo", "What people are told"
_PHOTOS = frozenset((".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif"))
_MOST_SAMPLES, _MOST_ANSWERS = 12, 8


def add(
    source: Annotated[
        str,
        typer.Argument(
            help="An .onnx file; a zip or folder as Custom Vision, Lobe, Optimum, PaddleX or Hugging Face write it; a "
            "folder of a Triton repository; a .pth with --arch; .keras or .h5; hf:ORG/NAME, timm:NAME, torchvision:NAME."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it (default: as the source is called).")] = None,
    photos: Annotated[
        Path | None,
        typer.Option(
            help="Folder of photos to prove it on, best with a folder for each label (default: Sightserve's samples)."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="File with a label a line, in the network's order; or JSON.", rich_help_panel=_READ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(help="Of a checkpoint: timm:resnet18, torchvision:resnet50.", rich_help_panel=_READ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Which of several outputs has the classes.", rich_help_panel=_READ)
    ] = None,
    outputs: Annotated[
        Literal["logits", "probabilities", "independent_logits", "independent_probabilities"] | None,
        typer.Option(
            help="What its numbers are; independent: several labels may be right at once.", rich_help_panel=_READ
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Of its input, px: 224, or height x width as 48x192.", rich_help_panel=_PHOTO)
    ] = None,
    fit: Annotated[
        Literal["whole", "crop", "squash", "pad"] | None,
        typer.Option(help="What becomes of a photo of another shape.", rich_help_panel=_PHOTO),
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            min=1, max=4096, help="Of the shorter side (squash: of both) before the crop, px.", rich_help_panel=_PHOTO
        ),
    ] = None,
    interpolation: Annotated[
        Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] | None,
        typer.Option(help="With which it was trained.", rich_help_panel=_PHOTO),
    ] = None,
    antialias: Annotated[
        bool | None,
        typer.Option(
            "--antialias/--no-antialias",
            help="Whether bilinear means over all that a pixel covers (Pillow, torchvision) or not (OpenCV, Keras).",
            rich_help_panel=_PHOTO,
        ),
    ] = None,
    rounding: Annotated[
        Literal["torchvision", "transformers", "paddle"] | None,
        typer.Option(help="To whole pixels as this framework does it.", rich_help_panel=_PHOTO),
    ] = None,
    colour: Annotated[
        str | None, typer.Option(help="Beside a padded photo: 114,114,114.", rich_help_panel=_PHOTO)
    ] = None,
    align: Annotated[
        Literal["centre", "start"] | None,
        typer.Option(help="Where a padded photo lies; start: at the left and upper edges.", rich_help_panel=_PHOTO),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(help="Of a channel: 0.485,0.456,0.406, or of 0 to 255.", rich_help_panel=_PHOTO),
    ] = None,
    std: Annotated[str | None, typer.Option(help="Of a channel: 0.229,0.224,0.225.", rich_help_panel=_PHOTO)] = None,
    values: Annotated[
        Literal["imagenet", "0 to 1", "-1 to 1", "0 to 255"] | None,
        typer.Option(help="What the network takes, instead of --mean and --std.", rich_help_panel=_PHOTO),
    ] = None,
    channels: Annotated[
        Literal["rgb", "bgr", "grey"] | None, typer.Option(help="Their order.", rich_help_panel=_PHOTO)
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the web app.", rich_help_panel=_PAGE)] = None,
    question: Annotated[
        str | None, typer.Option(help="That a photo answers: Which apple is it?", rich_help_panel=_PAGE)
    ] = None,
    about: Annotated[str, typer.Option(help="What it can tell, in a sentence.", rich_help_panel=_PAGE)] = "",
    samples: Annotated[
        Path | None,
        typer.Option(help="Folder of photos to try it on, named as they are shown.", rich_help_panel=_PAGE),
    ] = None,
    description: Annotated[str | None, typer.Option(help="Of the network.", rich_help_panel=_PAGE)] = None,
    license: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="SPDX expression, such as Apache-2.0.", rich_help_panel=_PAGE)
    ] = None,
    version: Annotated[str, typer.Option(help="Of the model.", rich_help_panel=_PAGE)] = "1",
    int8: Annotated[bool, typer.Option(help="Try int8, and keep it where it holds and pays.")] = True,
    replace: Annotated[bool, typer.Option("--replace", help="A model of the same name.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Add it although it is not what its source is.")] = False,
) -> None:
    """Make a model of your classifier: labels and preprocessing are read from it, and proved on photos.

    Afterwards: sightserve up --model NAME.
    """
    with needs("model"):
        import onnx  # noqa: F401 - to say what to install before anything else is looked at
    with needs("backend"):
        from pydantic import ValidationError

        from sightserve.bundle.manifest import Page
        from sightserve.bundle.store import models_directory
        from sightserve.models.add import add as make
        from sightserve.models.errors import AddError
        from sightserve.models.source import Options
        from sightserve.models.subject import Request
    console = _console()
    try:
        options = Options(
            labels=labels,
            arch=arch,
            size=_size(size),
            fit=fit,
            resize=resize,
            interpolation=interpolation,
            antialias=antialias,
            rounding=rounding,
            colour=_colour(colour),
            align=align,
            mean=_numbers("--mean", mean),
            std=_numbers("--std", std),
            values=values,
            channels=channels,
            outputs=outputs,
            output=output,
        )
        request = Request(
            source=source,
            name=name,
            photos=photos,
            samples=_samples(samples),
            options=options,
            version=version,
            description=description,
            license=license,
            page=Page(title=title, question=question, about=about),
            quantise=int8,
            force=force,
            replace=replace,
        )
        added = make(request, models_directory(), _listener(console))
    except ValidationError as exc:
        fail("; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()))
    except AddError as exc:
        fail(str(exc), code=1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    _show(console, added)


def _console() -> Console:
    from rich.console import Console

    return Console(no_color=no_color() or None, highlight=False, soft_wrap=True)


def _size(words: str | None) -> tuple[int, int] | None:
    if words is None:
        return None
    sides = words.lower().split("x")
    if not all(side.strip().isdecimal() and 0 < int(side) <= 4096 for side in sides) or len(sides) > 2:  # noqa: PLR2004
        fail(f"--size {words!r}: write 224, or height x width as 48x192")
    return int(sides[0]), int(sides[-1])


def _numbers(flag: str, words: str | None) -> tuple[float, ...] | None:
    if words is None:
        return None
    try:
        numbers = tuple(float(word) for word in words.replace(";", ",").replace(" ", ",").split(",") if word)
    except ValueError:
        numbers = ()
    if len(numbers) not in {1, 3} or not all(abs(number) < 1e6 for number in numbers):  # noqa: PLR2004
        fail(f"{flag} {words!r}: write one number, or three with commas, in the order red, green, blue")
    return numbers


def _colour(words: str | None) -> tuple[int, int, int] | None:
    numbers = _numbers("--colour", words)
    if numbers is None:
        return None
    if not all(number == int(number) and 0 <= number <= 255 for number in numbers):  # noqa: PLR2004
        fail(f"--colour {words!r}: write whole numbers from 0 to 255, one, or three with commas")
    red, green, blue = (int(number) for number in (numbers if len(numbers) > 1 else numbers * 3))
    return red, green, blue


def _samples(folder: Path | None) -> tuple[tuple[str, Path], ...]:
    if folder is None:
        return ()
    if not folder.is_dir():
        fail(f"--samples {folder}: there is no such folder")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PHOTOS)
    if not found or len(found) > _MOST_SAMPLES:
        fail(f"--samples {folder}: it has {len(found)} photos, and a page shows 1 to {_MOST_SAMPLES}")
    return tuple((path.stem.replace("_", " ").replace("-", " ")[:60], path) for path in found)


def _listener(console: Console) -> Any:  # noqa: ANN401 - its class needs the extra
    from sightserve.models.subject import Listener

    class Telling(Listener):
        def step(self, words: str) -> None:
            console.print(printable(words) + " ...", style="dim", markup=False)

        def read(self, kind: str, facts: Sequence[ReadFact]) -> None:
            _facts(console, kind, facts)

        def note(self, words: str) -> None:
            console.print("  note: " + printable(words), style="yellow", markup=False)

    return Telling()


def _facts(console: Console, kind: str, facts: Sequence[ReadFact]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(kind)), title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in ("", "read", "from"):
        table.add_column(column, overflow="fold")
    for fact in facts:
        table.add_row(*(Text(printable(word)) for word in (fact.what, fact.value, fact.source)))
    console.print(table)


def _show(console: Console, added: Added) -> None:
    manifest, found = added.manifest, added.verification
    say = _say(console)
    say(
        f"The same first class as its own pipeline on {found.same_first:.1%} of {found.photos} photos; probabilities differ by "
        f"{found.largest_difference:.2g} at most."
    )
    checked = added.checked
    say(f"{checked.photos_per_second:.0f} photos a second on this machine, on {checked.slots} slots.")
    _candidates(console, manifest)
    if (judged := added.judged) is not None:
        say(f"Right on {judged.right:.1%} of {judged.photos} labelled photos.")
        for is_, says, count in judged.confused:
            say(f"  {count} x {is_}: it says {says}")
    say("What it says of your photos:" if judged is None else "What it says, for example:")
    every = max(1, len(added.answers) // _MOST_ANSWERS)
    for photo, label, probability in added.answers[::every][:_MOST_ANSWERS]:
        say(f"  {photo}: {label} {probability:.0%}")
    say(f"\nAdded as {manifest.name}, in {added.directory}\n")
    say(f"  sightserve up --model {manifest.name}\n  sightserve model check {manifest.name}")


def _say(console: Console) -> Any:  # noqa: ANN401
    def say(words: str) -> None:
        console.print(printable(words, keep="\n"), markup=False)

    return say


def _candidates(console: Console, manifest: Manifest) -> None:
    from rich.table import Table
    from rich.text import Text

    tried = manifest.provenance.candidates if manifest.provenance else ()
    if not tried:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in ("", "agrees", "speed", "MB", ""):
        table.add_column(column, justify="right" if column in {"agrees", "speed", "MB"} else "left", overflow="fold")
    for each in tried:
        words = f"kept: {each.why}" if each.kept else each.why
        cells = (each.variant, f"{each.agreement:.1%}", f"{each.speed:.2f} x", f"{each.size_bytes / 1e6:.1f}", words)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)
