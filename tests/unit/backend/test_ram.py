"""Memory budgets, on made-up cgroup file systems."""

import pytest

from sightserve.backend.ram import memory_budget


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8 * 2**30),
        ({"memory.max": "max\n"}, 8 * 2**30),
        ({"memory.max": "1073741824\n"}, 2**30),
        ({"memory.max": "999999999999999\n"}, 8 * 2**30),
        ({"memory/memory.limit_in_bytes": "536870912\n"}, 2**29),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 8 * 2**30),  # version 1's "no limit"
        ({"memory.max": "nonsense"}, 8 * 2**30),
        ({"memory.max": "0"}, 8 * 2**30),
    ],
)
def test_the_smallest_limit_counts(tmp_path, files, expected):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)

    assert memory_budget(tmp_path, 8 * 2**30) == expected
