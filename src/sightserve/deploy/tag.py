"""Deploying: what is in the folder -> [a tag for its images], the same for the same content only."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sightserve

# What an image is made of, and how: .dockerignore lets nothing else in.
SHIPPED: Final = (
    "LICENSE", "README.md", "containers/Dockerfile", "containers/sbom.py", "containers/slim.py", "pyproject.toml",
    "requirements", "src",
)  # fmt: skip
_HEXDIGITS: Final = 12
_GIT_SECONDS: Final = 10.0


def tag_of(source: Path) -> str:
    """Return the commit, where nothing that ends in an image differs from it; else the content's hash is added.

    A folder that git does not know gets this version and the hash.
    """
    commit = _git(source, "rev-parse", f"--short={_HEXDIGITS}", "HEAD")
    if commit is None:
        return f"{sightserve.__version__}-{_content(source)}"
    changed = _git(source, "status", "--porcelain", "--untracked-files=all", "--", *SHIPPED)
    return commit if changed == "" else f"{commit}-dirty-{_content(source)}"


def _content(source: Path) -> str:
    content = hashlib.sha256()
    for path in _files(source):
        # name and length go before the bytes, so that no two folders read as one stream
        content.update(f"{path.relative_to(source).as_posix()}\0{path.stat().st_size}\0".encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:_HEXDIGITS]


def _files(source: Path) -> Iterator[Path]:
    for name in SHIPPED:
        top = source / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(source).parts)
            if path.is_file() and not hidden:
                yield path


def _git(source: Path, *words: str) -> str | None:
    """Return what git says, or None where it says nothing of this folder."""
    try:
        found = subprocess.run(  # noqa: S603 - no shell
            ["git", "-C", os.fspath(source), *words],  # noqa: S607 - the person's own git
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None
