"""What commands write on a terminal: nothing in it steers the terminal but what is ours, and NO_COLOR is kept to."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

# Control characters (C0, DEL, C1), and those that turn the direction of text around: a file may be called anything.
_STEERS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def no_color() -> bool:
    """Return whether there is to be no colour (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def printable(text: str, keep: str = "") -> str:
    """Return text that steers no terminal: what would is written as its escape, in hexadecimal; but what is in `keep`."""
    return _STEERS.sub(lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text)


def escaped_json(text: str) -> str:
    """Return JSON that means the same and steers no terminal."""
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def console(*, stderr: bool = False) -> Console:
    """Return rich's console, which keeps bold and dim where it is told to have no colour: here it has none of them then."""
    from rich.console import Console

    return Console(stderr=stderr, color_system=None if no_color() else "auto", highlight=False)
