"""A file of weights -> [tensors by name]; nothing in it is run."""

from pathlib import Path
from typing import Any, Final

from sightserve.models.errors import NetworkError, SourceError
from sightserve.models.packages import package, torch
from sightserve.models.read import state_dict

SUFFIXES: Final = frozenset({".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors", ".th", ".weights"})


def load(path: Path) -> state_dict.Weights | None:
    """Return the weights in a file; None where PyTorch refuses it (a pickle with code), or it holds none.

    Raises:
        SourceError: the file is damaged.
        MissingPackage: what reads it is not installed.
    """
    if path.suffix == ".safetensors":
        reader = package("safetensors.torch", "safetensors torch")
        try:
            return state_dict.unwrap(reader.load_file(path, device="cpu"))
        except Exception as exc:
            raise SourceError(f"{path} cannot be read as safetensors ({exc}): is it complete?") from exc
    try:
        content = torch().load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001 - torch.load raises whatever a file makes it; what the pickle holds is said elsewhere
        return None
    return state_dict.unwrap(content)


def put_into(module: Any, tensors: dict[str, Any], arch: str, last: str | None) -> None:
    """Give a module its weights.

    Raises:
        NetworkError: they are not its weights.
    """
    if trouble := state_dict.difference(tensors, shapes(module), arch, last):
        raise NetworkError(trouble)
    module.load_state_dict({name: each.float() if each.is_floating_point() else each for name, each in tensors.items()},
                           strict=False)  # all is there but, perhaps, counters  # fmt: skip


def shapes(module: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a module's weights by name."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def in_folder(folder: Path) -> Path | None:
    """Return a folder's file of weights, the safe kind first; None where there is none."""
    names = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
    return next((folder / name for name in names if (folder / name).is_file()), None)
