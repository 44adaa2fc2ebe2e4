"""What reads somebody's network, from the user's own environment: imported when it is needed, and named where it is missing."""

import importlib
import re
from typing import Any, Final

from sightserve.models.errors import MissingPackage

# before it, torch.load could be made to run code even with weights_only (CVE-2025-32434)
_OLDEST_TORCH: Final = (2, 6)


def package(module: str, install: str) -> Any:
    """Import a module of a package that may not be there.

    Args:
        module: to import.
        install: what follows `pip install` in the user's environment.

    Raises:
        MissingPackage: it is not installed, or does not import.
    """
    name = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name == name:
            raise MissingPackage(
                f"{name} is not installed, which reads this: pip install {install} "
                "(in the environment that runs sightserve)"
            ) from exc
        raise MissingPackage(
            f"{name} is installed, but not {exc.name}, which it needs: pip install {exc.name}"
        ) from exc
    except (ImportError, OSError, RuntimeError) as exc:
        raise MissingPackage(
            f"{name} is installed but does not import ({_first_line(exc)}): pip install --upgrade {install}"
        ) from exc


def torch() -> Any:
    """Import PyTorch.

    Raises:
        MissingPackage: it is not installed, or is so old that reading weights with it is not safe.
    """
    module = package("torch", "torch")
    version = tuple(int(part) for part in re.findall(r"\d+", module.__version__)[:2])
    if version < _OLDEST_TORCH:
        raise MissingPackage(
            f"PyTorch {module.__version__} is installed; weights are read safely from 2.6 on: pip install --upgrade torch"
        )
    return module


def _first_line(exc: BaseException) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__
