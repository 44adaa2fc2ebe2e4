"""A reading and the command line -> [the reading as the command line wants it], each fact's source the flag that says it."""

from dataclasses import replace
from typing import Any, Final

from sightserve.bundle.inputs import InputSpec
from sightserve.models.errors import SourceError, UnclearSource
from sightserve.models.read.labels import count_fault, distinct, order_note, read_labels
from sightserve.models.read.preprocessed import interpolation_of
from sightserve.models.read.values import input_spec, three
from sightserve.models.source import SCALES, Fact, Options, Reading, Scale

_DEFAULT_FIT: Final = "crop"
_OF_INPUT: Final = ("size", "fit", "resize", "interpolation", "antialias", "rounding", "colour", "align")


def apply(reading: Reading, options: Options, *, size: tuple[int, int] | None = None) -> Reading:
    """Return a reading in which every flag that was given has taken the place of what was read.

    Args:
        reading: what the source says.
        options: what the command line says.
        size: height and width that the graph takes, where they are fixed: a flag for the geometry need not repeat them.

    Raises:
        SourceError: a flag says what cannot be.
        UnclearSource: a flag needs another that is not given.
    """
    found = reading
    if options.labels:
        found = replace(found, labels=Fact(read_labels(options.labels), f"--labels {options.labels}"))
    return replace(
        found,
        input=_input(found, options, size),
        channels=Fact(options.channels, "--channels") if options.channels else found.channels,
        scale=_scale(found, options),
        outputs=Fact(options.outputs, "--outputs") if options.outputs else found.outputs,
        output=Fact(options.output, "--output") if options.output else found.output,
    )


def tidied(reading: Reading, classes: int | None) -> Reading:
    """Return a reading whose labels are as many as the network's classes, each different, and what is odd about them said.

    Raises:
        UnclearSource: they are too few or too many.
    """
    if reading.labels is None:
        return reading
    labels, source = reading.labels
    # one column is the probability of the second of two classes
    if classes and not (classes == 1 and len(labels) == 2) and (fault := count_fault(labels, classes, source)):  # noqa: PLR2004
        raise UnclearSource(f"{fault}. Write them into a file, and say --labels FILE")
    odd = order_note(labels)
    labels, notes = distinct(labels)
    notes = (*notes, odd) if odd else notes
    notes = tuple(note for note in notes if note not in reading.notes)
    return replace(reading, labels=Fact(labels, source), notes=(*reading.notes, *notes))


def _scale(reading: Reading, options: Options) -> Fact[Scale] | None:
    if options.values is not None:
        if options.mean is not None or options.std is not None:
            raise SourceError("--values says what --mean and --std would: give the one or the others")
        return Fact(SCALES[options.values], "--values")
    if options.mean is None and options.std is None:
        return reading.scale
    flags = " and ".join(f"--{name}" for name in ("mean", "std") if getattr(options, name) is not None)
    for name in ("mean", "std"):
        values = getattr(options, name)
        if values is not None and len(values) not in {1, 3}:
            raise SourceError(f"--{name} has {len(values)} numbers: give one, or three for red, green and blue")
    if options.std is not None and min(options.std) <= 0:
        raise SourceError("--std must be above 0")
    given = [each for values in (options.mean, options.std) for each in values or ()]
    factor = 255.0 if max(given) <= 1 else 1.0
    # where only one of the two is given, the other stays as it was read, or does nothing
    mean, std = reading.scale.value if reading.scale else Scale((0.0,), (255.0,))
    mean = tuple(factor * each for each in options.mean) if options.mean is not None else mean
    std = tuple(factor * each for each in options.std) if options.std is not None else std
    if len(mean) != len(std):
        mean, std = three(mean), three(std)
    return Fact(Scale(mean, std), flags)


def _input(reading: Reading, options: Options, fixed: tuple[int, int] | None) -> Fact[InputSpec] | None:
    asked = [name for name in _OF_INPUT if getattr(options, name) is not None]
    if not asked:
        return reading.input
    flags = ", ".join(
        "--no-antialias" if name == "antialias" and not options.antialias else f"--{name}" for name in asked
    )
    known: dict[str, Any] = reading.input.value.model_dump() if reading.input else {}
    fit = options.fit or known.get("fit") or _DEFAULT_FIT
    if options.resize is not None and fit not in {"crop", "squash"}:
        raise SourceError(
            f"--resize is of a photo that is cut afterwards, by --fit crop or squash, and the fit is {fit}"
        )
    box = options.size or fixed or ((known["height"], known["width"]) if "height" in known else None)
    if box is None and not (fit == "whole" and "shorter_side" in known):
        raise UnclearSource(
            f"{flags}: the network does not say how large its input is; say --size too, such as 224 or 48x192"
        )
    interpolation = interpolation_of(options.interpolation, "--interpolation", known.get("interpolation", "bilinear"))
    described: dict[str, Any] = {"fit": fit, "interpolation": interpolation}
    if options.antialias is not None or interpolation == known.get("interpolation"):
        described["antialias"] = known.get("antialias", True) if options.antialias is None else options.antialias
    if fit == "whole":
        side = min(box) if options.size and box else known.get("shorter_side", min(box) if box else 0)
        described |= {"shorter_side": side} | {key: known[key] for key in ("multiple", "widest") if key in known}
    else:
        height, width = box or (0, 0)
        described |= {"height": height, "width": width}
    if fit == "crop":
        described |= _crop(options, known, box or (0, 0))
    elif fit == "squash" and options.resize is not None:
        described["resize"] = (options.resize, options.resize)
    elif fit == known.get("fit"):
        kept = ("colour", "align") if fit == "pad" else () if options.size else ("resize", "rounding")
        described |= {key: known[key] for key in kept if key in known}
    described |= _said(options, fit, resized="resize" in described)
    where = flags + (f", the rest from {reading.input.source}" if reading.input else "")
    return Fact(input_spec(flags, **described), where)


def _said(options: Options, fit: str, *, resized: bool) -> dict[str, Any]:
    """Return what flags say that only some geometries have."""
    if options.rounding is not None and not resized:
        raise SourceError("--rounding is of a photo that is resized and cut afterwards: say --resize too")
    if fit != "pad" and (options.colour is not None or options.align is not None):
        raise SourceError(f"--colour and --align are of --fit pad, and the fit is {fit}")
    said = {"rounding": options.rounding, "colour": options.colour, "align": options.align}
    return {key: value for key, value in said.items() if value is not None}


def _crop(options: Options, known: dict[str, Any], box: tuple[int, int]) -> dict[str, Any]:
    """Return how much is cut away: what the flag says, what was read (in proportion to another size), or nothing."""
    if options.resize is not None:
        return {"resize": options.resize}
    if known.get("fit") == "crop" and known.get("fraction") is not None:
        return {"fraction": known["fraction"]}
    if known.get("fit") == "crop":
        share = min(box) / min(known["height"], known["width"])
        return {"resize": round(known["resize"] * share), "rounding": known["rounding"]}
    return {"resize": min(box)} if box[0] == box[1] else {"fraction": 1.0}
