"""Small fonts in place of Streamlit's own."""

import re
from pathlib import Path

import pytest
from tests.unit.frontend.host.test_assets import raw

import sightserve
from sightserve.frontend.host.assets import ROOT
from sightserve.frontend.host.fonts import FOLDER, fonts, put_in, without_icons

SOURCES = Path(sightserve.__file__).parent
STYLES = min(ROOT.glob("static/css/index.*.css")).read_bytes()
PAGE = (ROOT / "index.html").read_bytes()


def test_every_icon_that_is_named_is_in_the_font():
    """Another is shown as a word: run tools/make_icon_font.py. That the font has what is listed: tests/e2e/test_fonts.py."""
    listed = set((FOLDER / "material-symbols-rounded.txt").read_text().split())
    sources = [path for path in SOURCES.rglob("*") if path.suffix in {".py", ".js"}]
    scripts = [*ROOT.glob("static/js/*.js")]

    ours = {name for path in sources for name in re.findall(r":material/([a-z0-9_]+)", path.read_text())}
    streamlits = {name for path in scripts for name in re.findall(r":material/([a-z0-9_]+)", path.read_text())}

    assert len(ours) > 20
    assert ours - listed == set()
    assert streamlits - listed == {"star_filled"}  # Streamlit's own font has none either


def test_a_visit_takes_less_than_a_tenth_of_what_streamlit_sends():
    small = sum(font.path.stat().st_size for font in fonts().values() if font.first)
    named = ("MaterialSymbols", "SourceSansVF-Upright")
    large = sum(path.stat().st_size for path in ROOT.glob("static/media/*") if path.name.startswith(named))

    assert small < large / 10


@pytest.mark.parametrize("below", ["", "/tools/sight"])
@pytest.mark.parametrize("encoding", ["br", ""])
def test_a_font_comes_as_it_is_and_is_kept_for_good(encoding, below):
    for name, font in fonts().items():
        answer, body = raw(f"{below}/{name}", encoding)

        assert body == font.path.read_bytes()
        assert answer.headers["content-type"] == "font/woff2"
        assert "immutable" in answer.headers["cache-control"]
        assert "content-encoding" not in answer.headers


def test_another_content_has_another_name(tmp_path):
    for path in FOLDER.glob("*.woff2"):
        (tmp_path / path.name).write_bytes(path.read_bytes() + b"x")

    assert set(fonts(tmp_path)).isdisjoint(fonts())


def test_the_page_names_them_after_streamlits_styles_and_its_large_one_not_at_all():
    page = put_in(PAGE, fonts()).decode()

    assert "SourceSansVF" not in page
    assert page.count('as="font"') == 2
    assert page.index('rel="stylesheet"') < page.index("@font-face") < page.index("</head>")


def test_of_streamlits_styles_nothing_goes_but_its_icons():
    """Who has nothing of ours to do for a later Streamlit changes nothing in it."""
    gone = set(re.findall(rb"@font-face\{[^}]*\}", STYLES)) - set(
        re.findall(rb"@font-face\{[^}]*\}", without_icons(STYLES))
    )

    (rule,) = gone
    assert b"MaterialSymbols" in rule
    assert len(without_icons(STYLES)) == len(STYLES) - len(rule)
    assert without_icons(b"@font-face{font-family:Another}p{}") == b"@font-face{font-family:Another}p{}"
