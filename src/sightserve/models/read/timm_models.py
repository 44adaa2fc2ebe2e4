"""timm's networks, by name or from a folder -> [their network as ONNX, labels, preprocessing]."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from sightserve.models import export
from sightserve.models.errors import NetworkError, SourceError
from sightserve.models.packages import package, torch
from sightserve.models.read import state_dict, weights
from sightserve.models.read.card import license_of, spdx
from sightserve.models.read.huggingface_config import labels_of
from sightserve.models.read.timm_config import of_pretrained_cfg
from sightserve.models.read.values import read_object
from sightserve.models.source import Fact, Options, Reading

PREFIX: Final = "timm:"
_INSTALL: Final = "timm torch torchvision"


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """Read `timm:NAME`, or a folder whose config.json names an architecture of timm's; None where it is neither.

    Raises:
        AddError: see `models.errors`.
    """
    if source.startswith(PREFIX):
        name = source.removeprefix(PREFIX)
        model = create(name, options, pretrained=True)
        reading = reading_of(model, options, workspace, f"timm's {name}")
        return replace(reading, kind="timm network", name=name.rpartition("/")[2], labels=imagenet(model, name))
    folder = Path(source)
    if not (folder / "config.json").is_file():
        return None
    config = read_object(folder / "config.json")
    if not isinstance(config.get("architecture"), str):
        return None
    if weights.in_folder(folder) is None:
        if any(folder.glob("*.onnx")) or any(folder.glob("onnx/*.onnx")):
            return None
        raise SourceError(f"{folder} has a config.json but no model.safetensors or pytorch_model.bin beside it")
    model = _of_folder(folder, config, options)
    reading = reading_of(model, options, workspace, "pretrained_cfg in config.json")
    return replace(
        reading,
        kind="timm folder",
        name=folder.resolve().name,
        labels=labels_of(config) or imagenet(model, config["architecture"]),
        license=license_of(folder) or reading.license,
    )


def create(name: str, options: Options, *, pretrained: bool, **arguments: Any) -> Any:
    """Return a network of timm's.

    Raises:
        SourceError: there is none of that name, or its weights do not come.
        MissingPackage: timm is not installed.
    """
    torch()
    timm = package("timm", _INSTALL)
    if options.size:
        arguments["img_size"] = options.size
    try:
        try:
            return timm.create_model(name, pretrained=pretrained, **arguments)
        except TypeError:
            if "img_size" not in arguments:
                raise
            del arguments["img_size"]  # of convolutions only: they take every size
            return timm.create_model(name, pretrained=pretrained, **arguments)
    except Exception as exc:
        words = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
        if "nknown model" in words:
            near = get_close_matches(name, timm.list_models(), 5)
            hint = f"nearest: {', '.join(near)}" if near else 'timm.list_models("*resnet*") lists them'
            raise SourceError(f"timm {timm.__version__} has no network {name}: {hint}") from exc
        if not pretrained:
            raise SourceError(f"timm cannot make {name}: {words}") from exc
        raise SourceError(
            f"timm's weights of {name} did not come ({words}): is the hub within reach? HF_ENDPOINT names a mirror; a "
            "folder or a checkpoint that was downloaded elsewhere can be added by its path"
        ) from exc


def reading_of(model: Any, options: Options, workspace: Path, where: str) -> Reading:
    """Return what is known of a network of timm's, without its labels."""
    data = package("timm.data", _INSTALL)
    if not model.num_classes:
        raise NetworkError(f"{where} has no classifier (num_classes is 0): it gives features, not classes")
    arguments = {"input_size": (model.pretrained_cfg.get("input_size", (3,))[0], *options.size)} if options.size else {}
    config = data.resolve_model_data_config(model, args=arguments)
    found = of_pretrained_cfg(config, where)
    network = export.network(model)
    graph = export.export(network, tuple(config["input_size"]), workspace)
    own = not options.changes_preprocessing
    transform = data.create_transform(**config, is_training=False)
    mode = "L" if config["input_size"][0] == 1 else "RGB"
    return Reading(
        graph=graph,
        kind="timm network",
        name=model.pretrained_cfg.get("architecture") or "timm",
        input=found.input,
        channels=found.channels,
        scale=found.scale,
        outputs=Fact("logits", "as timm's heads are"),
        description=f"{model.pretrained_cfg.get('architecture') or type(model).__name__} of timm",
        license=spdx(model.pretrained_cfg.get("license") or ""),
        notes=found.notes,
        original=export.pipeline(network, lambda photo: transform(photo.convert(mode))) if own else None,
    )


def imagenet(model: Any, name: str) -> Fact[tuple[str, ...]] | None:
    """Return the labels of a network that nobody trained further: timm knows ImageNet's by their number."""
    data = package("timm.data", _INSTALL)
    if names := model.pretrained_cfg.get("label_names"):
        described = model.pretrained_cfg.get("label_descriptions") or {}
        return Fact(tuple(str(described.get(each, each)) for each in names), f"label_names of {name}")
    if not (subset := data.infer_imagenet_subset(model)):
        return None
    info = data.ImageNetInfo(subset)
    labels = tuple(info.index_to_description(index) for index in range(info.num_classes()))
    return Fact(labels, f"timm's names for {subset}, which has {model.num_classes:,} classes as this network has")


def _of_folder(folder: Path, config: dict[str, Any], options: Options) -> Any:
    wrapped = config.get("model_type") == "timm_wrapper"
    if not wrapped:
        return create(f"local-dir:{folder.resolve()}", options, pretrained=True)
    # transformers' wrapper puts a word before each name, and has the classes among its labels
    path = weights.in_folder(folder)
    loaded = weights.load(path) if path else None
    if loaded is None:
        raise SourceError(f"{path} holds no weights that can be read without running code")
    classes = len(config.get("label_names") or config.get("id2label") or ()) or config.get("num_classes")
    arguments = dict(config.get("model_args") or {})
    if isinstance(config.get("pretrained_cfg"), dict):
        arguments["pretrained_cfg"] = config["pretrained_cfg"]
    model = create(config["architecture"], options, pretrained=False, num_classes=classes, **arguments)
    wanted = weights.shapes(model)
    tensors = state_dict.fitted(loaded.tensors, wanted)
    weights.put_into(model, tensors, config["architecture"], state_dict.head(wanted, model.num_classes))
    return model
