"""The look of all pages that the theme file cannot say: a few lines of CSS, and the app's own marks. All of it is here."""

from pathlib import Path
from typing import Final

import streamlit as st

_HERE: Final = Path(__file__).parents[1]
FAVICON: Final = str(_HERE / "favicon.png")
LOGO: Final = str(_HERE / "logo.svg")

_CSS: Final = """
/* A photo fits on the screen together with its answer, however tall it is. */
.st-key-photo img:not(.warmth) { max-height: min(22rem, 42vh); width: auto !important; max-width: 100%; border-radius: 0.6rem; }
.st-key-photo [data-testid="stImageContainer"], .st-key-photo [data-testid="stImage"] { align-items: flex-start; }

/* Where the model looked: the photo in grey, and warmth where the map has it. Padding lies outside of the photo. */
.sightserve-heat { position: relative; display: inline-block; overflow: hidden; border-radius: 0.6rem; line-height: 0; }
.sightserve-heat .photo { filter: grayscale(1); }
.sightserve-heat .warmth { position: absolute; }

/* Streamlit fades small print to 60 %, which is less than AA asks of it. */
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p, [data-testid="stImageCaption"] * {
  color: inherit !important; opacity: 1 !important;
}
[data-testid="stCaptionContainer"] { opacity: 0.8 !important; }

[data-testid="stCode"] .token { color: inherit !important; }

/* Cards that are pressed as a whole: the button inside stays a real button, for keyboards and screen readers. */
[class*="st-key-card-"] { position: relative; }
[class*="st-key-card-"] .stButton button::after { content: ""; position: absolute; inset: 0; border-radius: 0.6rem; }
/* Whatever is positioned between the button and its card would catch the ::after, and leave the picture dead. */
[class*="st-key-card-"] .stElementContainer:has(.stButton), [class*="st-key-card-"] .stButton,
[class*="st-key-card-"] .stButton button { position: static !important; }
[class*="st-key-card-"] .stElementToolbar { display: none; }
[class*="st-key-card-"] .stButton button { min-height: 1.75rem; padding: 0 0.25rem; }
[class*="st-key-card-"]:hover .stButton button::after { box-shadow: 0 0 0 2px #0f766e; }
[class*="st-key-card-"] .stButton button:focus-visible { box-shadow: none; }
[class*="st-key-card-"] .stButton button:focus-visible::after { box-shadow: 0 0 0 3px #14a396; }
[class*="st-key-card-"] img { aspect-ratio: 1; object-fit: cover; border-radius: 0.6rem; width: 100%; }

.st-key-latest img { aspect-ratio: 1; object-fit: cover; width: 100%; border-radius: 0.6rem; }

.sightserve-bars { list-style: none; margin: 0.25rem 0 0.75rem; padding: 0 !important; display: grid; gap: 0.5rem 0.6rem;
  grid-template-columns: fit-content(45%) 1fr auto; }
.sightserve-bars li { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; margin: 0;
  align-items: center; font-size: 0.95rem; line-height: 1.2; }
.sightserve-bars .name { overflow-wrap: anywhere; text-align: right; }
.sightserve-bars .bar { height: 1.1rem; }
.sightserve-bars .bar span { display: block; height: 100%; min-width: 2px; border-radius: 0 4px 4px 0; background: #7fb3ad; }
.sightserve-bars li:first-child .bar span { background: #0f9488; }
.sightserve-bars .value { font-variant-numeric: tabular-nums; }

.sightserve-facts {
  display: grid; grid-template-columns: minmax(6.5rem, max-content) 1fr; gap: 0.45rem 1rem; margin: 0; padding: 0 !important;
}
.sightserve-facts dt { font-weight: 600; }
.sightserve-facts dd { margin: 0; overflow-wrap: anywhere; }

/* The gallery: pictures of one height, so that the answers stand in a row. */
.st-key-gallery img { aspect-ratio: 4 / 3; object-fit: cover; width: 100%; border-radius: 0.6rem; }

/* Where a dragged photo may be let go: everywhere. */
body.sightserve-drag::after {
  content: "Let go to add the photo"; position: fixed; inset: 0.75rem; z-index: 1000000; display: flex;
  align-items: center; justify-content: center; font: 600 1.4rem sans-serif; color: #fff;
  background: rgba(15, 118, 110, 0.88); border-radius: 1rem; pointer-events: none;
}
.sightserve-spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.st-key-answer { scroll-margin-top: 4.5rem; }  /* clear of the header when it is brought into sight */
@media (hover: none) { button kbd { display: none; } }  /* no keyboard, no hint at a key */
@media (max-width: 640px) {
  h1 { font-size: 1.6rem !important; }
  .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; }
  .st-key-photo img:not(.warmth) { max-height: 38vh; }
}
@media (prefers-reduced-motion: reduce) { * { animation-duration: 0.01ms !important; scroll-behavior: auto !important; } }

/* The Batch page: what is no label has no label's colour; one CSV, ours; the opened photo is in sight wherever the table is. */
.sightserve-bars li.grey .bar span { background: #9ca3af; }
:is(.st-key-results, .st-key-errors) [data-testid="stElementToolbarButton"]:has([aria-label^="Download as CSV"],
[aria-label^="Search"], [aria-label^="Fullscreen"], [aria-label^="Clear selection"]) { display: none; }
[data-testid="stLayoutWrapper"]:has(> .st-key-opened) { position: sticky; bottom: 0.5rem; z-index: 5; }
.st-key-opened { background: light-dark(#fff, #0f1716); max-height: 75vh; overflow-y: auto;
  box-shadow: 0 -0.25rem 1.5rem rgb(0 0 0 / 0.16); }
.st-key-opened .stElementToolbar { display: none; }
.st-key-opened img { max-height: min(16rem, 24vh); width: auto !important; max-width: 100%; border-radius: 0.6rem; }
@media (max-width: 640px) {
  .st-key-filters [data-testid="stHorizontalBlock"] { gap: 0.5rem 1rem; }
  .st-key-filters [data-testid="stColumn"] { min-width: calc(50% - 0.5rem); }
  .st-key-opened { padding: 0.75rem; gap: 0.5rem; }
  .st-key-opened [data-testid="stColumn"] { min-width: 100%; }
  .st-key-opened [data-testid="stHorizontalBlock"] { gap: 0.5rem; }
  .st-key-opened button { min-height: 2.25rem; padding: 0 0.6rem; }
  .st-key-opened img { max-height: 16vh; }
  .st-key-opened .sightserve-bars { gap: 0.25rem 0.6rem; }
}
"""


def apply() -> None:
    """Put the app's name, mark and style on the page."""
    st.set_page_config(page_title="Sightserve", page_icon=FAVICON, layout="wide", initial_sidebar_state="collapsed")
    st.logo(LOGO, size="large")
    st.html(f"<style>{_CSS}</style>")
