"""The bars of the Photo and the Batch page, as Vega-Lite: colours that read on both themes, and each chart said in words too.

Plain dictionaries, not Altair's objects: those are checked against a schema each time the script runs, which is a good part of
what the web app does under load.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from sightserve.api.schema import RankedLabel
from sightserve.frontend.shared import words

_BAR: Final = "#0f9488"  # 3 to 1 and more against both backgrounds: WCAG AA for graphics
_BAR_REST: Final = "#7fb3ad"
_TEXT: Final = {"light": "#16302d", "dark": "#e6f0ee"}
_ROW: Final = 34  # pixels
MOST_CLASSES: Final = 15
Spec = dict[str, Any]


def ranking(labels: Sequence[RankedLabel]) -> Spec:
    """Return horizontal bars, most probable on top, each with its name and its probability in per cent."""
    rows = [
        {"label": f"{entry.label}", "value": entry.probability, "text": words.percent(entry.probability), "rank": rank}
        for rank, entry in enumerate(labels)
    ]
    return _bars(rows, "Probability", longest=1.0)


def described_ranking(labels: Sequence[RankedLabel]) -> str:
    """Return the ranking in words, for those who do not see the chart."""
    return "Probabilities: " + ", ".join(f"{entry.label} {words.percent(entry.probability)}" for entry in labels)


def classes(counts: Mapping[str, int]) -> Spec:
    """Return horizontal bars of how many photos got each of the most frequent labels, most on top."""
    shown = _most_frequent(counts)
    rows = [
        {"label": name, "value": count, "text": f"{count:,}", "rank": rank} for rank, (name, count) in enumerate(shown)
    ]
    return _bars(rows, "Photos", longest=max((count for _, count in shown), default=1))


def described_classes(counts: Mapping[str, int]) -> str:
    """Return the most frequent labels in words."""
    return "Photos by label: " + ", ".join(f"{name} {count}" for name, count in _most_frequent(counts))


def _most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CLASSES]


def _bars(rows: list[dict[str, object]], title: str, longest: float) -> Spec:
    text = _TEXT.get(st.context.theme.type or "light", _TEXT["light"])
    names = {
        "labelLimit": 170,
        "labelFontSize": 14,
        "labelColor": text,
        "ticks": False,
        "domain": False,
        "labelPadding": 8,
    }
    return {
        # under a name, rows stay JSON; as "values", Streamlit makes an Arrow table of them by way of pandas
        "datasets": {"bars": rows},
        "data": {"name": "bars"},
        "height": _ROW * max(1, len(rows)),
        "width": "container",
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": {"field": "rank"}, "title": None, "axis": names},
            "x": {"field": "value", "type": "quantitative", "scale": {"domain": [0, longest * 1.18]}, "axis": None},
            "tooltip": [
                {"field": "label", "type": "nominal", "title": "Label"},
                {"field": "text", "type": "nominal", "title": title},
            ],
        },
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 4, "height": 18},
                "encoding": {
                    "color": {"condition": {"test": "datum.rank === 0", "value": _BAR}, "value": _BAR_REST},
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 14, "color": text},
                "encoding": {"text": {"field": "text", "type": "nominal"}},
            },
        ],
    }
