"""The bars of the Photo and the Batch page: HTML and a few lines of CSS (`style.py`), for which a browser loads nothing.

Five rectangles do not need a chart library: Vega is 2.5 megabytes.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from sightserve.api.schema import RankedLabel
from sightserve.frontend.shared import words

MOST_CLASSES: Final = 15


def ranking(labels: Sequence[RankedLabel], answer: int = 1) -> None:
    """Draw horizontal bars, most probable on top, each with its name and its probability in per cent.

    Args:
        labels: most probable first.
        answer: how many of them are the answer, and darker than the others.
    """
    rows = [(entry.label, entry.probability, words.percent(entry.probability)) for entry in labels]
    _draw("Probabilities", rows, answer=answer)


def classes(counts: Mapping[str, int], *, without: int = 0, why: str = words.NOT_SURE) -> None:
    """Draw horizontal bars of how many photos got each of the most frequent labels, most on top.

    Args:
        counts: how many photos got each label.
        without: how many got none: a grey bar below all others.
        why: they got none.
    """
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CLASSES]
    longest = max(without, *(count for _, count in shown), 1)
    rows = [(name, count / longest, f"{count:,}") for name, count in shown]
    _draw("Photos by label", rows, (why, without / longest, f"{without:,}") if without else None)


def _draw(
    title: str, rows: Sequence[tuple[str, float, str]], grey: tuple[str, float, str] | None = None, answer: int = 1
) -> None:
    """Draw rows of a name, a length of 0 to 1, and what it says; the one that is no label is drawn last."""
    items = [_item("label answer" if at < answer else "label", *row) for at, row in enumerate(rows)]
    items += [_item("grey", *grey)] if grey else []
    st.html(f'<ol class="sightserve-bars" aria-label="{html.escape(title, quote=True)}">{"".join(items)}</ol>')


def _item(kind: str, name: str, length: float, text: str) -> str:
    return (
        f'<li class="{kind}"><span class="name" dir="auto">{html.escape(name)}</span>'
        f'<span class="bar"><span style="width:{100 * min(max(length, 0.0), 1.0):.2f}%"></span></span>'
        f'<span class="value">{html.escape(text)}</span></li>'
    )
