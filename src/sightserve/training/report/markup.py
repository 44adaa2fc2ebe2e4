"""Strings of strangers -> [HTML that is text and nothing else] -> page."""

import base64
import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from sightserve.training.report.pictures import Picture

# Control characters and halves of pairs (UTF-16), which no HTML has; and what turns the direction of text around: a file's
# name must not look like another.
_UNWRITABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def text(words: str) -> str:
    """Return text that means nothing to a browser, and cannot turn the direction of what stands around it."""
    return f"<bdi>{attribute(words)}</bdi>"


def attribute(words: str) -> str:
    """Return the value of an attribute, to stand in double quotes."""
    return html.escape(_UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), words), quote=True)


def section(title: str, *parts: str, id_: str) -> str:
    """Return a part of the page under its heading; empty where there is nothing in it."""
    inner = "".join(parts)
    return (
        f'<section aria-labelledby="{id_}"><h2 id="{id_}">{html.escape(title)}</h2>{inner}</section>' if inner else ""
    )


def paragraph(words: str, kind: str = "") -> str:
    """Return a sentence; empty where there is none."""
    of = f' class="{kind}"' if kind else ""
    return f"<p{of}>{attribute(words)}</p>" if words else ""


def listing(items: Iterable[str], kind: str = "") -> str:
    """Return a list of what is HTML already."""
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="{kind}">{rows}</ul>' if rows else ""


def bar(share: float, low: float | None = None, high: float | None = None) -> str:
    """Return a bar with what it may be; the figures stand beside it."""
    line = ""
    if low is not None and high is not None:
        ends = f'x1="{100 * low:.1f}" x2="{100 * high:.1f}" y1="6" y2="6"'
        line = f'<line class="whisker" {ends} vector-effect="non-scaling-stroke"/>'
    return (
        '<svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="12"/><rect class="filled" width="{100 * share:.1f}" height="12"/>{line}</svg>'
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str, caption: str) -> str:
    """Return rows, the first cell of each of which is its head; cells are HTML already."""
    top = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    )
    said = html.escape(caption)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{said}"><table class="{kind}">'
        f"<caption>{said}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(name: str, picture: Picture | str, caption: str = "") -> str:
    """Return a photo with its file's name, or that name with why there is no picture.

    Args:
        name: of the file.
        picture: see `pictures`.
        caption: HTML that stands above the name.
    """
    if isinstance(picture, str):
        shown = f'<div class="unseen">{attribute(picture)}</div>'
    else:
        data = base64.b64encode(picture.jpeg).decode("ascii")
        shown = (
            f'<img src="data:image/jpeg;base64,{data}" width="{picture.width}" height="{picture.height}"'
            f' alt="Photo {attribute(name)}">'
        )
    return f'<figure>{shown}<figcaption>{caption}<span class="file">{text(name)}</span></figcaption></figure>'
