"""What a backend says of itself."""

from prometheus_client import generate_latest

from sightserve.backend.metrics import Metrics
from sightserve.client.scrape import parse


def test_every_start_has_an_id_of_its_own_and_keeps_it():
    one, other = Metrics(), Metrics()

    first, again, another = (parse(generate_latest(m.registry).decode(), at=0).instance for m in (one, one, other))

    assert first == again
    assert len({first, another, ""}) == 3
