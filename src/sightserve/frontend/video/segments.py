"""The Video page's segments: a row each, which is a button that goes there; the row that plays is marked.

They speak with the player in the browser, by the events `sightserve-seek` and `sightserve-time`: a press takes no time.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.video.timeline import Segment

_BEHIND: Final = 0.05  # seconds into a segment that a press on it goes: on its very edge a player shows the one before

_HTML: Final = '<ol class="segments"></ol>'
_CSS: Final = """
.segments { list-style: none; margin: 0; padding: 3px; max-height: min(27rem, 62vh); overflow-y: auto; scrollbar-width: thin;
  font-family: var(--st-font); font-size: 0.95rem; color: var(--st-text-color); }
.segments li { margin: 0; content-visibility: auto; contain-intrinsic-size: auto 2.75rem; }
.segments li + li { border-top: 1px solid var(--st-border-color); }
.segments button { all: unset; box-sizing: border-box; width: 100%; min-height: 2.75rem; padding: 0.4rem 0.6rem; gap: 0.7rem;
  display: grid; grid-template-columns: 0.5rem minmax(3.6rem, auto) 1fr minmax(2.5rem, 5rem) 3rem; align-items: center;
  cursor: pointer; border-radius: 0.5rem; line-height: 1.25; }
.segments button:hover, .segments [aria-current] { background: var(--st-secondary-background-color); }
.segments [aria-current] { font-weight: 600; }
.segments button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: -2px; }
.segments .dot { width: 0.5rem; height: 1.4rem; border-radius: 0.25rem; background: var(--st-border-color); }
.segments .when, .segments .value { font-variant-numeric: tabular-nums; white-space: nowrap; }
.segments .value { text-align: right; }
.segments .name { overflow-wrap: anywhere; }
.segments .nothing .name { font-style: italic; }
.segments .bar { height: 0.5rem; border-radius: 0.25rem; background: var(--st-border-color); overflow: hidden; }
.segments .bar i { display: block; height: 100%; background: var(--st-primary-color); }
.segments .nothing .bar { visibility: hidden; }
"""
_JS: Final = """
export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".segments");
  if (!list || !data) return;
  list.setAttribute("aria-label", "Segments");
  const text = (kind, words) => {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = words;
    return span;
  };
  const drawn = JSON.stringify(data.segments);
  if (list.drawn !== drawn) {
    list.drawn = drawn;
    list.replaceChildren(...data.segments.map((segment) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = segment.value ? "" : "nothing";
      button.title = `${segment.from} to ${segment.to}`;
      const dot = text("dot", "");
      if (segment.colour) dot.style.background = segment.colour;
      const bar = text("bar", "");
      const filled = document.createElement("i");
      filled.style.width = `${segment.percent}%`;
      if (segment.colour) filled.style.background = segment.colour;
      bar.append(filled);
      button.append(dot, text("when", segment.from), text("name", segment.label), bar, text("value", segment.value));
      button.onclick = () => document.dispatchEvent(new CustomEvent("sightserve-seek", { detail: segment.go }));
      const row = document.createElement("li");
      row.append(button);
      return row;
    }));
  }
  const mark = (time) => {
    const now = data.segments.findIndex((segment) => segment.start <= time && time < segment.end);
    const rows = [...list.querySelectorAll("button")];
    if (rows[now] && rows[now].hasAttribute("aria-current")) return;
    rows.forEach((row) => row.removeAttribute("aria-current"));
    if (rows[now]) rows[now].setAttribute("aria-current", "true");
    // the list is scrolled, never the page: somebody may be reading elsewhere
    const row = rows[now] && rows[now].parentElement;
    if (!row) return;
    const above = row.offsetTop - list.offsetTop;
    if (above < list.scrollTop) list.scrollTop = above;
    else if (above + row.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = above + row.offsetHeight - list.clientHeight;
    }
  };
  // This function runs again with every rerun of the script: the listener of the last time goes first.
  if (list.listening) list.listening.abort();
  list.listening = new AbortController();
  document.addEventListener("sightserve-time", (event) => mark(event.detail), { signal: list.listening.signal });
  return () => list.listening.abort();
}
"""

_segments = st.components.v2.component("sightserve.segments", html=_HTML, css=_CSS, js=_JS)


def rows(found: Sequence[Segment], colours: Mapping[str, str]) -> list[dict[str, object]]:
    """Return what is drawn of each segment, and where a press on it goes."""
    return [
        {
            "start": segment.start,
            "end": segment.end,
            "go": min(segment.start + _BEHIND, (segment.start + segment.end) / 2),
            "from": words.clock(segment.start),
            "to": words.clock(segment.end),
            "label": segment.label or "no label",
            "value": words.percent(segment.probability) if segment.label else "",
            "percent": round(100 * segment.probability, 1) if segment.label else 0,
            "colour": colours.get(segment.guesses[0].label, "") if segment.guesses else "",
        }
        for segment in found
    ]


def draw(found: Sequence[Segment], colours: Mapping[str, str]) -> None:
    """Draw the segments.

    Args:
        found: what to draw.
        colours: those that labels have in the chart.
    """
    _segments(key="segments", data={"segments": rows(found, colours)})
