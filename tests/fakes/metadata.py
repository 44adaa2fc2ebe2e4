"""A metadata server as Cloud Run has one: project, region, access tokens for APIs, ID tokens for services.

python -m tests.fakes.metadata --port 8901 --project my-project --region europe-west1
Then, for whatever should believe it: GCE_METADATA_HOST=127.0.0.1:8901 K_SERVICE=anything
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.fakes.servers import ACCESS_TOKEN, Handler, id_token, serve_for_ever, serving

_ROOT = "/computeMetadata/v1/"
_ACCOUNT = "instance/service-accounts/default"


@dataclass
class FakeMetadata:
    """What it knows, and what it was asked.

    Attributes:
        token_seconds: how long its ID tokens live.
        seconds: how long each answer takes.
        broken: whether it answers everything with a 500.
        asked: the path of each request.
    """

    project: str = "my-project"
    region: str = "europe-west1"
    token_seconds: float = 3600.0
    seconds: float = 0.0
    broken: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        self.asked.append(path)
        time.sleep(self.seconds)
        if self.broken:
            return 500, "broken"
        serial = sum(asked.endswith("/identity") for asked in self.asked)
        audience = query.get("audience", [""])[0]
        known: dict[str, object] = {
            "project/project-id": self.project,
            "instance/region": f"projects/123456789/regions/{self.region}",
            "universe/universe-domain": "googleapis.com",
            _ACCOUNT: {"aliases": ["default"], "email": "frontend@fake", "scopes": ["all"]},
            f"{_ACCOUNT}/token": {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"},
            f"{_ACCOUNT}/identity": id_token(audience, time.time() + self.token_seconds, serial),
        }
        name = path.removeprefix(_ROOT).rstrip("/")
        return (200, known[name]) if name in known else (404, "not known here")


def handler(metadata: FakeMetadata) -> type[BaseHTTPRequestHandler]:
    class Metadata(Handler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if (
                self.headers["metadata-flavor"] != "Google"
            ):  # the real one refuses too: a page in a browser cannot send it
                self.give(403, "no Metadata-Flavor", "text/plain")
                return
            status, body = metadata.answer(parts.path, parse_qs(parts.query))
            kind = "application/json" if isinstance(body, dict) else "text/plain"
            self.give(status, body, kind, Metadata_Flavor="Google")

    return Metadata


@contextmanager
def fake_metadata() -> Iterator[FakeMetadata]:
    metadata = FakeMetadata()
    with serving(handler(metadata)) as metadata.url:
        yield metadata


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--project", default="my-project")
    parser.add_argument("--region", default="europe-west1")
    flags = parser.parse_args()
    serve_for_ever(handler(FakeMetadata(flags.project, flags.region)), flags.port)


if __name__ == "__main__":
    main()
