"""A gcloud that remembers what was made and what it was told: put on the PATH by `fake_gcloud`."""

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.servers import id_token

_STATE = "FAKE_GCLOUD_STATE"
AUDIENCE = "gcloud's own"  # as a person's tokens have: good for every service
_ABSENT = {
    "services": "ERROR: (gcloud.run.services.describe) Cannot find service [it]",
    "repositories": "ERROR: (gcloud.artifacts.repositories.describe) NOT_FOUND: Requested entity was not found.",
    "buckets": "ERROR: (gcloud.storage.buckets.describe) gs://it not found: 404.",
    "service-accounts": "ERROR: (gcloud.iam.service-accounts.describe) NOT_FOUND: Unknown service account.",
}


@dataclass
class FakeGcloud:
    """Attributes:
    folder: for the PATH.
    urls: the address of each service once it is deployed.
    """

    folder: Path
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            _STATE: str(self.folder / "state.json"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return state

    def set(self, **changes: object) -> None:
        (self.folder / "state.json").write_text(json.dumps(self.state() | changes))

    @property
    def words(self) -> list[tuple[str, ...]]:
        """The words of each command since the last call."""
        file = self.folder / "told"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [tuple(json.loads(line)) for line in lines]

    @property
    def told(self) -> list[str]:
        """Each command line since the last call."""
        return [" ".join(words) for words in self.words]

    @property
    def fed(self) -> str:
        """What the last login read from its standard input."""
        return (self.folder / "fed").read_text()


def fake_gcloud(folder: Path, urls: dict[str, str]) -> FakeGcloud:
    """Write the command, and those of the local builders, into a folder."""
    for name in ("gcloud", "docker", "podman", "buildah"):
        file = folder / name
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fakes.gcloud {name} "$@"\n')
        file.chmod(0o755)
    state = {"things": [], "urls": urls, "fails": "", "times": 0, "says": ""}
    (folder / "state.json").write_text(json.dumps(state))
    return FakeGcloud(folder, urls)


def main() -> int:
    file = Path(os.environ[_STATE])
    words = sys.argv[1:]
    with file.with_name("told").open("a") as told:  # appended: both ends of a pipe run at once
        told.write(json.dumps(words) + "\n")
    if words[1] == "login":
        file.with_name("fed").write_text(sys.stdin.read())
        return 0
    state = json.loads(file.read_text())
    before = json.dumps(state)
    try:
        return _act(words, state)
    finally:
        if json.dumps(state) != before:
            file.write_text(json.dumps(state))


def _act(words: list[str], state: dict[str, Any]) -> int:
    line = " ".join(words)
    if state["fails"] and state["fails"] in line and state["times"] > 0:
        state["times"] -= 1
        sys.stderr.write(state["says"] + "\n")
        return 1
    plain = [word for word in words if not word.startswith("--")]
    match plain:
        case ["gcloud", *_, kind, "describe", name]:
            if f"{kind} {name}" not in state["things"]:
                sys.stderr.write(_ABSENT[kind] + "\n")
                return 1
            if "--format=value(status.url)" in words:
                print(state["urls"][name])
        case ["gcloud", *_, kind, "delete", name]:
            state["things"].remove(f"{kind} {name}")
        case ["gcloud", "iam", kind, "create", name]:
            named = [word.removeprefix("--project=") for word in words if word.startswith("--project=")]
            project = named[0] if named else "my-project"  # as after `gcloud config set project`
            state["things"].append(f"{kind} {name}@{project}.iam.gserviceaccount.com")
        case ["gcloud", "storage", "rm", name]:
            state["things"].remove(f"buckets {name}")
        case ["gcloud", "artifacts" | "storage", kind, "create", name]:
            state["things"].append(f"{kind} {name}")
        case ["gcloud", "run", "deploy", name]:
            state["things"] = [thing for thing in state["things"] if thing != f"services {name}"] + [f"services {name}"]
        case ["gcloud", "auth", "list"]:
            print("me@example.com")
        case ["gcloud", "auth", "print-identity-token"]:
            print(id_token(AUDIENCE, time.time() + 3600))
        case ["gcloud", "auth", "print-access-token"]:
            print("an access token")
    return 0


if __name__ == "__main__":
    sys.exit(main())
