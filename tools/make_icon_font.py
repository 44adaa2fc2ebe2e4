"""Makes the web app's icon font: of Streamlit's Material Symbols, the icons that our code and Streamlit's scripts name.

    python tools/make_icon_font.py       # after a new icon in src/, and after a new version of Streamlit

A missing icon is shown as its name. Beside the font stand the names, in a text file, which the tests compare with src/.
"""

import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import streamlit
from fontTools import subset
from fontTools.ttLib import TTFont

SOURCES = Path(__file__).parents[1] / "src" / "sightserve"
TARGET = SOURCES / "frontend" / "fonts" / "material-symbols-rounded.woff2"
STATIC = Path(streamlit.__file__).parent / "static" / "static"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
_NAMED = re.compile(r":material/([a-z0-9_]+)")


def named(paths: Iterable[Path]) -> set[str]:
    """Return the icons that files name, as Streamlit writes them: `:material/search:`."""
    return {name for path in paths for name in _NAMED.findall(path.read_text(encoding="utf-8"))}


def ligatures(font: TTFont) -> dict[str, str]:
    """Return the glyph of each icon, by its name: the font replaces the name's letters by it."""
    letters = {glyph: chr(code) for code, glyph in font.getBestCmap().items() if chr(code) in _LETTERS}
    found = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            for first, following in getattr(table, "ExtSubTable", table).ligatures.items():
                for one in following:
                    found["".join(letters.get(glyph, "?") for glyph in (first, *one.Component))] = one.LigGlyph
    return found


def cut(path: Path, names: Iterable[str]) -> bytes:
    """Return the font with nothing but these icons and the letters that they are written with."""
    options = subset.Options(layout_features=["*"], layout_closure=False, glyph_names=False, notdef_outline=True)
    font = TTFont(path)
    glyphs = ligatures(font)
    subsetter = subset.Subsetter(options)
    # a closure over ligatures would bring back every icon that can be written with these letters
    subsetter.populate(text=_LETTERS, glyphs=[glyphs[name] for name in names])
    subsetter.subset(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def main() -> int:
    """Write the font and its list; say what is in it."""
    whole = min(STATIC.glob("media/MaterialSymbols-Rounded.*.woff2"))
    known = ligatures(TTFont(whole))
    ours, streamlits = (
        named(path for path in SOURCES.rglob("*") if path.suffix in {".py", ".js"}),
        named(STATIC.glob("js/*.js")),
    )
    if unknown := ours - set(known):
        print(f"not in Material Symbols: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    names = sorted((ours | streamlits) & set(known))
    TARGET.write_bytes(cut(whole, names))
    TARGET.with_suffix(".txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    print(f"{len(names)} icons, {TARGET.stat().st_size:,} bytes of {whole.stat().st_size:,}")
    if set(names) - set(ligatures(TTFont(TARGET))):
        print("an icon got lost", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
