"""hf:org/name against a hub on loopback, by the real client, in a process of its own: it reads its settings once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.hub import TOKEN, FakeHub, Repository, fake_hub
from tests.processes import clean_environment

_FETCH = """
import json, sys
from sightserve.models.errors import AddError
from sightserve.models.read import hub

def found(source):
    try:
        fetched = hub.fetch(source)
    except AddError as exc:
        return {type(exc).__name__: str(exc)}
    files = (path for path in fetched.folder.rglob("*") if path.is_file())
    return {"name": fetched.name, "files": sorted(str(path.relative_to(fetched.folder)) for path in files)}

print(json.dumps([found(source) for source in sys.argv[1:]]))
"""
_FILES = {
    "config.json": b"{}",
    "preprocessor_config.json": b"{ }",
    "README.md": b"---\nlicense: mit\n---\n",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"the same as a pickle",
    "tf_model.h5": b"the same again",
    "training_args.bin": b"a pickle",
    "onnx/model.onnx": b"and again",
}
_PICKLED = {"config.json": b"{}", "pytorch_model-00001-of-00002.bin": b"1", "pytorch_model-00002-of-00002.bin": b"2"}


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with fake_hub(
        vit=Repository(_FILES, revisions=("main", "v2")),
        gated=Repository(_FILES, gated=True),
        private=Repository(_FILES, private=True),
        pickled=Repository(_PICKLED | {"pytorch_model.bin.index.json": b"{ }"}),
        exported=Repository({"config.json": b"{}", "onnx/model.onnx": b"1", "onnx/model_fp16.onnx": b"2"}),
        text=Repository({"notes.txt": b"nothing"}),
    ) as hub:
        yield hub


def fetch(hub: FakeHub, home: Path, *sources: str, **environment: str) -> list[Any]:
    hub.downloaded.clear()
    ended = subprocess.run(
        [sys.executable, "-c", _FETCH, *sources],
        env=clean_environment(**hub.environment(home), **environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: list[Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("hf:org/vit@v2", ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]),
        ("hf:org/pickled", ["config.json", *sorted(_PICKLED)[1:], "pytorch_model.bin.index.json"]),
        ("hf:org/exported", ["config.json", "onnx/model.onnx"]),
    ],
)
def test_of_a_repository_only_what_is_needed_comes(hub: FakeHub, tmp_path: Path, source: str, files: list[str]) -> None:
    (fetched,) = fetch(hub, tmp_path, source)

    assert fetched["files"] == sorted(files) == sorted(hub.downloaded)
    assert fetched["name"] == source.removeprefix("hf:org/").partition("@")[0]


def test_what_was_downloaded_is_there_without_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path, "hf:org/vit")

    (again,) = fetch(hub, tmp_path, "hf:org/vit", HF_HUB_OFFLINE="1")

    assert "model.safetensors" in again["files"]
    assert hub.downloaded == []


def test_a_token_opens_what_is_closed(hub: FakeHub, tmp_path: Path) -> None:
    gated, private = fetch(hub, tmp_path, "hf:org/gated", "hf:org/private", HF_TOKEN=TOKEN)

    assert "model.safetensors" in gated["files"]
    assert "model.safetensors" in private["files"]


def test_why_a_repository_does_not_come(hub: FakeHub, tmp_path: Path) -> None:
    words = {
        "hf:org/gated": "is gated: accept its terms at",
        "hf:org/private": "has no repository org/private, or it is private",
        "hf:org/absent": "has no repository org/absent, or it is private",
        "hf:org/vit@v9": "org/vit has no revision v9",
        "hf:org/text": "holds none of model.safetensors, pytorch_model.bin and model.onnx (notes.txt)",
        "hf:": "'' is no repository's name: write hf:organisation/name",
        "hf:../../etc": "'../../etc' is no repository's name",
    }

    found = fetch(hub, tmp_path, *words)

    for each, expected in zip(found, words.values(), strict=True):
        assert expected in each["SourceError"]


def test_a_hub_out_of_reach_is_named_with_what_else_can_be_done(tmp_path: Path) -> None:
    (found,) = fetch(FakeHub(url="http://127.0.0.1:9"), tmp_path, "hf:org/vit")

    assert found["SourceError"].startswith("org/vit did not come from http://127.0.0.1:9")
    assert "HF_ENDPOINT names a mirror" in found["SourceError"]
