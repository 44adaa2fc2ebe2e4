"""A person in the web app: opens it, sends a photo, reads the label; a few photos, then another person."""

import random
import time
from collections.abc import Callable
from contextlib import suppress

import gevent
from locust import User, task

from sightserve.loadtest.generator.browser import Browser, VisitFailed
from sightserve.loadtest.generator.context import Context
from sightserve.loadtest.generator.page import Page, ProtocolChanged
from sightserve.loadtest.record import Event, Half, Outcome

_BATCH = 5  # photos


def judge(page: Page, label: str) -> tuple[Outcome, str]:
    """Return what the page says about a photo whose right answer is `label`, and why where it failed. Pure."""
    if page.label:
        return (Outcome.OK, "") if page.label == label else (Outcome.FAILED, "wrong_answer")
    if page.busy:
        return Outcome.REFUSED, "busy"
    return Outcome.FAILED, f"the page says: {page.problem}" if page.problem else "no label on the page"


class Visitor(User):
    """Visits again and again, as another person each time: with a new browser, and photos that nobody has sent before."""

    abstract = True
    shared: Context

    def on_start(self) -> None:
        """Visitors that came together do not walk in step."""
        gevent.sleep(random.random() * min(2.0, self.shared.plan.visitor_every))  # noqa: S311

    @task
    def visit(self) -> None:
        """Make one visit; what fails is noted, and the next visitor tries again after a moment."""
        plan = self.shared.plan
        browser = Browser(plan.frontend, plan.timeout, assets=plan.assets)
        batch = random.random() < plan.batch_visitors  # noqa: S311
        try:
            self._timed(browser, "open the page", lambda: browser.open("batch" if batch else ""))
            if batch:
                self._batch(browser)
            else:
                for _ in range(plan.visit_photos):
                    self._photo(browser)
        except VisitFailed:
            gevent.sleep(random.uniform(0.5, 1.5))  # noqa: S311
        finally:
            with suppress(OSError):
                browser.close()

    def _photo(self, browser: Browser) -> None:
        started, context = time.perf_counter(), self.shared
        kind, photo = context.catalogue.photo(context.plan.visitor_phone_share, browser=True)
        data = photo.unlike_any_other(random.getrandbits(63))
        self._timed(browser, f"upload a {kind}", lambda: browser.put("photo", [(photo.name, data)]))
        self._answered(browser, photo.label, time.perf_counter() - started)
        every = context.plan.visitor_every * random.uniform(0.8, 1.2)  # noqa: S311
        self._timed_only_failures(browser, lambda: browser.stay(max(0.0, every - (time.perf_counter() - started))))

    def _answered(self, browser: Browser, label: str, uploading: float) -> None:
        """Read the label of a photo that was sent. What a person waits for has the seconds of the upload in it."""
        page, seconds = browser.page, 0.0
        self.shared.under_way += 1
        try:
            seconds = browser.bring("photo", lambda: bool(page.label))
            outcome, cause = judge(page, label)
        except (VisitFailed, ProtocolChanged) as exc:
            self._failed("sent to label", seconds, exc, answer=True)
            raise VisitFailed(str(exc)) from exc
        finally:
            self.shared.under_way -= 1
        kind = "sent to label, after a friendly wait" if page.waking else "sent to label"
        event = Event(0, Half.WEB, kind, seconds, outcome, cause, not page.waking, self._taken(browser))
        self.shared.note(event._replace(before=uploading))

    def _batch(self, browser: Browser) -> None:
        """Use the Batch page: several photos in one go, watched until all are answered."""
        photos = [
            self.shared.catalogue.photo(self.shared.plan.visitor_phone_share, browser=True)[1] for _ in range(_BATCH)
        ]
        files = [(f"{n}-{p.name}", p.unlike_any_other(random.getrandbits(63))) for n, p in enumerate(photos)]
        self._timed(browser, f"upload {_BATCH} photos", lambda: browser.upload("batch", files))

        def finish() -> None:
            browser.press("start")
            while not browser.page.done:
                if browser.page.problem:
                    raise VisitFailed(f"the page says: {browser.page.problem}")
                browser.watch()
            if f"{_BATCH} photos answered" not in browser.page.done:
                raise VisitFailed("a batch was not answered whole")

        self._timed(browser, f"answers to {_BATCH} photos", finish)
        self._timed_only_failures(browser, lambda: browser.stay(self.shared.plan.visitor_every))

    def _timed(self, browser: Browser, kind: str, step: Callable[[], object]) -> None:
        started = time.perf_counter()
        try:
            step()
        except (VisitFailed, ProtocolChanged) as exc:
            self._failed(kind, time.perf_counter() - started, exc)
            raise VisitFailed(str(exc)) from exc
        seconds = time.perf_counter() - started
        self.shared.note(Event(0, Half.WEB, kind, seconds, Outcome.OK, answer=False, size=self._taken(browser)))

    def _timed_only_failures(self, browser: Browser, step: Callable[[], object]) -> None:
        try:
            step()
        except (VisitFailed, ProtocolChanged) as exc:
            self._failed("stay on the page", 0.0, exc)
            raise VisitFailed(str(exc)) from exc
        self._taken(browser)

    def _taken(self, browser: Browser) -> int:
        """Return the bytes that came since this was last asked; the requests are counted for all visitors together."""
        size = browser.bytes
        self.shared.browsers_asked += browser.asked
        browser.bytes = browser.asked = 0
        return size

    def _failed(self, kind: str, seconds: float, exc: Exception, *, answer: bool = False) -> None:
        self.shared.note(Event(0, Half.WEB, kind, seconds, Outcome.FAILED, str(exc), answer))
