"""Small fonts in place of Streamlit's, of which a first visit takes half a megabyte; see frontend/fonts/README.md.

Each is named for its content, so that a browser keeps it for good and yet takes the next version's.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "fonts"
ICONS: Final = "Material Symbols Rounded"
TEXT: Final = "Source Sans"
# Letters beyond these Streamlit's own file draws, which is loaded when there are any.
_LATIN: Final = (
    "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,U+2122,U+2191,"
    "U+2193,U+2212,U+2215,U+FEFF,U+FFFD"
)
# The lines of the two Source Sans differ in height; with these they are Streamlit's.
_HEIGHT: Final = "ascent-override:100%;descent-override:32.6%;line-gap-override:0%"

_FACES: Final = (
    ("material-symbols-rounded.woff2", ICONS, "font-weight:400;font-display:block", True),
    ("source-sans-3-latin-wght-normal.woff2", TEXT, f"font-weight:100 900;unicode-range:{_LATIN};{_HEIGHT}", True),
    (
        "source-sans-3-latin-wght-italic.woff2",
        TEXT,
        f"font-style:italic;font-weight:100 900;unicode-range:{_LATIN};{_HEIGHT}",
        False,
    ),
)

# Asked to load the icons, as Streamlit's script does, a browser loads every font of that name: there must be one.
_STREAMLITS_ICONS: Final = re.compile(rb"@font-face\s*\{[^{}]*" + ICONS.encode() + rb"[^{}]*\}")
_STREAMLITS_PRELOAD: Final = re.compile(rb'<link\s+rel="preload"\s[^>]*SourceSansVF-Upright[^>]*>')


@dataclass(frozen=True, slots=True)
class Font:
    """One file.

    Attributes:
        name: where a browser finds it, below the app's root.
        path: on the disk.
        rule: CSS that makes it known.
        first: whether every page needs it at once.
    """

    name: str
    path: Path
    rule: str
    first: bool


def fonts(folder: Path = FOLDER) -> dict[str, Font]:
    """Return the fonts by their names."""
    found = {}
    for file, family, descriptors, first in _FACES:
        path = folder / file
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        name = f"static/media/{path.stem}.{digest}{path.suffix}"
        rule = f'@font-face{{font-family:"{family}";{descriptors};src:url("./{name}") format("woff2")}}'
        found[name] = Font(name, path, rule, first)
    return found


def without_icons(css: bytes) -> bytes:
    """Return Streamlit's stylesheet without its icon font."""
    return _STREAMLITS_ICONS.sub(b"", css)


def put_in(page: bytes, found: dict[str, Font]) -> bytes:
    """Return Streamlit's page with these fonts, behind its own stylesheet: of two fonts of one name the last counts."""
    links = "".join(
        f'<link rel="preload" href="./{font.name}" as="font" type="font/woff2" crossorigin>'
        for font in found.values()
        if font.first
    )
    rules = "".join(font.rule for font in found.values())
    page = _STREAMLITS_PRELOAD.sub(links.encode(), page)
    return page.replace(b"</head>", f"<style>{rules}</style></head>".encode())
