"""The small fonts draw what Streamlit's own did, as a browser sees it."""

import pytest
from playwright.sync_api import Page, expect

from sightserve.frontend.host.fonts import FOLDER, ICONS, TEXT

pytestmark = pytest.mark.browser
HEADINGS = {
    "": "What is in this photo?", "/batch": "Many photos at once", "/video": "What happens in this video?",
    "/about": "About this classifier",
}  # fmt: skip
# Width over size: an icon is a square, and one that is missing is its name.
WIDTHS = """family => [...document.querySelectorAll("*")]
    .filter(it => getComputedStyle(it).fontFamily.includes(family) && !it.children.length && it.textContent.trim())
    .map(it => [it.textContent.trim(), (range => { range.selectNodeContents(it); return range; })(document.createRange())
        .getBoundingClientRect().width / parseFloat(getComputedStyle(it).fontSize)])"""


def opened(page: Page, address: str, heading: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => 0)")


@pytest.mark.slow
def test_no_icon_is_a_word_on_any_page(page, both_halves):
    seen: dict[str, float] = {}
    for path, heading in HEADINGS.items():
        opened(page, both_halves["ui"] + path, heading)
        found = dict(page.evaluate(WIDTHS, ICONS))
        assert found, f"no icon on {path}"
        seen |= found

    assert {name: width for name, width in seen.items() if width > 1.6} == {}


@pytest.mark.slow
def test_the_font_draws_every_icon_of_its_list(page, both_halves):
    names = (FOLDER / "material-symbols-rounded.txt").read_text().split()
    opened(page, both_halves["ui"], HEADINGS[""])

    widths = page.evaluate(
        """([family, names]) => {
            const pen = document.createElement("canvas").getContext("2d");
            pen.font = `100px "${family}"`;
            return names.map((name) => pen.measureText(name).width / 100);
        }""",
        [ICONS, [*names, "no_such_icon"]],
    )

    assert {name: width for name, width in zip(names, widths, strict=False) if abs(width - 1) > 0.001} == {}
    assert widths[-1] > 1.6


@pytest.mark.slow
def test_only_other_scripts_letters_load_streamlits_own_font(new_page, both_halves):
    page, loaded = new_page(locale="en-GB"), []  # a device of its own: nothing is kept from before
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))

    for path, heading in HEADINGS.items():
        opened(page, both_halves["ui"] + path, heading)
    for_latin = [name for name in loaded if "SourceSansVF" in name or "MaterialSymbols" in name]
    page.evaluate(f"""() => document.body.append(Object.assign(document.createElement("p"),
        {{ textContent: "\u043a\u043e\u0442", style: 'font-family: "{TEXT}"' }}))""")
    page.wait_for_function(
        f"[...document.fonts].filter(it => it.family.includes('{TEXT}') && it.status == 'loaded').length > 1"
    )

    assert for_latin == []
    assert [name for name in loaded if "SourceSansVF" in name] != []
