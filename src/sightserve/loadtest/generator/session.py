"""Wires one run together: photos and their right answers, the users' classes, the shape, and who looks on meanwhile."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import gevent
from gevent.event import Event
from locust import LoadTestShape, User
from locust.env import Environment
from locust.html import get_html_report

from sightserve.client import Client, ClientError
from sightserve.loadtest.analysis import results, summary
from sightserve.loadtest.generator import api_user, photos
from sightserve.loadtest.generator.api_user import ApiUser
from sightserve.loadtest.generator.arrivals import Arrivals
from sightserve.loadtest.generator.context import Context
from sightserve.loadtest.generator.photos import Catalogue, Photo
from sightserve.loadtest.generator.watch import Watch
from sightserve.loadtest.goals import InvalidValue
from sightserve.loadtest.plan import Plan, Shape
from sightserve.loadtest.shapes import Knee, KneeFinder, users_at

_AT_ONCE = 100.0  # users a second: a shape says itself how many there are at a moment
_CALM_PHOTOS = 8  # whose right answers are asked through the web app where there is no backend to ask


class Session:
    """One run."""

    def __init__(self, plan: Plan) -> None:
        """Get the photos and ask, in peace, for their right answers.

        Raises:
            InvalidValue: nothing answers, or not with a label.
        """
        self.plan = plan
        catalogue = photos.load(plan.photos, phone=plan.phones)
        halves = " and ".join(filter(None, (plan.backend, plan.frontend)))
        environment = Environment(host=halves, locustfile="sightserve loadtest")  # both stand in the report's head
        self.context = Context(plan, labelled(plan, catalogue), environment)
        self.watch = Watch(plan.backend, lambda: api_user.headers(plan.backend)) if plan.backend else None
        self.model_bytes = _model_bytes(plan) if plan.backend else 0
        self.knee: Knee | None = None
        self.over = Event()  # set when the time is up, the knee is found, or somebody stops the run
        self.began = ""
        self._knee_finder = KneeFinder(plan.breaking)

    def classes(self) -> list[type[User]]:
        """Return the users that the plan needs, each knowing this run."""
        kinds: list[type[User]] = []
        if self.plan.shape is Shape.ARRIVALS:
            kinds = [Arrivals]
        else:
            kinds += [ApiUser] if self.plan.backend else []
            if self.plan.frontend:
                from sightserve.loadtest.generator.visitor import Visitor  # noqa: PLC0415 - needs Streamlit, loading the API does not

                kinds.append(Visitor)
        return [type(kind.__name__, (kind,), {"abstract": False, "shared": self.context}) for kind in kinds]

    def start(self) -> None:
        """Begin to count: now."""
        self.began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.context.started = time.perf_counter()

    def tick(self, users: int) -> int | None:
        """Return how many users there should be now, or None when it is over: the time is up, or the knee is found."""
        now = self.context.now
        if self.plan.shape is Shape.RAMP:
            self.knee = self._knee_finder.look(now, users, self.context.recorder.window(now))
        users_now = None if self.knee is not None else users_at(self.plan, now)
        if users_now is None:
            self.over.set()
        return users_now

    def look_on(self, users: Callable[[], int], say: Callable[[str], None]) -> None:
        """Note the number of users and the backend's metrics every second, and print a line every other: for ever."""
        number = 0
        while True:
            now = self.context.now
            self.context.recorder.users.append((now, users()))
            if self.watch is not None:
                self.watch.look(now)
            if number % 2 == 0:
                say(self.line(users()))
            number += 1
            gevent.sleep(max(0.0, number - self.context.now))

    def line(self, users: int) -> str:
        """Return what happened in the last seconds, as one line of the live table."""
        now, window = self.context.now, self.context.recorder.window(self.context.now)

        def ms(value: float | None) -> str:
            return "-" if value is None else f"{value * 1000:.0f}"

        return (
            f"{now:7.0f} {users:7} {window.answers / min(5.0, max(now, 1.0)):10.1f} {ms(window.p50):>8} {ms(window.p95):>8}"
            f" {ms(window.p99):>8} {window.refused:9} {window.failed:8}"
        )

    def finish(self) -> tuple[str, bool]:
        """Write the report and the JSON file where they were asked for; return a summary, and whether the goals were kept."""
        catalogue = self.context.catalogue
        found = results.assemble(
            self.plan,
            self.context.recorder,
            self.watch.rows if self.watch else [],
            self.knee,
            self.began,
            self.context.now,
            photo_bytes={"small photo": _mean_bytes(catalogue.small), "phone photo": _mean_bytes(catalogue.phone)},
            model_bytes=self.model_bytes,
            browsers_asked=self.context.browsers_asked,
        )
        if self.plan.json_file:
            Path(self.plan.json_file).write_text(json.dumps(found, separators=(",", ":")), encoding="utf-8")
        if self.plan.report:
            page = get_html_report(self.context.environment, show_download_link=False)  # type: ignore[no-untyped-call]
            Path(self.plan.report).write_text(page, encoding="utf-8")
        return summary.told(found), all(goal["met"] for goal in found["goals"])


HEAD = f"{'seconds':>7} {'users':>7} {'answers/s':>10} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'refused':>9} {'failed':>8}"


def shape_of(session: Session) -> LoadTestShape:
    """Return the plan's shape as Locust wants it."""

    class _Shape(LoadTestShape):
        def tick(self) -> tuple[int, float] | None:
            runner = self.runner
            users = session.tick(runner.user_count if runner else 0)
            if users is None:
                return None
            rate = session.plan.spawn_rate if session.plan.shape is Shape.STEADY else _AT_ONCE
            return users, rate

    return _Shape()  # type: ignore[no-untyped-call]


def _mean_bytes(photos_: Sequence[Photo]) -> float:
    return sum(len(photo.data) for photo in photos_) / len(photos_) if photos_ else 0.0


def labelled(plan: Plan, catalogue: Catalogue) -> Catalogue:
    """Return the photos with their right answers: what the backend says of each before there is any load.

    Raises:
        InvalidValue: it does not answer.
    """
    if plan.backend:
        with api_user.client(plan) as client:
            return catalogue.labelled(lambda photo: _ask_backend(client, photo))
    few = replace(catalogue, small=catalogue.small[:_CALM_PHOTOS])
    return few.labelled(lambda photo: _ask_web_app(plan, photo))


def _model_bytes(plan: Plan) -> int:
    """Return the size of the backend's model, 0 where it does not say."""
    with api_user.client(plan) as client, suppress(ClientError):
        return client.model().size_bytes
    return 0


def _ask_backend(client: Client, photo: Photo) -> str:
    try:
        return client.predict(photo.data).prediction
    except ClientError as exc:
        raise InvalidValue(f"the backend does not classify {photo.name} before there is any load: {exc}") from exc


def _ask_web_app(plan: Plan, photo: Photo) -> str:
    from sightserve.loadtest.generator.browser import Browser, VisitFailed  # noqa: PLC0415 - needs Streamlit
    from sightserve.loadtest.generator.page import ProtocolChanged  # noqa: PLC0415

    browser = Browser(plan.frontend, plan.timeout)
    try:
        browser.open()
        browser.upload("photo", [(photo.name, photo.unlike_any_other(0))])
    except (VisitFailed, ProtocolChanged) as exc:
        raise InvalidValue(f"the web app cannot be visited before there is any load: {exc}") from exc
    finally:
        browser.close()
    if not browser.page.label:
        raise InvalidValue(f"the web app has no label for {photo.name}: {browser.page.problem or 'nothing was said'}")
    return browser.page.label
