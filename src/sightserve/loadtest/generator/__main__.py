"""The generator, a process of its own: `python -m sightserve.loadtest.generator`, with the plan in its environment.

A process of its own, because Locust's gevent replaces the standard library's sockets and threads everywhere in it.
"""

import locust  # isort: skip - first: it replaces the sockets that everything below uses

import os
import signal
import sys

import gevent
from gevent.event import Event
from locust.stats import stats_history

from sightserve.client import ClientError
from sightserve.loadtest.generator import session as sessions
from sightserve.loadtest.goals import InvalidValue
from sightserve.loadtest.plan import from_environment

_BAD_PLAN, _GOAL_MISSED, _INTERRUPTED = 2, 1, 130
_LEAVE = 5.0  # seconds


def main() -> int:
    """Carry out the plan; return 0 when every goal was met, 1 when not, 2 when it could not be done, 130 after Ctrl-C."""
    plan = from_environment(os.environ)
    if plan is None:
        raise SystemExit("the plan is missing: run `sightserve loadtest`")
    _say(f"Loading {' and '.join(filter(None, (plan.backend, plan.frontend)))} (Locust {locust.__version__})")
    try:
        session = sessions.Session(plan)
    except (InvalidValue, ClientError, ValueError) as exc:
        sys.stderr.write(f"sightserve: {exc}\n")
        return _BAD_PLAN
    environment = session.context.environment
    environment.user_classes = session.classes()
    environment.shape_class = sessions.shape_of(session)
    runner = environment.create_local_runner()
    web = environment.create_web_ui("127.0.0.1", plan.web) if plan.web else None
    if web:
        _say(f"Locust's page: http://127.0.0.1:{plan.web}")
    interrupted = Event()  # whoever stops a run wants to see what there is so far
    gevent.signal_handler(signal.SIGINT, lambda: (interrupted.set(), session.over.set()))
    gevent.signal_handler(signal.SIGTERM, session.over.set)
    _say(sessions.HEAD)
    session.start()
    runner.start_shape()
    looking = [
        gevent.spawn(session.look_on, lambda: runner.user_count, _say),
        gevent.spawn(stats_history, runner),  # the charts of Locust's page and of the report
    ]
    session.over.wait()
    gevent.killall(looking)
    summary, kept = session.finish()
    with gevent.Timeout(_LEAVE, False):  # a user that does not leave keeps nobody
        runner.quit()
    if web:
        web.stop()  # type: ignore[no-untyped-call]
    _say(summary)
    if interrupted.is_set():
        return _INTERRUPTED
    return 0 if kept else _GOAL_MISSED


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before there is anything to tell
        sys.exit(_INTERRUPTED)
