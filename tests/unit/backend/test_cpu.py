"""The CPU budget, on faked cgroup trees."""

from pathlib import Path

import pytest

from sightserve.backend.cpu import cpu_budget


def v2(root: Path, text: str) -> Path:
    (root / "cpu.max").write_text(text)
    return root


def v1(root: Path, quota: str, period: str, controller: str = "cpu") -> Path:
    (root / controller).mkdir()
    (root / controller / "cpu.cfs_quota_us").write_text(quota)
    (root / controller / "cpu.cfs_period_us").write_text(period)
    return root


def test_without_a_quota_the_affinity_decides(tmp_path):
    assert cpu_budget(tmp_path, affinity=8) == 8


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("250000 100000\n", 2),  # 2.5 CPUs: a third thread would be throttled
        ("50000 100000\n", 1),  # half a CPU still needs one thread
        ("1600000 100000\n", 8),  # more than the affinity
        ("nonsense\n", 8),
        ("", 8),
        ("0 100000\n", 8),
        ("100000 0\n", 8),
    ],
)
def test_a_version_2_quota_caps_the_budget(tmp_path, text, budget):
    assert cpu_budget(v2(tmp_path, text), affinity=8) == budget


@pytest.mark.parametrize(("quota", "budget"), [("-1\n", 8), ("300000\n", 3), ("10000\n", 1), ("x\n", 8)])
def test_a_version_1_quota_caps_the_budget(tmp_path, quota, budget):
    assert cpu_budget(v1(tmp_path, quota, "100000\n"), affinity=8) == budget


def test_the_joint_version_1_controller_is_found(tmp_path):
    assert cpu_budget(v1(tmp_path, "200000", "100000", "cpu,cpuacct"), affinity=8) == 2


def test_the_smallest_of_all_limits_wins(tmp_path):
    v1(tmp_path, "400000", "100000")
    v2(tmp_path, "300000 100000")

    assert cpu_budget(tmp_path, affinity=8) == 3
    assert cpu_budget(tmp_path, affinity=2) == 2


def test_this_machine_has_a_budget():
    assert cpu_budget() >= 1
