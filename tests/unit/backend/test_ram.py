"""Memory budgets, on made-up cgroup file systems."""

import pytest

from sightserve.backend.ram import fits, memory_budget, shares

MODEL = 6_505_953  # bytes, of the embedded one


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

    assert memory_budget(tmp_path, 8 * 2**30, own="") == expected


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("0::/system.slice/sightserve.service\n", "system.slice/sightserve.service/memory.max"),
        ("0::/system.slice/sightserve.service\n", "system.slice/memory.max"),
        ("5:devices:/\n4:memory:/outer/inner\n0::/\n", "memory/outer/inner/memory.limit_in_bytes"),
        ("4:cpu,memory:/outer/inner\n", "memory/outer/memory.limit_in_bytes"),
    ],
)
def test_the_groups_around_this_process_count_too(tmp_path, own, name):
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("1073741824\n")

    assert memory_budget(tmp_path, 8 * 2**30, own=own) == 2**30


@pytest.mark.parametrize("gib", [1, 2, 4, 64])
@pytest.mark.parametrize("slots", [1, 2, 4])
def test_programs_bodies_and_pixels_fit_in_the_memory_together(gib, slots):
    memory, model = gib * 2**30, MODEL
    bodies, pixels = shares(memory, slots, model)

    programs = 80 * 2**20 + (slots + 1) * (90 * 2**20 + 3 * model)
    assert programs + bodies + 4 * pixels <= 0.95 * memory
    assert pixels * 4 >= 0.95 * memory - programs - bodies - 4


def test_a_gib_takes_the_photos_of_phones_and_half_of_one_those_of_twelve_megapixels():
    heic = 9.5 / 4  # pixels in memory for each of its own

    assert shares(2**30, 2, MODEL).pixels > 48_000_000 * heic
    assert shares(2**29, 1, MODEL).pixels > 12_000_000 * heic


def test_too_little_memory_still_takes_something():
    assert shares(2**27, 8, 2**30).pixels == 8 * 2**20


def test_two_models_fit_where_both_take_their_slots():
    """80 MiB for the server, and for each of two models three times 90 MiB and three copies of its own weights."""
    own = [(MODEL, 0)] * 2

    assert fits(2**30, 2, own)
    assert not fits(2**29, 2, own)
    assert fits(2**31, 2, [(MODEL, 0), (2**20, 300 * 2**20)])  # shared weights count twice, for a moment
    assert not fits(2**31, 2, [(MODEL, 0), (300 * 2**20, 0)])
