"""The tables of `bench.page`: for each device a row for each figure. Pure functions."""

from collections.abc import Sequence

from bench.report import number, table
from bench.results import Measurement
from bench.stats import median, spread

BEGIN, END = "<!-- bench.page begins -->", "<!-- bench.page ends -->"
_DEVICES = {
    "desktop": "A desktop, 1280 pixels wide, nothing slowed down",
    "phone": "A phone, 390 pixels wide, on 1.6 Mbit/s with 150 ms of latency",
}
_ROWS = (
    ("first visit: first contentful paint", "first_paint_ms"),
    ("its own heading is there", "first_heading_ms"),
    ("usable: the samples can be pressed", "first_usable_ms"),
    ("loaded until then, kB", "first_kb"),
    ("requests until then", "first_requests"),
    ("second visit: first contentful paint", "again_paint_ms"),
    ("usable", "again_usable_ms"),
    ("loaded until then, kB", "again_kb"),
    ("a sample until its label", "sample_ms"),
    ("presses", "sample_presses"),
    ("loaded for it, kB", "sample_kb"),
    ("another sample until its label", "second_ms"),
    ("presses", "second_presses"),
    ("a small photo chosen until its label", "small_ms"),
    ("presses after it was chosen", "small_presses"),
    ("sent, kB", "small_sent_kb"),
    ("a phone's photo of 12 megapixels chosen until its label", "large_ms"),
    ("sent, kB", "large_sent_kb"),
)
_WHOLE = 10_000  # from here on no decimals of seconds


def tables(machine: dict[str, str], measurements: Sequence[Measurement], note: str = "") -> str:
    """Return a table for each device that was measured, and what they are of."""
    rounds = 1 + max((m.round for m in measurements), default=0)
    parts = [
        f"Measured by `python -m bench.page --phone` on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, which "
        f"browser and servers share. Medians of {rounds} {'round' if rounds == 1 else 'rounds'}, ± half the range; how, and "
        "what Gradio's page is: [bench/README.md](../bench/README.md#the-page)." + (f" {note}" if note else "")
    ]
    for device, title in _DEVICES.items():
        of = [m for m in measurements if m.setting == device]
        servers = list(dict.fromkeys(m.server for m in of))
        if not of:
            continue
        rows = [
            (text, *(_cell([m.figures[figure] for m in of if m.server == server], figure) for server in servers))
            for text, figure in _ROWS
        ]
        head = ("", *({"ours": "Sightserve", "gradio": "Gradio"}.get(server, server) for server in servers))
        slower = max(m.figures["cpu_slower"] for m in of)
        processor = f" and a processor {slower:g} times slower" if slower > 1 else ""
        parts += [f"{title}{processor}:", table(head, rows)]
    return "\n\n".join(parts)


def _cell(values: Sequence[float], figure: str) -> str:
    middle = median(values)
    plus = f" ±{spread(values) * 100:.0f} %" if len(values) > 1 and spread(values) > 0 else ""
    if figure.endswith("_ms"):
        return (f"{number(middle / 1000, 1)} s" if middle >= _WHOLE else f"{number(middle / 1000, 2)} s") + plus
    return number(middle) + plus


def put_in(page: str, text: str) -> str:
    """Return a Markdown page with this text between its two marks.

    Raises:
        ValueError: it does not have each of them once.
    """
    if (page.count(BEGIN), page.count(END)) != (1, 1):
        raise ValueError(f"the page needs {BEGIN} and {END}, once each")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}"
