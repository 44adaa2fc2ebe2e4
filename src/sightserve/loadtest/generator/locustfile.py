"""The same users for `locust -f`: BACKEND and FRONTEND name the halves, Locust's own flags say how many and for how long.

BACKEND=http://127.0.0.1:8000 locust -f src/sightserve/loadtest/generator/locustfile.py --headless -u 20 -r 5 -t 1m
"""

import os

from locust import events
from locust.env import Environment

from sightserve.loadtest.generator.session import Session
from sightserve.loadtest.plan import Plan, from_environment

_plan = from_environment(os.environ) or Plan(
    backend=os.environ.get("BACKEND", "").rstrip("/"), frontend=os.environ.get("FRONTEND", "").rstrip("/")
)
_plan.check()
_session = Session(_plan)
globals().update({kind.__name__: kind for kind in _session.classes()})  # Locust looks among a file's names


@events.init.add_listener  # type: ignore[untyped-decorator]
def _share(environment: Environment, **_: object) -> None:
    """Tell Locust's own environment what happens, not the one that a session makes for itself."""
    _session.context.environment = environment
