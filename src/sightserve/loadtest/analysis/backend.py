"""Scrapes of the backend's /metrics -> what it said of itself, second by second. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sightserve.client.scrape import Scrape, quantile, rate


def rows(scrapes: Sequence[Scrape]) -> list[dict[str, Any]]:
    """Return one row for each pair of scrapes that follow each other; what the backend does not tell is None."""
    return [_row(before, after) for before, after in pairwise(scrapes)]


def _row(before: Scrape, after: Scrape) -> dict[str, Any]:
    return {
        "t": after.at,
        "queue_depth": after.total("sightserve_queue_depth"),
        "in_flight": after.total("sightserve_requests_in_flight"),
        "rejected_s": rate(before, after, "sightserve_rejected_total"),
        "answers_s": rate(before, after, "sightserve_inference_seconds_count"),
        "queue_p95": quantile(0.95, before, after, "sightserve_queue_wait_seconds"),
        "decode_p50": quantile(0.5, before, after, "sightserve_decode_seconds"),
        "inference_p50": quantile(0.5, before, after, "sightserve_inference_seconds"),
        "memory_mib": _mib(after.total("process_resident_memory_bytes")),
        "cpu": rate(before, after, "process_cpu_seconds_total"),
        "lost_slots": after.total("sightserve_lost_slots_total"),
    }


def _mib(value: float | None) -> float | None:
    return None if value is None else value / 2**20
