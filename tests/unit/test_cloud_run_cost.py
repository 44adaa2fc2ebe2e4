"""The costs in the guide are those that the tool computes."""

import pytest
from tests.conftest import ROOT
from tools.cloud_run_cost import Prices, busy, sparse, table

PRICES = Prices()


def test_a_million_photos_on_busy_instances():
    # 1,000,000 / 100 = 10,000 s; 2 x 0.000024 + 1 x 0.0000025 = 0.0000505 a second; 0.505 and 0.40 for the requests
    assert busy(100, 2, 1, PRICES) == pytest.approx(0.905)


def test_a_million_photos_one_by_one():
    # 1,000,000 x 0.1 s x 0.0000505 = 5.05, and 0.40
    assert sparse(2, 1, PRICES) == pytest.approx(5.45)


def test_the_guide_has_the_tools_table():
    assert table([130, 300], 2, 1, PRICES) in (ROOT / "docs" / "deploy.md").read_text()
