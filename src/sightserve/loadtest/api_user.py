"""A program that asks the API: small photos, phone photos, now and then a file that is none, now and then a batch."""

import json
import os
import random
import time
from http import HTTPStatus
from typing import Any, Final

import gevent
from locust import User, task

from sightserve.loadtest.context import Context
from sightserve.loadtest.photos import Photo
from sightserve.loadtest.plan import API_KEY_VARIABLE, Plan
from sightserve.loadtest.record import Event, Half, Outcome, Timing
from sightserve.loadtest.web import Answer, Web

_REFUSALS: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
_BATCH: Final = 4  # photos
_BOUNDARY: Final = "sightserve-loadtest-2b9e"
_LONGEST_PAUSE: Final = 30.0  # s, whatever Retry-After says


def headers() -> dict[str, str]:
    """Return what every request carries: the API key, where the environment has one."""
    key = os.environ.get(API_KEY_VARIABLE, "")
    return {"Authorization": f"Bearer {key}"} if key else {}


def judge(answer: Answer, photo: Photo) -> tuple[Outcome, str]:
    """Return how a request for one photo ended, and why where it failed. Pure."""
    if answer.status in _REFUSALS:
        return Outcome.REFUSED, _code(answer)
    if answer.status not in photo.expected:
        return Outcome.FAILED, answer.cause or f"{answer.status} {_code(answer)}".strip()
    if answer.status == HTTPStatus.OK and photo.label and _field(answer, "prediction") != photo.label:
        return Outcome.FAILED, "wrong_answer"
    return Outcome.OK, ""


def timing_of(answer: Answer, beside: int) -> Timing | None:
    """Return where the backend says that the time of an answer went."""
    told = _field(answer, "timing_ms") if answer.status == HTTPStatus.OK else None
    if not isinstance(told, dict):
        return None
    return Timing(beside, (told["decode"] + told["inference"]) / 1000, told["queue"] / 1000)


def pause_of(answer: Answer) -> float:
    """Return the seconds that a refusal asks for."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdigit() else 1.0


def form(photos: list[tuple[str, bytes]]) -> tuple[bytes, str]:
    """Return a multipart body with these files, and its content type."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: image/jpeg\r\n\r\n".encode() + data + b"\r\n"
        for name, data in photos
    ]
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}"


def ask(web: Web, photo: Photo) -> Answer:
    """Send one photo, raw, as `sightserve.client` does."""
    return web.ask("POST", "/predict?top_k=5", photo.data, {"Content-Type": "image/jpeg", **headers()})


def send(web: Web, photo: Photo, kind: str, context: Context) -> Answer:
    """Send one photo and take note of what became of it."""
    beside = context.under_way
    context.under_way += 1
    try:
        answer = ask(web, photo)
    finally:
        context.under_way -= 1
    outcome, cause = judge(answer, photo)
    timing = timing_of(answer, beside) if outcome is Outcome.OK else None
    context.note(
        Event(0, Half.API, kind, answer.seconds, outcome, cause, kind != "bad file", len(answer.body), timing)
    )
    return answer


def choose(plan: Plan, context: Context) -> tuple[str, Photo]:
    """Return what to send next, by the shares that the plan gives."""
    dice, catalogue = random.random(), context.catalogue  # noqa: S311 - a load, no secret
    if dice < plan.bad_share:
        return "bad file", random.choice(catalogue.bad)  # noqa: S311
    if dice < plan.bad_share + plan.phone_share and catalogue.phone:
        return "phone photo", random.choice(catalogue.phone)  # noqa: S311
    return "small photo", random.choice(catalogue.small)  # noqa: S311


class ApiUser(User):
    """Asks, thinks, asks again; when it is refused it waits for as long as it is told."""

    abstract = True
    context: Context

    def on_start(self) -> None:
        """Open a connection of its own."""
        plan = self.context.plan
        self.web = Web(plan.backend, plan.timeout)
        gevent.sleep(random.random() * plan.api_every)  # noqa: S311 - users that came together do not walk in step

    def on_stop(self) -> None:
        """Close it."""
        self.web.close()

    @task
    def one_request(self) -> None:
        """Send one photo or one batch, then wait for the rest of this user's turn."""
        plan, started = self.context.plan, time.perf_counter()
        if random.random() < plan.batch_share:  # noqa: S311
            answer = self._batch()
        else:
            kind, photo = choose(plan, self.context)
            answer = send(self.web, photo, kind, self.context)
        if answer.status in _REFUSALS:
            gevent.sleep(pause_of(answer))
        every = plan.api_every * random.uniform(0.5, 1.5)  # noqa: S311
        gevent.sleep(max(0.0, every - (time.perf_counter() - started)))

    def _batch(self) -> Answer:
        photos = random.choices(self.context.catalogue.small, k=_BATCH)  # noqa: S311
        body, content_type = form([(photo.name, photo.data) for photo in photos])
        self.context.under_way += 1
        answer = self.web.ask("POST", "/predict/batch", body, {"Content-Type": content_type, **headers()})
        self.context.under_way -= 1
        outcome, cause = judge(answer, Photo("batch", b""))
        results = _field(answer, "results") if outcome is Outcome.OK else None
        if isinstance(results, list):
            codes = [item["error"]["code"] if item.get("error") else "" for item in results]
            labels = [item["result"]["prediction"] if item.get("result") else "" for item in results]
            if "overloaded" in codes:
                outcome, cause = Outcome.REFUSED, "overloaded, in a batch"
            elif any(codes):
                outcome, cause = Outcome.FAILED, next(filter(None, codes))
            elif labels != [photo.label for photo in photos]:
                outcome, cause = Outcome.FAILED, "wrong_answer"
        # Several photos take longer than one: a batch is told apart, and does not count for the answers' percentiles.
        self.context.note(
            Event(0, Half.API, f"batch of {_BATCH}", answer.seconds, outcome, cause, False, len(answer.body))
        )
        return answer


def _field(answer: Answer, name: str) -> Any:
    try:
        decoded = json.loads(answer.body)
    except ValueError:
        return None
    return decoded.get(name) if isinstance(decoded, dict) else None


def _code(answer: Answer) -> str:
    return str(_field(answer, "code") or "")
