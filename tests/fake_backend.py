"""A backend that says what a test wants: real HTTP, no model. The contract tests prove that the real one speaks like this."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LABELS = ["tabby", "tiger cat", "Egyptian cat", "espresso", "daisy", "palace", "missile", "cup"]
METRICS = """# TYPE sightserve_http_requests_total counter
sightserve_http_requests_total{method="POST",route="/predict",status="200"} 10.0
sightserve_http_request_duration_seconds_bucket{le="0.01",route="/predict"} 0.0
sightserve_http_request_duration_seconds_bucket{le="0.02",route="/predict"} 10.0
sightserve_http_request_duration_seconds_bucket{le="+Inf",route="/predict"} 10.0
sightserve_http_request_duration_seconds_count{route="/predict"} 10.0
"""


@dataclass
class FakeBackend:
    """What it should answer, and what it was asked.

    Attributes:
        url: its address.
        probability: of the first label; the others share the rest.
        seconds: how long a prediction takes.
        refusals: problems that are answered first, each (status, code, Retry-After), before predictions are.
        ready: whether it says that it is.
        photos: the SHA-256 of each photo that was sent, in order.
        honest_for: how many predictions are right; those after it name another label. None: all of them.
        busy_after: after so many predictions it refuses all others, and asks for nine seconds. None: never.
        keys: what was sent as X-API-Key.
        together: the most predictions that were under way at once.
        outputs: what its probabilities mean.
        heat_maps: how it says where it looked; None: it does not.
        asked_where: how often it was asked.
        metrics: what /metrics says, in turn: as several backends behind one address do.
        front: what stands before it answers the nth request for a prediction (1, 2, ...) in its place: a status and a page, 0
            to break the connection; None: it lets through.
        front_says: as Retry-After.
        headers: of the last prediction that was asked for.
        models: whether it says what its model is; one that is starting does not.
        page, samples: what its model says of itself to people, and the photos that it brings; `sample` is their bytes.
        labels_known: what the model says that it knows; the labels that it answers with where it is None.
        kinds: what its labels are kinds of.
        accuracy: of its model.
        feedback: what it says of what it keeps, `{"days": 90, "photos": True}`; None: it takes no feedback.
        feedback_refusals: problems that are answered first, each (status, code), before feedback is taken.
        said: what people said of which answer, in order, and the photo's SHA-256 where one came along.
        forgotten: the answers that were taken back.
        summary: what people said, all in all.
    """

    url: str = ""
    probability: float = 0.7
    seconds: float = 0.0
    refusals: list[tuple[int, str, str | None]] = field(default_factory=list)
    ready: bool = True
    photos: list[str] = field(default_factory=list)
    honest_for: int | None = None
    busy_after: int | None = None
    keys: set[str] = field(default_factory=set)
    together: int = 0
    top_k: int = 0
    outputs: str = "exclusive"
    heat_maps: str | None = None
    asked_where: int = 0
    metrics: list[str] = field(default_factory=lambda: [METRICS])
    front: Callable[[int], tuple[int, str] | None] | None = None
    front_says: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    at_front: int = 0
    models: bool = True
    page: dict[str, str] = field(default_factory=dict)
    samples: list[dict[str, str]] = field(default_factory=list)
    sample: bytes = b""
    labels_known: list[str] | None = None
    kinds: list[dict[str, object]] = field(default_factory=list)
    accuracy: dict[str, object] = field(default_factory=lambda: {"top1": 0.75, "top5": None, "images": 100})
    feedback: dict[str, object] | None = None
    feedback_refusals: list[tuple[int, str]] = field(default_factory=list)
    said: list[dict[str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    summary: dict[str, object] = field(default_factory=lambda: {"predictions": 0, "judged": 0, "right": 0})
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str) -> tuple[int, object]:  # noqa: PLR0911 - a table
        match path:
            case "/health/ready":
                return (200, {"status": "ready"}) if self.ready else (503, problem(503, "not_ready"))
            case "/model" if not self.models:
                return 503, problem(503, "not_ready")
            case "/model/samples/0":
                return 200, self.sample
            case "/model":
                labels = self.labels_known or LABELS
                return 200, {
                    **self.page, "samples": self.samples,
                    "name": "fake", "version": "1", "description": "says what a test wants", "classes": len(LABELS),
                    "labels": labels, "input_width": 224, "input_height": 224, "source": "tests", "license": "MIT",
                    "sha256": "0" * 64, "size_bytes": 5_000_000, "accuracy": self.accuracy, "kinds": self.kinds,
                    "outputs": self.outputs, "heat_map": self.heat_maps,
                }  # fmt: skip
            case "/metrics":
                self.metrics.append(self.metrics.pop(0))
                return 200, self.metrics[-1]
            case "/":
                limits = {
                    "max_upload_bytes": 30 * 2**20,
                    "max_pixels": 50_000_000,
                    "max_batch_files": 64,
                    "image_types": ["image/jpeg"],
                }
                model = {"name": "fake", "version": "1"}
                return 200, {
                    "message": "hello", "version": "0", "model": model, "limits": limits, "links": {},
                    "feedback": self.feedback,
                }  # fmt: skip
            case "/feedback" if self.feedback_refusals:
                status, code = self.feedback_refusals.pop(0)
                return status, problem(status, code)
            case "/feedback" if self.feedback is not None:
                return 200, self.summary
        return 404, problem(404, "not_found")

    def passes_front(self) -> tuple[int, str] | None:
        with self._lock:
            self.at_front += 1
            return None if self.front is None else self.front(self.at_front)

    def predict(self, photo: bytes, top_k: int, heat_map: bool = False) -> tuple[int, object, str | None]:
        with self._lock:
            self.asked_where += heat_map
            self.photos.append(hashlib.sha256(photo).hexdigest())
            self.top_k = top_k
            if self.busy_after is not None and len(self.photos) > self.busy_after:
                return 503, problem(503, "overloaded"), "9"
            if self.refusals:
                status, code, retry_after = self.refusals.pop(0)
                return status, problem(status, code), retry_after
            self._under_way += 1
            self.together = max(self.together, self._under_way)
        time.sleep(self.seconds)
        with self._lock:
            self._under_way -= 1
        if not photo.startswith((b"\xff\xd8", b"\x89PNG")):
            return 415, problem(415, "unsupported_image_type"), None
        rest = (1 - self.probability) / (len(LABELS) - 1)
        lie = self.honest_for is not None and len(self.photos) > self.honest_for
        first = (int(hashlib.sha256(photo).hexdigest(), 16) + lie) % len(LABELS)
        order = [first, *(index for index in range(len(LABELS)) if index != first)]
        ranked = [
            {"index": i, "label": LABELS[i], "probability": self.probability if i == first else rest} for i in order
        ]
        return 200, {
            "prediction": LABELS[first], "probability": self.probability, "top_k": ranked[:top_k],
            "heat_map": self.heat_map(LABELS[first], first) if heat_map else None,
            "model": {"name": "fake", "version": "1", "outputs": self.outputs},
            "image": {"width": 4, "height": 3, "format": "JPEG"},
            "timing_ms": {"queue": 0, "decode": 3, "inference": 7},
            "id": None if self.feedback is None else f"answer-{len(self.photos)}",
        }, None  # fmt: skip

    def judged(self, content_type: str, body: bytes) -> tuple[int, object]:
        if self.feedback_refusals:
            status, code = self.feedback_refusals.pop(0)
            return status, problem(status, code)
        said, photo = read_feedback(content_type, body)
        if said["id"] in self.forgotten:
            return 404, problem(404, "unknown_prediction")
        self.said.append(said if photo is None else said | {"photo": hashlib.sha256(photo).hexdigest()})
        return 201, {"id": said["id"], "photo": photo is not None}

    def forget(self, answer: str) -> tuple[int, object]:
        if self.feedback_refusals:
            status, code = self.feedback_refusals.pop(0)
            return status, problem(status, code)
        self.forgotten.append(answer)
        return 204, b""

    def heat_map(self, label: str, index: int) -> dict[str, object]:
        return {
            "method": self.heat_maps, "index": index, "label": label, "rows": 1, "columns": 2, "values": [[0.5, -0.1]],
            "box": {"left": 0, "top": 0, "width": 1, "height": 1},
        }  # fmt: skip

    def label_of(self, photo: bytes) -> str:
        return LABELS[int(hashlib.sha256(photo).hexdigest(), 16) % len(LABELS)]


def problem(status: int, code: str) -> dict[str, object]:
    return {"type": "about:blank", "title": code, "status": status, "detail": "technical detail", "code": code}


def read_feedback(content_type: str, body: bytes) -> tuple[dict[str, str], bytes | None]:
    """What a person says of an answer, and the photo where one came along."""
    if content_type == "application/json":
        return {name: value for name, value in json.loads(body).items() if value}, None
    form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)
    parts = {
        str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True) or b"")
        for part in form.iter_parts()
    }
    photo = parts.pop("photo", None)
    return {name: value.decode() for name, value in parts.items() if value}, photo


def _handler(backend: FakeBackend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(*backend.get(urlsplit(self.path).path), None)

        def do_DELETE(self) -> None:
            self._answer(*backend.forget(urlsplit(self.path).path.rpartition("/")[2]), None)

        def do_POST(self) -> None:
            photo = self.rfile.read(int(self.headers["content-length"]))
            if urlsplit(self.path).path == "/feedback":
                self._answer(*backend.judged(self.headers["content-type"], photo), None)
                return
            backend.headers = {name.lower(): value for name, value in self.headers.items()}
            if (page := backend.passes_front()) is not None:
                if page[0] == 0:
                    self.close_connection = True
                    return
                self._answer(*page, backend.front_says)
                return
            if "x-api-key" in self.headers:
                backend.keys.add(self.headers["x-api-key"])
            asked = parse_qs(urlsplit(self.path).query)
            self._answer(*backend.predict(photo, int(asked.get("top_k", ["5"])[0]), asked.get("heat_map") == ["true"]))

        def _answer(self, status: int, body: object, retry_after: str | None) -> None:
            content = (
                body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
            )
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            if retry_after is not None:
                self.send_header("retry-after", retry_after)
            self.end_headers()
            self.wfile.write(content)

        log_message: Callable[..., None] = lambda *_: None

    return Handler


@contextmanager
def fake_backend() -> Iterator[FakeBackend]:
    backend = FakeBackend()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(backend))
    backend.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        server.server_close()
