"""A program that asks the API: small photos, phone photos, now and then a file that is none, now and then a batch."""

import os
import random
import time
from functools import cache
from typing import Final

import gevent
from locust import User, task

from sightserve.client import Client
from sightserve.client.caller import identity_for
from sightserve.client.identity import Identity
from sightserve.client.protocol import key_header
from sightserve.loadtest.generator.answers import judge, judge_batch, pause_of, timing_of
from sightserve.loadtest.generator.context import Context
from sightserve.loadtest.generator.photos import Photo
from sightserve.loadtest.generator.web import Answer, Web, form
from sightserve.loadtest.plan import API_KEY_VARIABLE, Plan
from sightserve.loadtest.record import Event, Half, Outcome

_BATCH: Final = 4  # photos


@cache
def _identity(backend: str) -> Identity | None:
    return identity_for(backend)


def headers(backend: str) -> dict[str, str]:
    """Return what every request carries: an API key where the environment has one, an ID token for a private Cloud Run service.

    Raises:
        ValueError: SIGHTSERVE_API_KEY or SIGHTSERVE_IDENTITY cannot be meant.
        IdentityError: no token is to be had.
    """
    identity = _identity(backend)
    token = {} if identity is None else {"Authorization": f"Bearer {identity.token()}"}
    return key_header(os.environ.get(API_KEY_VARIABLE)) | token


def client(plan: Plan) -> Client:
    """Return what asks before there is any load, as patiently as a person does.

    Raises:
        ValueError, IdentityError: as `headers`.
    """
    key = os.environ.get(API_KEY_VARIABLE)
    return Client(plan.backend, api_key=key, timeout=plan.timeout, auth=_identity(plan.backend))


def ask(web: Web, photo: Photo, backend: str) -> Answer:
    """Send one photo, raw, as `sightserve.client` does."""
    return web.ask("POST", "/predict", photo.data, {"Content-Type": "image/jpeg", **headers(backend)})


def send(web: Web, photo: Photo, kind: str, context: Context) -> Answer:
    """Send one photo and take note of what became of it."""
    beside = context.under_way
    context.under_way += 1
    try:
        answer = ask(web, photo, context.plan.backend)
    finally:
        context.under_way -= 1
    outcome, cause = judge(answer, photo)
    timing = timing_of(answer, beside) if outcome is Outcome.OK else None
    context.note(Event(0, Half.API, kind, answer.seconds, outcome, cause, kind != "bad file", len(answer.body), timing))
    return answer


def choose(plan: Plan, context: Context) -> tuple[str, Photo]:
    """Return what to send next, by the shares that the plan gives."""
    if random.random() < plan.bad_share:  # noqa: S311 - a load, no secret
        return "bad file", random.choice(context.catalogue.bad)  # noqa: S311
    return context.catalogue.photo(plan.phone_share)


class ApiUser(User):
    """Asks, thinks, asks again; when it is refused it waits for as long as it is told."""

    abstract = True
    shared: Context

    def on_start(self) -> None:
        """Open a connection of its own."""
        plan = self.shared.plan
        self.web = Web(plan.backend, plan.timeout)
        gevent.sleep(random.random() * plan.api_every)  # noqa: S311 - users that came together do not walk in step

    def on_stop(self) -> None:
        """Close it."""
        self.web.close()

    @task
    def one_request(self) -> None:
        """Send one photo or one batch, then wait for the rest of this user's turn."""
        plan, started = self.shared.plan, time.perf_counter()
        if random.random() < plan.batch_share:  # noqa: S311
            answer = self._batch()
        else:
            kind, photo = choose(plan, self.shared)
            answer = send(self.web, photo, kind, self.shared)
        gevent.sleep(pause_of(answer))
        every = plan.api_every * random.uniform(0.5, 1.5)  # noqa: S311
        gevent.sleep(max(0.0, every - (time.perf_counter() - started)))

    def _batch(self) -> Answer:
        photos = random.choices(self.shared.catalogue.small, k=_BATCH)  # noqa: S311
        body, content_type = form((photo.name, photo.data) for photo in photos)
        self.shared.under_way += 1
        answer = self.web.ask("POST", "/predict/batch", body, {**content_type, **headers(self.shared.plan.backend)})
        self.shared.under_way -= 1
        outcome, cause = judge_batch(answer, [photo.label for photo in photos])
        # Several photos take longer than one: a batch is told apart, and does not count for the answers' percentiles.
        self.shared.note(
            Event(0, Half.API, f"batch of {_BATCH}", answer.seconds, outcome, cause, False, len(answer.body))
        )
        return answer
