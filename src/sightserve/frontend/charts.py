"""The web app's charts. Colours that read on both themes; every chart says in words what it shows."""

from collections.abc import Mapping, Sequence
from typing import Final

import altair as alt
import streamlit as st

from sightserve.api.schema import RankedLabel
from sightserve.frontend import words

_BAR: Final = "#0f9488"  # 3 to 1 and more against both backgrounds: WCAG AA for graphics
_BAR_REST: Final = "#7fb3ad"
_TEXT: Final = {"light": "#16302d", "dark": "#e6f0ee"}
_ROW: Final = 34  # pixels
MOST_CLASSES: Final = 15


def ranking(labels: Sequence[RankedLabel]) -> alt.LayerChart | alt.FacetChart:
    """Return horizontal bars, most probable on top, each with its name and its probability in per cent."""
    rows = [
        {"label": f"{entry.label}", "value": entry.probability, "text": words.percent(entry.probability), "rank": rank}
        for rank, entry in enumerate(labels)
    ]
    return _bars(rows, "Probability", longest=1.0)


def described_ranking(labels: Sequence[RankedLabel]) -> str:
    """Return the ranking in words, for those who do not see the chart."""
    return "Probabilities: " + ", ".join(f"{entry.label} {words.percent(entry.probability)}" for entry in labels)


def classes(counts: Mapping[str, int]) -> alt.LayerChart | alt.FacetChart:
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


def _bars(rows: list[dict[str, object]], title: str, longest: float) -> alt.LayerChart | alt.FacetChart:
    text = _TEXT.get(st.context.theme.type or "light", _TEXT["light"])
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "label:N",
            sort=alt.SortField("rank"),
            title=None,
            axis=alt.Axis(labelLimit=170, labelFontSize=14, labelColor=text, ticks=False, domain=False, labelPadding=8),
        ),
        x=alt.X("value:Q", scale=alt.Scale(domain=[0, longest * 1.18]), axis=None),
        tooltip=[alt.Tooltip("label:N", title="Label"), alt.Tooltip("text:N", title=title)],
    )
    bars = base.mark_bar(cornerRadiusEnd=4, height=18).encode(
        color=alt.condition(alt.datum.rank == 0, alt.value(_BAR), alt.value(_BAR_REST))
    )
    numbers = base.mark_text(align="left", dx=6, fontSize=14, color=text).encode(text="text:N")
    return alt.layer(bars, numbers).properties(height=_ROW * max(1, len(rows)), width="container")
