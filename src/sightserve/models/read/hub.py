"""hf:org/name -> [a folder on this machine] -> the readers of folders. Of a repository only what is needed comes over."""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from sightserve.models.errors import SourceError
from sightserve.models.packages import package

PREFIX: Final = "hf:"
_FACTS: Final = frozenset(
    {"config.json", "preprocessor_config.json", "processor_config.json", "labels.txt", "README.md"}
)
# The first of these that a repository has: safe before pickled, weights before somebody's export.
_NETWORKS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"model\.safetensors",
        r"model(-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)",
        r"pytorch_model\.bin",
        r"pytorch_model(-\d+-of-\d+\.bin|\.bin\.index\.json)",
        r"model\.onnx(_data|\.data)?",
        r"onnx/model\.onnx(_data|\.data)?",
    )
)
_SHOWN: Final = 8


class Fetched(NamedTuple):
    """A repository's files, on this machine.

    Attributes:
        folder: with them.
        name: of the repository, without whose it is.
        where: for people, its revision included.
    """

    folder: Path
    name: str
    where: str


def fetch(source: str) -> Fetched | None:
    """Return the files of `hf:org/name` or `hf:org/name@revision`; None where a source is no such thing.

    HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE mean what they mean to every program that uses the hub.

    Raises:
        SourceError: there is no such repository, it is closed, or the hub is out of reach.
        MissingPackage: huggingface_hub is not installed.
    """
    if not source.startswith(PREFIX):
        return None
    name, _, revision = source.removeprefix(PREFIX).partition("@")
    hub = package("huggingface_hub", "huggingface_hub")
    try:
        if _offline():
            # a snapshot is never complete: only what is needed came
            config = hub.hf_hub_download(name, "config.json", revision=revision or None, local_files_only=True)
            return Fetched(Path(config).parent, name.rpartition("/")[2], f"{name} as it was downloaded before")
        info = hub.HfApi().model_info(name, revision=revision or None)
        files = _needed([each.rfilename for each in info.siblings or ()], name)
        folder = hub.snapshot_download(name, revision=revision or None, allow_patterns=files)
    except SourceError:
        raise
    except Exception as exc:
        raise SourceError(_why(exc, name, revision)) from exc
    return Fetched(Path(folder), name.rpartition("/")[2], f"{name} at {info.sha[:8]}")


def _needed(files: list[str], name: str) -> list[str]:
    for pattern in _NETWORKS:
        if network := [file for file in files if pattern.fullmatch(file)]:
            return [*(file for file in files if file in _FACTS), *network]
    shown = ", ".join(files[:_SHOWN]) + (" ..." if len(files) > _SHOWN else "")
    raise SourceError(
        f"{name} holds none of model.safetensors, pytorch_model.bin and model.onnx ({shown or 'it is empty'}): "
        "it is no network that can be read"
    )


def _offline() -> bool:
    return bool(package("huggingface_hub.constants", "huggingface_hub").HF_HUB_OFFLINE)


def _why(exc: Exception, name: str, revision: str) -> str:
    """Say why a repository did not come, and what to do."""
    kinds: Any = package("huggingface_hub.errors", "huggingface_hub")
    endpoint = package("huggingface_hub.constants", "huggingface_hub").ENDPOINT
    if isinstance(exc, kinds.HFValidationError):
        return f"{name!r} is no repository's name: write hf:organisation/name, or hf:organisation/name@revision"
    if isinstance(exc, kinds.GatedRepoError):
        return (
            f"{name} is gated: accept its terms at {endpoint}/{name}, then log in with `hf auth login`, "
            "or put a token that may read it into HF_TOKEN"
        )
    if isinstance(exc, kinds.RevisionNotFoundError):
        return f"{name} has no revision {revision}: name a branch, a tag or a commit of it"
    if isinstance(exc, kinds.RepositoryNotFoundError):
        return (
            f"{endpoint} has no repository {name}, or it is private: check the name, and for a private one log in with "
            "`hf auth login`, or put a token that may read it into HF_TOKEN"
        )
    if isinstance(exc, kinds.HfHubHTTPError) and exc.response is not None:
        return f"{endpoint} answered {exc.response.status_code} for {name}: try again later"
    line = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
    return (
        f"{name} did not come from {endpoint} ({line}): is it within reach? HF_ENDPOINT names a mirror; a folder that was "
        "downloaded elsewhere (`hf download`) can be added by its path"
    )
