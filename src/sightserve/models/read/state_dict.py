"""A checkpoint's content -> [weights by the names that an architecture gives them], or why they are not its weights.

Pure: a tensor is whatever has a shape.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

Shape = tuple[int, ...]

# Under which the habits of training loops keep the weights; averaged ones are what its author would use.
_AVERAGED: Final = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "averaged_model")
_PLAIN: Final = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
_DEEPEST: Final = 4
# what a batch normalisation counts while it is trained: old files lack it, and nothing depends on it
_COUNTER: Final = "num_batches_tracked"


class Weights(NamedTuple):
    """Tensors by name, and what a person should know of how they were found."""

    tensors: dict[str, Any]
    notes: tuple[str, ...] = ()


def unwrap(content: object) -> Weights | None:
    """Return the weights in what a checkpoint holds; None where there are none."""
    notes: list[str] = []
    for _ in range(_DEEPEST):
        if not isinstance(content, Mapping):
            return None
        averaged = _inner(content, _AVERAGED)
        key = averaged or (None if _is_weights(content) else _inner(content, _PLAIN))
        if key is None:
            break
        if averaged:
            notes.append(f"the averaged weights ({averaged}) are taken")
        content = content[key]
    if not isinstance(content, Mapping) or not _is_weights(content):
        return None
    return Weights({str(name): each for name, each in content.items() if hasattr(each, "shape")}, tuple(notes))


def fitted(tensors: Mapping[str, Any], wanted: Mapping[str, Shape]) -> dict[str, Any]:
    """Return the weights without what wrappers put before their names.

    `module.` of DataParallel, `model.` of Lightning, `_orig_mod.` of torch.compile, or an attribute's own name: the beginning
    without which most names are the architecture's.
    """
    beginnings = {""}
    for name in tensors:
        parts = name.split(".")
        beginnings.update(".".join(parts[:depth]) + "." for depth in range(1, min(len(parts), _DEEPEST)))
    if len(beginnings) > len(tensors):  # one for nearly every name: look at those that many share
        shared = Counter(name.split(".")[0] + "." for name in tensors)
        beginnings = {each for each in beginnings if shared[each.split(".")[0] + "."] > 1} | {""}
    best = max(sorted(beginnings), key=lambda each: sum(each + name in tensors for name in wanted))
    return {name.removeprefix(best): each for name, each in tensors.items() if name.startswith(best)}


def head(wanted: Mapping[str, Shape], classes: int) -> str | None:
    """Return the name of the last layer's weight: the last that has a row for each class."""
    names = [name for name, shape in wanted.items() if name.endswith("weight") and shape and shape[0] == classes]
    return names[-1] if names else None


def difference(tensors: Mapping[str, Any], wanted: Mapping[str, Shape], arch: str, last: str | None) -> str | None:
    """Return why these are not the weights of an architecture, and what to do; None where they are.

    Args:
        tensors: by names as `fitted` has them.
        wanted: the architecture's shapes by name.
        arch: its name, for people.
        last: the name of the last layer's weight.
    """
    missing = [name for name in wanted if name not in tensors and not name.endswith(_COUNTER)]
    unknown = [name for name in tensors if name not in wanted]
    other = [name for name in wanted if name in tensors and tuple(tensors[name].shape) != wanted[name]]
    if not missing and not unknown and not other:
        return None
    if len(missing) > len(wanted) / 2:
        return (
            f"the weights are not those of {arch}: it has no {_some(unknown)}, and the file no {_some(missing)}. "
            "Name the architecture that was trained, of the library that it came from (timm and torchvision differ)"
        )
    if last in missing:
        return (
            f"the file has no last layer ({last}): it is a backbone without a classifier, or its classifier has another "
            f"name ({_some(unknown)})"
        )
    if other:
        name = other[0]
        have, want = ("x".join(map(str, shape)) for shape in (tuple(tensors[name].shape), wanted[name]))
        count = f", and {len(other) - 1} more such" if len(other) > 1 else ""
        return (
            f"{name} is {have} in the file and {want} in {arch}{count}: the file is of another size of it, "
            "or was trained for another --size"
        )
    faults = [f"the file lacks {_some(missing)} of {arch}"] if missing else []
    faults += [f"it has {_some(unknown)}, which {arch} has not"] if unknown else []
    return f"{', and '.join(faults)}: name the variant that was trained, or save the whole state_dict"


def _inner(content: Mapping[Any, Any], keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if isinstance(content.get(key), Mapping) and content[key]), None)


def _is_weights(content: Mapping[Any, Any]) -> bool:
    tensors = sum(hasattr(each, "shape") for each in content.values())
    return tensors > 0 and tensors * 2 >= len(content)


def _some(names: list[str], at_most: int = 3) -> str:
    shown = ", ".join(names[:at_most])
    return shown + (f" and {len(names) - at_most} more" if len(names) > at_most else "")
