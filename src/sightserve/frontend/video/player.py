"""The Video page's player: the browser's own, with the labels as subtitles, and seeking without loading anything again.

It goes where the event `sightserve-seek` says (`segments.py`), and says in `sightserve-time` where it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

_HTML: Final = """
<div class="film">
  <video controls playsinline preload="auto" crossorigin="anonymous"></video>
  <p class="film-failed" role="alert" hidden>Your browser cannot play this video.</p>
</div>
"""
_CSS: Final = """
.film video { display: block; width: 100%; max-height: 62vh; background: #000; border-radius: 0.6rem; scroll-margin: 5rem; }
.film video::cue { font-size: 1.1em; background: rgba(12, 22, 20, 0.85); color: #fff; }
.film-failed { margin: 0.5rem 0 0; color: var(--st-text-color); font-family: var(--st-font); }
"""
_JS: Final = """
export default function ({ data, parentElement, setTriggerValue }) {
  const video = parentElement.querySelector("video");
  const failed = parentElement.querySelector(".film-failed");
  if (!video || !data) return;
  video.setAttribute("aria-label", data.alt);
  video.style.aspectRatio = data.shape;
  if (video.dataset.source !== data.source) {
    const giveUp = () => {
      if (data.kind) setTriggerValue("failed", data.source);
      else failed.hidden = false;
    };
    video.dataset.source = data.source;
    video.dataset.vtt = "";
    failed.hidden = true;
    video.onerror = giveUp;
    // A browser that knows the sound but not the picture plays the sound, and calls that no error.
    video.onloadedmetadata = () => { if (!video.videoWidth) { video.removeAttribute("src"); giveUp(); } };
    if (data.kind && !video.canPlayType(data.kind)) giveUp();
    else video.src = data.source;
  }
  // A change of the threshold changes the subtitles, not what plays.
  if (video.dataset.vtt !== data.vtt) {
    video.dataset.vtt = data.vtt;
    for (const old of [...video.querySelectorAll("track")]) { URL.revokeObjectURL(old.src); old.remove(); }
    if (data.vtt) {
      const track = document.createElement("track");
      Object.assign(track, { kind: "subtitles", label: "Labels", srclang: "en", default: true });
      track.src = URL.createObjectURL(new Blob([data.vtt], { type: "text/vtt" }));
      video.append(track);
      track.track.mode = "showing";
    }
  }
  const seek = (time) => {
    const go = () => { video.currentTime = time; };
    if (video.readyState > 0) go(); else video.addEventListener("loadedmetadata", go, { once: true });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    video.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  };
  if (data.seek && video.dataset.seek !== String(data.seek.number)) {
    video.dataset.seek = String(data.seek.number);
    seek(data.seek.time);
  }
  // This function runs again with every rerun of the script: the listeners of the last time go first.
  if (video.listening) video.listening.abort();
  video.listening = new AbortController();
  const { signal } = video.listening;
  const tell = () => document.dispatchEvent(new CustomEvent("sightserve-time", { detail: video.currentTime }));
  document.addEventListener("sightserve-seek", (event) => seek(event.detail), { signal });
  video.addEventListener("timeupdate", tell, { signal });
  video.addEventListener("seeking", tell, { signal });
  return () => video.listening.abort();
}
"""

_player = st.components.v2.component("sightserve.player", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True, slots=True)
class Film:
    """What is played.

    Attributes:
        source: address of the video.
        vtt: its subtitles, WebVTT; none where it is empty.
        alt: what it shows, for those who do not see it.
        size: width and height of its picture, pixels.
        kind: what to ask the browser before it tries, a MIME type; empty for what plays everywhere.
    """

    source: str
    vtt: str
    alt: str
    size: tuple[int, int]
    kind: str = ""


def player(film: Film, *, seek: tuple[int, float] | None, on_failed: Callable[[], None]) -> None:
    """Draw the player.

    Args:
        film: what it plays.
        seek: a number that changes with each wish, and the time to go to, seconds.
        on_failed: called where the browser does not play a film that has a kind.
    """
    wish = None if seek is None else {"number": seek[0], "time": seek[1]}
    data = {
        "source": film.source, "vtt": film.vtt, "alt": film.alt, "kind": film.kind, "seek": wish,
        "shape": f"{film.size[0]} / {film.size[1]}",
    }  # fmt: skip
    _player(key="player", data=data, on_failed_change=on_failed)
