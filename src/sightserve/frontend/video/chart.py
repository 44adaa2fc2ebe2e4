"""The Video page's chart: how probable the most frequent labels are over time; a press seeks."""

from collections import defaultdict
from collections.abc import Sequence
from heapq import nlargest
from typing import Any, Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.video.timeline import Moment, Segment

_MOST_LABELS: Final = 5
_MOST_POINTS: Final = 400  # a label: a screen has no more
_NOTHING: Final = 2.0  # per cent: below, a label has no line, or all of them would cover each other there
_COLOURS: Final = {  # 3 to 1 and more against the background: WCAG AA for graphics
    "light": ["#0f766e", "#b45309", "#4f46e5", "#be185d", "#4d7c0f"],
    "dark": ["#4fc9ba", "#f0a24b", "#a5a1ff", "#f58abf", "#a8d65c"],
}
_TEXT: Final = {"light": "#16302d", "dark": "#e6f0ee"}


def frequent(moments: Sequence[Moment], segments: Sequence[Segment]) -> list[str]:
    """Return the labels that are shown longest, then those that are most probable overall; five at most."""
    shown: dict[str, float] = defaultdict(float)
    for segment in segments:
        for guess in segment.guesses:
            shown[guess.label] += 1_000_000 + round(1000 * (segment.end - segment.start))
    for moment in moments:
        for guess in moment.guesses:
            shown[guess.label] += guess.probability
    return nlargest(_MOST_LABELS, shown, key=lambda label: shown[label])


def points(moments: Sequence[Moment], labels: Sequence[str], end: float) -> list[dict[str, object]]:
    """Return the chart's points: probabilities in per cent, averaged where there are more moments than a screen shows.

    A line begins and ends at 0 within the video, and is interrupted where its label is next to nothing.

    Args:
        moments: in order of time.
        labels: that get a line.
        end: of the video, seconds.
    """
    step = max(1, -(-len(moments) // _MOST_POINTS))
    groups = [moments[start : start + step] for start in range(0, len(moments), step)]
    rows: list[dict[str, object]] = []
    for label in labels:
        drawn, percent = False, 0.0
        for group in groups:
            time = group[0].time if group[0].cut is None else group[0].cut
            known = [dict(moment.guesses).get(label, 0.0) for moment in group]
            percent = round(100 * sum(known) / len(known), 1)
            if (shown := percent >= _NOTHING) != drawn and group is not groups[0]:
                rows.append(_point(time, label, 0.0))
            if shown:
                rows.append(_point(time, label, percent))
            elif drawn:
                rows.append(_point(time, label, None))
            drawn = shown
        if drawn:
            rows.append(_point(end, label, percent))
    return rows


def _point(time: float, label: str, percent: float | None) -> dict[str, object]:
    return {"time": round(time, 3), "clock": words.clock(time), "label": label, "percent": percent}


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Return the colour of each of these labels, in the theme that is on."""
    return dict(zip(labels, _COLOURS.get(st.context.theme.type or "light", _COLOURS["light"]), strict=False))


def draw(moments: Sequence[Moment], segments: Sequence[Segment], end: float, *, key: str, on_press: Any) -> None:  # noqa: ANN401
    """Draw how probable the labels are over time; a press on a moment seeks there."""
    theme = st.context.theme.type or "light"
    text = _TEXT.get(theme, _TEXT["light"])
    labels = frequent(moments, segments)
    palette = colours(labels)
    drawn = points(moments, labels, end)
    labels = [label for label in labels if any(point["label"] == label for point in drawn)]
    axis: dict[str, Any] = {"labelColor": text, "titleColor": text, "labelFontSize": 13, "titleFontSize": 13}
    clock = {"labelExpr": "utcFormat(datum.value * 1000, '%-M:%S')", "tickCount": 8, "grid": False}
    names = {"orient": "top", "columns": 2, "labelColor": text, "labelFontSize": 13, "labelLimit": 135}
    pressed = {"param": "moment", "value": 1, "empty": False}
    spec = {
        "datasets": {"moments": drawn},
        "data": {"name": "moments"},
        "height": 340,
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
                "scale": {"domain": labels, "range": [palette[label] for label in labels]},
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
