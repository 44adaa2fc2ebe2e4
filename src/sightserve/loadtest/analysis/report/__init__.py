"""The report: one HTML file that loads nothing from anywhere, drawn by its own script from the figures inside it."""

import json
from importlib.resources import files
from typing import Any

_LEFT_OUT = ("samples",)  # for the simulation, not for people


def page(results: dict[str, Any]) -> str:
    """Return the whole page for these results."""
    folder = files(__name__)
    shown = {name: value for name, value in results.items() if name not in _LEFT_OUT}
    # "</script>" inside a string would end the script: JSON allows the slash to be escaped
    data = json.dumps(shown, separators=(",", ":")).replace("</", "<\\/")
    text = (folder / "page.html").read_text(encoding="utf-8")
    for mark, name in (("/* STYLE */", "page.css"), ("/* SCRIPT */", "page.js")):
        text = text.replace(mark, (folder / name).read_text(encoding="utf-8"))
    return text.replace('"DATA"', data)
