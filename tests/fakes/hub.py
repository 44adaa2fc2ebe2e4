"""The Hugging Face hub, as much of it as a download of one repository asks: its description, its files, its refusals.

python -m tests.fakes.hub --port 8902 --name org/vit FOLDER
Then, for whatever should believe it: HF_ENDPOINT=http://127.0.0.1:8902 HF_HOME=an-empty-folder
"""

import argparse
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.fakes.servers import Handler, serve_for_ever, serving

TOKEN = "hf_of_its_owner"


@dataclass
class Repository:
    """A model of the hub.

    Attributes:
        files: their contents by path.
        gated: whoever has not accepted its terms is refused the files.
        private: whoever has no token is told that it does not exist.
        revisions: names of its one commit.
    """

    files: dict[str, bytes]
    gated: bool = False
    private: bool = False
    revisions: tuple[str, ...] = ("main",)

    @property
    def commit(self) -> str:
        return hashlib.sha1(repr(sorted(self.files)).encode(), usedforsecurity=False).hexdigest()

    def holds(self, revision: str) -> bool:
        return revision in {*self.revisions, self.commit}

    @classmethod
    def of(cls, folder: Path) -> "Repository":
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        return cls(files)


@dataclass
class FakeHub:
    """What it has, and what it was asked.

    Attributes:
        broken: whether it answers everything with a 500.
        downloaded: repository and path of each file whose content was sent.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    broken: bool = False
    url: str = ""
    downloaded: list[str] = field(default_factory=list)

    def environment(self, home: Path) -> dict[str, str]:
        """What a program's environment needs, so that it takes this for the hub."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def find(self, words: list[str], token: str | None) -> Repository | tuple[int, str]:
        """Return the repository of an address, or status and code of the refusal."""
        repository = self.repositories.get("/".join(words[:2]))
        if repository is None or (repository.private and token != TOKEN):
            return 401, "RepoNotFound"
        return repository


@contextmanager
def fake_hub(**repositories: Repository) -> Iterator[FakeHub]:
    """Run a hub with these repositories of the organisation `org`."""
    hub = FakeHub({f"org/{name.replace('_', '-')}": each for name, each in repositories.items()})
    with serving(_handler(hub)) as url:
        hub.url = url
        yield hub


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Hub(Handler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path).strip("/")
            token = (self.headers.get("authorization") or "").removeprefix("Bearer ") or None
            if hub.broken:
                self.answer(500, b"broken")
            elif path.startswith("api/models/"):
                self.describe(path.removeprefix("api/models/").split("/"), token)
            else:
                self.send(path.split("/"), token)

        def describe(self, words: list[str], token: str | None) -> None:
            found = hub.find(words, token)
            if isinstance(found, tuple):
                self.refuse(*found)
                return
            revision = words[3] if len(words) > 3 else "main"
            if not found.holds(revision):
                self.refuse(404, "RevisionNotFound")
            elif words[2:3] == ["tree"]:
                files = [
                    {"type": "file", "path": name, "size": len(content), "oid": _tag(content)}
                    for name, content in found.files.items()
                ]
                self.give(200, files)
            else:
                name = "/".join(words[:2])
                self.give(
                    200,
                    {
                        "_id": "0", "id": name, "modelId": name, "sha": found.commit, "private": found.private,
                        "gated": "auto" if found.gated else False, "disabled": False, "downloads": 0, "likes": 0, "tags": [],
                        "siblings": [{"rfilename": each} for each in found.files],
                    },
                )  # fmt: skip

        def send(self, words: list[str], token: str | None) -> None:
            found = hub.find(words, token)
            if isinstance(found, tuple):
                self.refuse(*found)
                return
            revision, path = words[3], "/".join(words[4:])
            if not found.holds(revision):
                self.refuse(404, "RevisionNotFound")
            elif found.gated and token != TOKEN:
                self.refuse(403, "GatedRepo")
            elif path not in found.files:
                self.refuse(404, "EntryNotFound", x_repo_commit=found.commit)
            else:
                if self.command == "GET":
                    hub.downloaded.append(path)
                content = found.files[path]
                self.answer(200, content, etag=f'"{_tag(content)}"', x_repo_commit=found.commit)

        def refuse(self, status: int, code: str, **headers: str) -> None:
            self.answer(status, b"", x_error_code=code, x_error_message=code, **headers)

        def answer(self, status: int, content: bytes, **headers: str) -> None:
            if self.command == "HEAD":
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
            else:
                self.give(status, content, "application/octet-stream", **headers)

    return Hub


def _tag(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--name", default="org/model")
    given = parser.parse_args()
    serve_for_ever(_handler(FakeHub({given.name: Repository.of(given.folder)})), given.port)
