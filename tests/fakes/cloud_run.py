"""The Cloud Run Admin API as far as it is about finding a service: get and list, over HTTP and JSON as the real client speaks.

python -m tests.fakes.cloud_run --port 8902 --service-url http://127.0.0.1:8903
Then, for whatever should believe it: SIGHTSERVE_CLOUD_ENDPOINT=http://127.0.0.1:8902
"""

import argparse
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.fakes.servers import ACCESS_TOKEN, Handler, serve_for_ever, serving

_SERVICES = re.compile(r"/v2/(projects/[^/]+/locations/[^/]+)/services(?:/([^/]+))?")
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 500: "INTERNAL",
           503: "UNAVAILABLE"}  # fmt: skip


@dataclass
class FakeCloudRun:
    """What it has, and what it was asked.

    Attributes:
        services: by name: the address, empty while it is deployed for the first time.
        parent: where they are.
        reconciling: whether it says that all of them are being deployed.
        page_size: services in one page of a list.
        seconds: how long each answer takes.
        refuses: a status that it answers everything with; 0: none.
        refuses_lists: the same, for lists alone.
        anyone: whether it takes any credentials.
        asked: each request's path and query.
    """

    services: dict[str, str] = field(default_factory=dict)
    parent: str = "projects/my-project/locations/europe-west1"
    reconciling: bool = False
    page_size: int = 2
    seconds: float = 0.0
    refuses: int = 0
    refuses_lists: int = 0
    anyone: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, target: str, authorization: str) -> tuple[int, object]:
        self.asked.append(target)
        time.sleep(self.seconds)
        parts = urlsplit(target)
        found = _SERVICES.fullmatch(parts.path)
        if not self.anyone and authorization != f"Bearer {ACCESS_TOKEN}":
            return _error(401)
        if self.refuses:
            return _error(self.refuses)
        if found is None or found[1] != self.parent:
            return _error(404)
        if found[2] is not None:
            return (200, self.described(found[2])) if found[2] in self.services else _error(404)
        if self.refuses_lists:
            return _error(self.refuses_lists)
        start = int(parse_qs(parts.query).get("pageToken", ["0"])[0])
        end = start + self.page_size
        page: dict[str, object] = {"services": [self.described(name) for name in list(self.services)[start:end]]}
        if end < len(self.services):
            page["nextPageToken"] = str(end)
        return 200, page

    def described(self, name: str) -> dict[str, object]:
        content: dict[str, object] = {
            "name": f"{self.parent}/services/{name}", "uid": "1", "generation": "3", "ingress": "INGRESS_TRAFFIC_ALL",
            "createTime": "2026-01-01T00:00:00.000000Z", "reconciling": self.reconciling, "etag": '"x"',
            "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"},
        }  # fmt: skip
        return content | ({"uri": self.services[name], "urls": [self.services[name]]} if self.services[name] else {})


def _error(status: int) -> tuple[int, object]:
    return status, {"error": {"code": status, "message": "in Google's words", "status": _STATUS[status]}}


def handler(api: FakeCloudRun) -> type[BaseHTTPRequestHandler]:
    class Api(Handler):
        def do_GET(self) -> None:
            self.give(*api.answer(self.path, self.headers["authorization"] or ""))

    return Api


@contextmanager
def fake_cloud_run() -> Iterator[FakeCloudRun]:
    api = FakeCloudRun()
    with serving(handler(api)) as api.url:
        yield api


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--service", default="sightserve-backend")
    parser.add_argument("--service-url", required=True)
    parser.add_argument("--project", default="my-project")
    parser.add_argument("--region", default="europe-west1")
    flags = parser.parse_args()
    parent = f"projects/{flags.project}/locations/{flags.region}"
    serve_for_ever(handler(FakeCloudRun({flags.service: flags.service_url}, parent)), flags.port)


if __name__ == "__main__":
    main()
