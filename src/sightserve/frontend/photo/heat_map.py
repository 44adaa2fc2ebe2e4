"""The Photo page's picture of where the model looked: an SVG that the browser lays over the photo."""

import base64
from typing import Final

from sightserve.api.schema import HeatMap
from sightserve.frontend.shared import words

_WARM: Final = "#ff5a00"
_STRONGEST: Final = 0.75  # opacity, where the map is highest
_MEANING: Final = {
    "class_activation": "Warm is what speaks for **{label}**: how much each part of the photo adds to this label's score. "
    "What stays grey was seen too.",
    "occlusion": "Warm is what **{label}** rests on: the label is less probable when this part of the photo is covered.",
}
_AND_NOT: Final = "It shows what the answer comes from, not that it is right."


def overlay(heat_map: HeatMap) -> dict[str, object]:
    """Return the map as a picture, and where on the photo it lies: padding lies outside of it."""
    box = heat_map.box
    sides = (("left", box.left), ("top", box.top), ("width", box.width), ("height", box.height))
    return {"src": _svg(heat_map), "box": {side: f"{share:.3%}" for side, share in sides}}


def meaning(heat_map: HeatMap) -> str:
    """Return what it says and what not, as Markdown."""
    return f"{_MEANING[heat_map.method].format(label=words.plain(heat_map.label))} {_AND_NOT}"


def _svg(heat_map: HeatMap) -> str:
    """Return an address that holds the map: a blurred square for each part that speaks for the label."""
    highest = max(max(row) for row in heat_map.values)
    squares = [
        f'<rect x="{column}" y="{row}" width="1.02" height="1.02" fill-opacity="{_STRONGEST * value / highest:.3f}"/>'
        for row, values in enumerate(heat_map.values)
        for column, value in enumerate(values)
        if value > 0
    ]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {heat_map.columns} {heat_map.rows}" '
        f'preserveAspectRatio="none"><filter id="b" x="0" y="0" width="1" height="1"><feGaussianBlur stdDeviation="0.45"/>'
        f'</filter><g fill="{_WARM}" filter="url(#b)">{"".join(squares)}</g></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()
