"""Open loop: requests leave at random moments (a Poisson process), whether or not earlier ones are answered.

People do not wait for each other. A fixed number of users that each wait for their answer slows down with the server, and
hides what happens when more is asked than it can do.
"""

import random
import time

import gevent
from locust import User, task

from sightserve.loadtest.generator import api_user
from sightserve.loadtest.generator.context import Context
from sightserve.loadtest.generator.web import Web

_CONNECTIONS = 512


class Arrivals(User):
    """One source of requests; there is only one of it, whatever the number of users."""

    abstract = True
    shared: Context
    fixed_count = 1

    @task
    def go_on(self) -> None:
        """Send requests until the run ends."""
        plan = self.shared.plan
        web = Web(plan.backend, plan.timeout, connections=_CONNECTIONS)
        due = time.perf_counter()
        while True:
            due += random.expovariate(plan.rps)
            gevent.sleep(max(0.0, due - time.perf_counter()))
            kind, photo = api_user.choose(plan, self.shared)
            gevent.spawn(api_user.send, web, photo, kind, self.shared)
