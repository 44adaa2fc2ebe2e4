"""A file of PyTorch weights and the architecture that the user names -> [its network as ONNX].

A state dict says neither labels nor preprocessing: what the architecture's library trained it with stands for the latter.
"""

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from sightserve.models import export
from sightserve.models.errors import SourceError, UnclearSource
from sightserve.models.packages import torch
from sightserve.models.read import state_dict, timm_models, torchvision_models, weights
from sightserve.models.source import Options, Reading

_CODE: Final = "python:"
_EXAMPLES: Final = "--arch timm:resnet18, --arch torchvision:resnet18 or --arch python:network.py:build"
_DEFAULT_SIZE: Final = (224, 224)
_CONVOLUTION: Final = 4  # axes of its weight: out, in, height, width


def read(source: str, options: Options, workspace: Path) -> Reading | None:
    """Read a checkpoint; None where a source is none, or PyTorch does not read it without running code.

    Raises:
        AddError: see `models.errors`.
    """
    path = Path(source)
    if path.suffix.lower() not in weights.SUFFIXES or not path.is_file():
        return None
    if (loaded := weights.load(path)) is None:
        return None
    if not options.arch:
        raise UnclearSource(_asks_for_architecture(path, loaded))
    network = _build(options.arch, loaded.tensors, options)
    reading = _reading(network, options, workspace)
    return replace(
        reading,
        kind="PyTorch checkpoint",
        name=path.name.partition(".")[0],
        description=f"{options.arch}, {path.name}",
        license=None,
        notes=(*loaded.notes, *reading.notes),
    )


class _Network(NamedTuple):
    """An architecture with its weights.

    Attributes:
        module: of PyTorch.
        library: timm, torchvision or python.
        name: in it.
    """

    module: Any
    library: str
    name: str


def _asks_for_architecture(path: Path, loaded: state_dict.Weights) -> str:
    matrices = [name for name, each in loaded.tensors.items() if len(each.shape) > 1]
    last = matrices[-1] if matrices else next(iter(loaded.tensors))
    shape = "x".join(map(str, loaded.tensors[last].shape))
    return (
        f"{path} holds weights and no architecture ({len(loaded.tensors)} tensors, the last matrix {last} of {shape}): "
        f"name it, as {_EXAMPLES}"
    )


def _build(arch: str, tensors: dict[str, Any], options: Options) -> _Network:
    library, _, name = arch.partition(":")
    if library not in {"timm", "torchvision", "python"} or not name:
        raise UnclearSource(f"--arch {arch} names no library: write {_EXAMPLES}")
    if library == "python":
        module = _of_code(arch.removeprefix(_CODE))
        fitted = state_dict.fitted(tensors, wanted := weights.shapes(module))
        last = next((each for each in reversed(wanted) if len(wanted[each]) > 1), None)
    else:
        module, classes = _make(library, name, options.classes, options)
        wanted = weights.shapes(module)
        fitted = state_dict.fitted(tensors, wanted)
        last = state_dict.head(wanted, classes)
        trained = options.classes or (int(fitted[last].shape[0]) if last in fitted else classes)
        if trained != classes:
            module, classes = _make(library, name, trained, options)
            wanted = weights.shapes(module)
    weights.put_into(module, fitted, arch, last)
    return _Network(module, library, name)


def _make(library: str, name: str, classes: int | None, options: Options) -> tuple[Any, int]:
    if library == "timm":
        arguments = {} if classes is None else {"num_classes": classes}
        module = timm_models.create(name, options, pretrained=False, **arguments)
        return module, module.num_classes
    known = len(torchvision_models.weights_of(name, "DEFAULT").meta["categories"])
    return torchvision_models.create(name, classes), classes or known


def _of_code(words: str) -> Any:
    """Return the module that the user's own code makes: FILE.py:CALLABLE or PACKAGE.MODULE:CALLABLE, and an argument."""
    where, _, rest = words.partition(":")
    name, _, argument = rest.partition(":")
    if not where or not name:
        raise UnclearSource(
            f"--arch {_CODE}{words} names no function: write {_CODE}network.py:build or {_CODE}package.module:build"
        )
    try:
        found = _imported(where)
        for part in name.split("."):
            found = getattr(found, part)
        module = found(argument) if argument else found()
    except Exception as exc:
        raise SourceError(f"--arch {_CODE}{words}: {type(exc).__name__}: {exc}") from exc
    if not isinstance(module, torch().nn.Module):
        raise SourceError(f"--arch {_CODE}{words} gives {type(module).__name__}, not a torch.nn.Module")
    return module.eval()


def _imported(where: str) -> Any:
    if not where.endswith(".py"):
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))  # as `python` has it, and the command has not
        return importlib.import_module(where)
    path = Path(where).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"{where} is not there")
    sys.path.insert(0, str(path.parent))  # it may import what lies beside it
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{where} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _reading(network: _Network, options: Options, workspace: Path) -> Reading:
    module, library, name = network
    if library == "python":
        return _of_unknown(module, options, workspace)
    if library == "timm":
        reading = timm_models.reading_of(module, options, workspace, f"timm's {name}")
        labels = timm_models.imagenet(module, name)
    else:
        chosen = torchvision_models.weights_of(name, "DEFAULT")
        reading = torchvision_models.reading_of(module, chosen, options, workspace, f"torchvision's {chosen}")
        found = torchvision_models.categories(chosen)
        last = state_dict.head(weights.shapes(module), len(found.value))
        labels = found if last else None
    notes = [
        f"how it sees a photo is what {library} trained its own {name} with: say it by flags where yours was trained in "
        "another way"
    ]
    if labels and not options.labels:
        notes.append(
            f"it has {len(labels.value):,} classes, as {library}'s {name} has, and is taken to have the same: --labels FILE "
            "says otherwise"
        )
    return replace(reading, labels=labels, notes=(*reading.notes, *notes))


def _of_unknown(module: Any, options: Options, workspace: Path) -> Reading:
    first = next((each.shape for each in module.state_dict().values() if each.ndim == _CONVOLUTION), None)
    colours = int(first[1]) if first is not None and first[1] in {1, 3} else 3
    graph = export.export(export.network(module), (colours, *(options.size or _DEFAULT_SIZE)), workspace)
    return Reading(graph=graph, kind="PyTorch checkpoint", name="network")
