"""How many connections fit into the limit on file descriptors, and that it is raised as far as it may."""

import subprocess
import sys

import pytest

_CHILD = """
import resource, sys
from sightserve.backend.serving.descriptors import enough_for
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(enough_for(int(sys.argv[3]), int(sys.argv[4])), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "slots", "expected"),
    [
        (256, 1024, 500, 0, (500, 628, 1024)),  # raised to what is needed
        (256, 1024, 4096, 0, (896, 1024, 1024)),  # raised to what is allowed, and that is what holds
        (256, 1024, 4096, 64, (640, 1024, 1024)),  # each slot has some
        (1024, 1024, 100, 0, (100, 1024, 1024)),  # enough already: left alone
        (64, 64, 100, 2, (1, 64, 64)),  # hopeless, but never none
    ],
)
def test_the_limit_is_raised_and_what_does_not_fit_is_not_promised(soft, hard, connections, slots, expected):
    words = [sys.executable, "-c", _CHILD, str(soft), str(hard), str(connections), str(slots)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert tuple(map(int, done.stdout.split())) == expected
