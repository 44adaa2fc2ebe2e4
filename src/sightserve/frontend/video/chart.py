"""The Video page's timeline: the most frequent labels as a chart, the segments as a table; a press seeks."""

from collections import defaultdict
from collections.abc import Sequence
from heapq import nlargest
from typing import Any, Final

import pandas as pd
import streamlit as st

from sightserve.frontend.shared import words
from sightserve.video.timeline import Moment, Segment

_MOST_LABELS: Final = 5
_MOST_ROWS: Final = 10  # that are shown without scrolling
_MOST_POINTS: Final = 400  # a label: a screen has no more
_COLOURS: Final = {  # 3 to 1 and more against the background: WCAG AA for graphics
    "light": ["#0f766e", "#b45309", "#4f46e5", "#be185d", "#4d7c0f"],
    "dark": ["#4fc9ba", "#f0a24b", "#a5a1ff", "#f58abf", "#a8d65c"],
}
_TEXT: Final = {"light": "#16302d", "dark": "#e6f0ee"}


def frequent(moments: Sequence[Moment], segments: Sequence[Segment]) -> list[str]:
    """Return the labels that are shown longest, then those that are most probable overall; five at most."""
    shown: dict[str, float] = defaultdict(float)
    for segment in segments:
        if segment.label is not None:
            shown[segment.label] += 1_000_000 + round(1000 * (segment.end - segment.start))
    for moment in moments:
        for guess in moment.guesses:
            shown[guess.label] += guess.probability
    return nlargest(_MOST_LABELS, shown, key=lambda label: shown[label])


def points(moments: Sequence[Moment], labels: Sequence[str]) -> list[dict[str, object]]:
    """Return the chart's points: probabilities in per cent, averaged where there are more moments than a screen shows."""
    step = max(1, -(-len(moments) // _MOST_POINTS))
    rows: list[dict[str, object]] = []
    for start in range(0, len(moments), step):
        group = moments[start : start + step]
        known = [dict(moment.guesses) for moment in group]
        for label in labels:
            mean = sum(guesses.get(label, 0.0) for guesses in known) / len(known)
            rows.append({
                "time": round(group[0].time, 3), "clock": words.clock(group[0].time), "label": label,
                "percent": round(100 * mean, 1),
            })  # fmt: skip
    return rows


def draw(moments: Sequence[Moment], segments: Sequence[Segment], end: float, *, key: str, on_press: Any) -> None:  # noqa: ANN401
    """Draw how probable the labels are over time; a press on a moment seeks there."""
    theme = st.context.theme.type or "light"
    text = _TEXT.get(theme, _TEXT["light"])
    labels = frequent(moments, segments)
    axis: dict[str, Any] = {"labelColor": text, "titleColor": text, "labelFontSize": 13, "titleFontSize": 13}
    clock = {"labelExpr": "utcFormat(datum.value * 1000, '%-M:%S')", "tickCount": 8, "grid": False}
    names = {"orient": "top", "columns": 3, "labelColor": text, "labelFontSize": 13, "labelLimit": 150}
    pressed = {"param": "moment", "value": 1, "empty": False}
    spec = {
        "datasets": {"moments": points(moments, labels)},
        "data": {"name": "moments"},
        "height": 260,
        "width": "container",
        "encoding": {
            "x": {
                "field": "time", "type": "quantitative", "title": None,
                "scale": {"domain": [0, end], "nice": False}, "axis": {**clock, **axis},
            },
            "y": {
                "field": "percent", "type": "quantitative", "title": "Probability, %",
                "scale": {"domain": [0, 100]}, "axis": {"tickCount": 4, **axis},
            },
            "color": {
                "field": "label", "type": "nominal", "sort": labels,
                "scale": {"domain": labels, "range": _COLOURS.get(theme, _COLOURS["light"])},
                "legend": {"title": None, "symbolType": "stroke", **names},
            },
            "tooltip": [
                {"field": "clock", "type": "nominal", "title": "Time"},
                {"field": "label", "type": "nominal", "title": "Label"},
                {"field": "percent", "type": "quantitative", "title": "%"},
            ],
        },
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 2.5, "interpolate": "step-after"}},
            {
                "name": "dots",
                "mark": {"type": "point", "size": 140, "filled": True},
                "encoding": {"opacity": {"condition": pressed, "value": 0}},
            },
        ],
        "params": [
            {"name": "moment", "select": {"type": "point", "on": "click", "nearest": True, "fields": ["time"]},
             "views": ["dots"]},
        ],
    }  # fmt: skip
    st.vega_lite_chart(
        spec=spec, alt=described(segments), width="stretch", key=key, on_select=on_press, selection_mode="moment"
    )


def described(segments: Sequence[Segment]) -> str:
    """Return the chart in words."""
    spans = [f"{words.clock(s.start)} to {words.clock(s.end)} {s.label or 'no label'}" for s in segments[:20]]
    more = f", and {len(segments) - 20} more" if len(segments) > 20 else ""  # noqa: PLR2004 - what is listening worth
    return "Probability of each label over time: " + ", ".join(spans) + more


def segments_table(segments: Sequence[Segment], *, key: str, on_press: Any) -> None:  # noqa: ANN401
    """Draw the segments; choosing one seeks to its start."""
    frame = pd.DataFrame(
        [
            {
                "from": words.clock(segment.start),
                "to": words.clock(segment.end),
                "label": segment.label or "no label",
                "probability": 100 * segment.probability,
            }
            for segment in segments
        ],
        columns=["from", "to", "label", "probability"],
    )
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        height="content" if len(frame) <= _MOST_ROWS else 420,
        on_select=on_press,
        selection_mode="single-row",
        alt="One row for each segment: from, to, label, mean probability. Choose a row to see it.",
        column_config={
            "from": st.column_config.TextColumn("From", width=70),
            "to": st.column_config.TextColumn("To", width=70),
            "label": st.column_config.TextColumn("Label"),
            "probability": st.column_config.ProgressColumn(
                "Probability", format="%.0f%%", min_value=0, max_value=100, width=130
            ),
        },
    )
