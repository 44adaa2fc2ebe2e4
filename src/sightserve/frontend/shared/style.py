"""The look of all pages that the theme file cannot say: a few lines of CSS, and the app's own marks. All of it is here."""

import base64
import html
from pathlib import Path
from typing import Final

import streamlit as st

from sightserve.frontend.shared import pages

_HERE: Final = Path(__file__).parents[1]
FAVICON: Final = str(_HERE / "favicon.png")
_LOGO: Final = "data:image/svg+xml;base64," + base64.b64encode((_HERE / "logo.svg").read_bytes()).decode()

_CSS: Final = """
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
[class*="st-key-card-"] img { display: block; aspect-ratio: 1; object-fit: cover; border-radius: 0.6rem; width: 100%; }

.st-key-samples, .st-key-history { display: grid !important; gap: 0.75rem; grid-template-columns: repeat(auto-fill, 8rem); }
.st-key-answer .st-key-samples { grid-template-columns: repeat(3, 1fr); }
.st-key-samples > *, .st-key-history > * { width: 100% !important; }

.st-key-latest img { aspect-ratio: 1; object-fit: cover; width: 100%; border-radius: 0.6rem; }

.sightserve-bars { list-style: none; margin: 0.25rem 0 0.75rem; padding: 0 !important; display: grid; gap: 0.5rem 0.6rem;
  grid-template-columns: fit-content(45%) 1fr auto; }
.sightserve-bars li { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; margin: 0;
  align-items: center; font-size: 0.95rem; line-height: 1.2; }
.sightserve-bars .name { overflow-wrap: anywhere; text-align: right; }
.sightserve-bars .bar { height: 1.1rem; }
.sightserve-bars .bar span { display: block; height: 100%; min-width: 2px; border-radius: 0 4px 4px 0; background: #7fb3ad; }
.sightserve-bars li.answer .bar span { background: #0f9488; }
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
  content: attr(data-drag); position: fixed; inset: 0.75rem; z-index: 1000000; display: flex;
  align-items: center; justify-content: center; font: 600 1.4rem sans-serif; color: #fff;
  background: rgba(15, 118, 110, 0.88); border-radius: 1rem; pointer-events: none;
}
.sightserve-spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

/* The bar: the product's name and four ways, at the top; on a phone the ways are where thumbs are. Streamlit's own is empty. */
.stAppHeader { display: none !important; }
.stMainBlockContainer { padding-top: 4.75rem !important; }
.st-key-bar { position: fixed; inset: 0 0 auto 0; z-index: 99; min-height: 3.5rem;
  padding: 0.25rem max(1rem, calc(50vw - 45rem));
  background: light-dark(#fff, #0f1716); border-bottom: 1px solid rgba(128, 140, 138, 0.35); }
.sightserve-product { display: flex; align-items: center; gap: 0.6rem; font-weight: 700; font-size: 1.15rem;
  white-space: nowrap; }
.sightserve-product img { width: 2rem; height: 2rem; }
.st-key-nav { margin-left: auto; flex-wrap: nowrap !important; width: auto !important; }
.st-key-nav a { padding: 0.45rem 0.9rem; border-radius: 0.6rem; min-height: 2.75rem; }
.st-key-nav a:focus-visible { outline: 3px solid #14a396; outline-offset: -3px; }

/* On the dark theme's light primary colour, Streamlit writes white: 2 to 1. */
.stApp button[kind^="primary"]:not(:disabled), .stApp button[kind^="primary"]:not(:disabled) * {
  color: light-dark(#fff, #06211e); }
.stApp button[kind="primary"]:not(:disabled) kbd { color: inherit !important; opacity: 1 !important; }

/* The answer is the largest thing on the page. */
.st-key-head h1 { font-size: 1.5rem; padding: 0; }
.st-key-answer h2 { font-size: clamp(1.9rem, 3.6vw, 2.75rem); line-height: 1.1; padding-top: 0; }
:is(.st-key-head h1, .st-key-answer :is(h2, h3), .st-key-gallery button, .st-key-history button, .st-key-opened h3) {
  overflow-wrap: anywhere; }
.st-key-answer { scroll-margin-top: 4.5rem; }
body.sightserve-sending .st-key-answer { opacity: 0.35; }  /* of the photo before: the new one is on its way */
.sightserve-answered { margin: 0; font-size: 0.875rem; opacity: 0.8; }
.sightserve-kept { margin: 0; overflow-wrap: anywhere; }

@media (hover: none) {
  button kbd { display: none !important; }  /* no keyboard, no hint at a key */
  .st-key-feedback button { min-height: 2.75rem; }
}
@media (max-width: 640px) {
  .st-key-head h1 { font-size: 1.2rem; }
  .stMainBlockContainer { padding: 4rem 1rem 5.5rem !important; }
  .stMainBlockContainer [data-testid="stColumn"] { min-width: 100%; }
  .stMainBlockContainer .stHorizontalBlock { gap: 0.75rem; }
  .st-key-bar { min-height: 3rem; padding: 0.25rem 1rem; }
  .st-key-nav { position: fixed; inset: auto 0 0 0; z-index: 99; margin: 0; width: 100% !important;
    padding: 0.25rem 0.5rem calc(0.25rem + env(safe-area-inset-bottom)); justify-content: space-around;
    background: light-dark(#fff, #0f1716);
    border-top: 1px solid rgba(128, 140, 138, 0.35); }
  .st-key-nav a { flex-direction: column; gap: 0; padding: 0.3rem 0.6rem; font-size: 0.8rem; }
  .st-key-samples, .st-key-history { grid-template-columns: repeat(3, 1fr) !important; }
  .st-key-gallery { grid-template-columns: 1fr 1fr !important; }
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
  [data-testid="stLayoutWrapper"]:has(> .st-key-opened) { bottom: 4rem; }  /* clear of the bar of pages */
  .st-key-opened { padding: 0.75rem; gap: 0.5rem; }
  .st-key-opened [data-testid="stColumn"] { min-width: 100%; }
  .st-key-opened [data-testid="stHorizontalBlock"] { gap: 0.5rem; }
  .st-key-opened button { min-height: 2.25rem; padding: 0 0.6rem; }
  .st-key-opened img { max-height: 16vh; }
  .st-key-opened .sightserve-bars { gap: 0.25rem 0.6rem; }
}
/* The Teach page: a box for each class; tables of what was measured; mistakes as cards. */
.st-key-boxes { display: grid !important; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr));
  align-items: start; }
.st-key-boxes > * { width: 100% !important; }
[class*="st-key-box-"].sightserve-drag-here { box-shadow: 0 0 0 3px #14a396; border-radius: 0.6rem; }
[class*="st-key-head-"] { flex-wrap: nowrap !important; }
[class*="st-key-head-"] input { font-weight: 600; }
[class*="st-key-head-"] button p { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.sightserve-table { overflow-x: auto; }
.sightserve-table table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.sightserve-table caption { caption-side: bottom; text-align: left; padding-top: 0.4rem; font-size: 0.875rem; }
.sightserve-table :is(th, td) { padding: 0.35rem 0.7rem; text-align: right;
  border-bottom: 1px solid rgba(128, 140, 138, 0.35); }
.sightserve-table th { font-weight: 600; max-width: 14rem; }
.sightserve-table :is(th[scope="row"], .name) { overflow-wrap: anywhere; min-width: 4rem; }
.sightserve-table thead th { vertical-align: bottom; }
.sightserve-table tbody :is(th, td) { vertical-align: top; }
.sightserve-table th[scope="row"], .sightserve-table th:first-child { text-align: left; }
.sightserve-table small { opacity: 0.85; white-space: nowrap; font-weight: 400; }
.sightserve-table .own { background: rgba(15, 148, 136, 0.22); }
.sightserve-table .wrong { background: rgba(217, 119, 6, 0.22); }
.st-key-mistakes { display: grid !important; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(12rem, 45%), 1fr)); }
.st-key-mistakes > * { width: 100% !important; }
.st-key-mistakes img { display: block; aspect-ratio: 4 / 3; object-fit: cover; width: 100%; border-radius: 0.6rem; }
:is(.st-key-taught-result h2, .st-key-mistakes) { overflow-wrap: anywhere; }
/* The Video page: a frame that is looked at is shown as the player shows it; on a phone, what is stacked stands close. */
.st-key-frame img { width: 100%; height: auto; max-height: min(26rem, 50vh); object-fit: contain; background: #000; }
.st-key-frame .stElementToolbar { display: none; }
.st-key-video-head [data-testid="stMarkdownContainer"] p { overflow-wrap: anywhere; }
@media (max-width: 640px) {
  .st-key-video-head > div:has(.stAlert) { flex-basis: 100%; }
  [class*="st-key-video-"] .stHorizontalBlock { gap: 1rem; }
}
"""


def apply(page: str, product: str = "Sightserve", *, unsaved: bool = False) -> None:
    """Put the style on the page, and the bar with the product's name and the ways to all pages.

    Where something is `unsaved`, a browser asks before it leaves or loads the page anew (`inbox/browser/view.js`).
    """
    st.set_page_config(
        page_title=f"{page} - {product}", page_icon=FAVICON, layout="wide", initial_sidebar_state="collapsed"
    )
    st.html(f"<style>{_CSS}</style>")
    mark = " sightserve-unsaved" if unsaved else ""
    with st.container(key="bar", horizontal=True, vertical_alignment="center"):
        st.html(
            f'<div class="sightserve-product{mark}"><img src="{_LOGO}" alt="">{html.escape(product)}</div>',
            width="content",
        )
        with st.container(key="nav", horizontal=True, gap="xsmall"):
            for name in pages.ICONS:
                pages.link(name)
