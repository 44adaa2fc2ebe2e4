import math

import pytest
from bench.report import number, page, table, with_spread
from bench.results import Measurement
from bench.targets import Target, targets

MACHINE = dict.fromkeys(
    ("date", "cpu", "cores", "python", "kernel", "onnxruntime", "numpy", "pillow", "fastapi", "uvicorn"), "x"
)


def closed(server: str, images_s: float, n: int = 0, connections: str = "32") -> Measurement:
    return Measurement("closed", "imagenet", server, connections, n, {"images_s": images_s})


def _target(measurements: list[Measurement], words: str) -> Target:
    (found,) = [target for target in targets(measurements) if words in target.text]
    return found


def test_a_table_aligns_numbers_to_the_right():
    assert table(("server", "images/s"), [("ours", "9")]) == "| server | images/s |\n| --- | ---: |\n| ours | 9 |"


def test_numbers_are_for_people():
    assert number(12345.67) == "12,346"
    assert number(math.nan) == "-"
    assert number(math.inf) == "never"
    assert with_spread([90, 100, 110]) == "100 ±10 %"
    assert with_spread([100.0], 1) == "100.0"


def test_the_ratio_to_peers_is_the_median_of_the_rounds_ratios_to_the_best_peer_in_each():
    measurements = [
        closed("ours", 200, 0),
        closed("mosec", 100, 0),
        closed("fastapi", 50, 0),  # 200 / 100 = 2
        closed("ours", 300, 1),
        closed("mosec", 50, 1),
        closed("fastapi", 100, 1),  # 300 / 100 = 3
        closed("ours", 100, 2),  # everything half as fast in this round: 100 / 50 = 2
        closed("mosec", 50, 2),
    ]

    target = _target(measurements, "best of the four peers, ImageNet")

    assert target.value == pytest.approx(2)
    assert target.verdict == "pass"


def test_each_server_counts_at_the_number_of_connections_that_suits_it():
    measurements = [closed("ours", 100), closed("mosec", 50), closed("mosec", 100, connections="8")]

    assert _target(measurements, "best of the four peers, ImageNet").value == pytest.approx(1)


def test_the_served_share_is_of_the_ceiling_with_all_threads():
    ceilings = [
        Measurement("ceiling", "imagenet", "ours", threads, 0, {"images_s": rate})
        for threads, rate in (("1", 60.0), ("2", 100.0))
    ]

    target = _target([*ceilings, closed("ours", 93)], "served at 32 connections")

    assert target.value == pytest.approx(0.93)
    assert target.verdict == "pass"


def test_what_was_not_measured_is_neither_passed_nor_failed():
    assert {target.verdict for target in targets([])} == {"not measured"}


def test_never_recovering_fails():
    overload = Measurement("open", "imagenet", "ours", "5x", 0, {"recovery_s": math.inf})

    assert _target([overload], "back to normal").verdict == "FAIL"


def test_the_page_shows_what_was_measured_and_what_was_skipped():
    figures = {
        "images_s": 123.4,
        "p50_ms": 5.0,
        "p99_ms": 9.0,
        "server_ms": 7.0,
        "generator_ms": 0.2,
        "right": 0.905,
        "failed": 0.0,
        "others": 0.01,
    }
    measured = Measurement("closed", "imagenet", "ours", "32", 0, figures)
    skipped = Measurement("closed", "imagenet", "tutorial", "", 0, {}, "no torch here")

    text = page(MACHINE, [measured, skipped])

    assert "| Sightserve | 123.4 | 5.0 | 9.0 | 7.00 | 0.20 | 90.5 | 0 | 1 % |" in text
    assert "no torch here" in text
    assert "## Open loop" not in text
