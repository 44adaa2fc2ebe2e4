"""torchvision's networks by name -> [their network as ONNX, labels, preprocessing]."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from sightserve.bundle.inputs import CropInput
from sightserve.models import export
from sightserve.models.errors import SourceError
from sightserve.models.packages import package, torch
from sightserve.models.source import Fact, Options, Reading, Scale

PREFIX: Final = "torchvision:"
_INSTALL: Final = "torchvision torch"


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """Read `torchvision:NAME` or `torchvision:NAME@WEIGHTS`; None where a source is no such thing.

    Raises:
        AddError: see `models.errors`.
    """
    if not source.startswith(PREFIX):
        return None
    name, _, version = source.removeprefix(PREFIX).partition("@")
    models = _models()
    chosen = weights_of(name, version or "DEFAULT")
    try:
        model = models.get_model(name, weights=chosen)
    except Exception as exc:
        words = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
        raise SourceError(
            f"torchvision's weights of {name} did not come from {chosen.url} ({words}): is it within reach? The file, "
            f"downloaded elsewhere, can be added by its path with --arch {PREFIX}{name}"
        ) from exc
    reading = reading_of(model, chosen, options, workspace, f"torchvision's {chosen}")
    return replace(reading, kind="torchvision network", name=name, labels=categories(chosen))


def create(name: str, classes: int | None) -> Any:
    """Return a network of torchvision's, without weights.

    Args:
        name: as `torchvision.models` has it.
        classes: None: as many as torchvision trained it for.
    """
    weights_of(name, "DEFAULT")
    arguments: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name in {"inception_v3", "googlenet"}:
        arguments["init_weights"] = False  # they are about to be replaced, and take a minute
    return _models().get_model(name, weights=None, **arguments)


def weights_of(name: str, version: str) -> Any:
    """Return what torchvision knows of a classifier's weights: where they are, their labels, how they see a photo.

    Raises:
        SourceError: there are none such, or it is no classifier.
    """
    models = _models()
    try:
        known = models.get_model_weights(name)
    except (ValueError, KeyError) as exc:
        near = get_close_matches(name, models.list_models(module=models), 5)
        hint = f"nearest: {', '.join(near)}" if near else "torchvision.models.list_models() lists them"
        raise SourceError(f"torchvision {_version()} has no network {name}: {hint}") from exc
    if name not in models.list_models(module=models):
        raise SourceError(f"torchvision's {name} is no classifier of photos")
    found = getattr(known, version, None)
    if found is None:
        names = ", ".join(each.name for each in known)
        raise SourceError(f"torchvision's {name} has no weights {version}: write one of {names} after the @")
    return found


def categories(chosen: Any) -> Fact[tuple[str, ...]]:
    """Return the labels of what torchvision trained."""
    return Fact(tuple(chosen.meta["categories"]), f"categories of torchvision's {chosen}")


def reading_of(model: Any, chosen: Any, options: Options, workspace: Path, where: str) -> Reading:
    """Return what is known of a network of torchvision's, without its labels."""
    transform = chosen.transforms()
    height, width = options.size or (transform.crop_size[0], transform.crop_size[0])
    # another size is resized for in the proportion that this one was
    resize = round(transform.resize_size[0] * min(height, width) / transform.crop_size[0])
    network = export.network(model)
    graph = export.export(network, (3, height, width), workspace)
    own = not options.changes_preprocessing and not options.size
    return Reading(
        graph=graph,
        kind="torchvision network",
        name="torchvision",
        input=Fact(
            CropInput(
                fit="crop", height=height, width=width, resize=resize, interpolation=transform.interpolation.value
            ),
            f"transforms() of {where}",
        ),
        channels=Fact("rgb", "as torchvision's networks are"),
        scale=Fact(
            Scale(tuple(255 * each for each in transform.mean), tuple(255 * each for each in transform.std)),
            f"transforms() of {where}",
        ),
        outputs=Fact("logits", "as torchvision's heads are"),
        description=f"{type(model).__name__} of torchvision",
        original=export.pipeline(network, transform) if own else None,
    )


def _models() -> Any:
    torch()
    return package("torchvision.models", _INSTALL)


def _version() -> str:
    return str(package("torchvision", _INSTALL).__version__)
