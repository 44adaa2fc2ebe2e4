"""Reads one number of a running backend's metrics."""

import re

import httpx2


def metric(url: str, name: str, **labels: str) -> float:
    text = httpx2.get(f"{url}/metrics").text
    wanted = "".join(rf'(?=[^}}]*{key}="{value}")' for key, value in labels.items())
    found = re.search(rf"^{name}(?:\{{{wanted}[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
