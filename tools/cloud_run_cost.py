"""What a million photos cost on Cloud Run, as the table in docs/deploy.md: every price is a parameter.

Usage: python tools/cloud_run_cost.py [--photos-per-second 130 300] [--cpu-price ...]
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

MILLION = 1_000_000
_ROUNDED_TO = 0.1  # seconds: what Cloud Run bills at least, and in steps of


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars, request-based billing, tier-1 regions: https://cloud.google.com/run/pricing.

    Attributes:
        cpu: of a vCPU-second.
        memory: of a GiB-second.
        requests: of a million requests.
    """

    cpu: float = 0.000024
    memory: float = 0.0000025
    requests: float = 0.40


def instance_second(cpu: int, gib: float, prices: Prices) -> float:
    """Return what a second of an instance costs."""
    return cpu * prices.cpu + gib * prices.memory


def busy(photos_per_second: float, cpu: int, gib: float, prices: Prices) -> float:
    """Return what a million photos cost when they keep instances fully busy."""
    return MILLION / photos_per_second * instance_second(cpu, gib, prices) + prices.requests


def sparse(cpu: int, gib: float, prices: Prices) -> float:
    """Return what a million photos cost when each comes alone: each is billed as a tenth of a second."""
    return MILLION * _ROUNDED_TO * instance_second(cpu, gib, prices) + prices.requests


def table(rates: Sequence[float], cpu: int, gib: float, prices: Prices) -> str:
    """Return the costs as Markdown."""
    rows = [("each photo alone (100 ms billed)", sparse(cpu, gib, prices))]
    rows += [(f"fully busy, {rate:.0f} photos/s for each instance", busy(rate, cpu, gib, prices)) for rate in rates]
    lines = [f"| {name} | ${dollars:.2f} |" for name, dollars in rows]
    return "\n".join(["| a million photos | cost |", "|---|---:|", *lines])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos-per-second", type=float, nargs="+", default=[130.0, 300.0])
    parser.add_argument("--cpu", type=int, default=2)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--cpu-price", type=float, default=Prices().cpu)
    parser.add_argument("--memory-price", type=float, default=Prices().memory)
    parser.add_argument("--request-price", type=float, default=Prices().requests)
    flags = parser.parse_args()
    prices = Prices(flags.cpu_price, flags.memory_price, flags.request_price)
    print(table(flags.photos_per_second, flags.cpu, flags.gib, prices))


if __name__ == "__main__":
    main()
