"""The Video page's player: the browser's own, with the labels as subtitles, and seeking without loading anything again."""

from typing import Final

import streamlit as st

_HTML: Final = """
<div class="film">
  <video controls playsinline preload="auto" crossorigin="anonymous"></video>
  <p class="film-failed" role="alert" hidden>Your browser cannot play this kind of video. Make the labelled video below: that
  one plays everywhere.</p>
</div>
"""
_CSS: Final = """
.film video { display: block; width: 100%; max-height: 62vh; background: #000; border-radius: 0.6rem; }
.film video::cue { font-size: 1.1em; background: rgba(12, 22, 20, 0.85); color: #fff; }
.film-failed { margin: 0.5rem 0 0; color: var(--st-text-color); font-family: var(--st-font); }
"""
_JS: Final = """
export default function ({ data, parentElement }) {
  const video = parentElement.querySelector("video");
  const failed = parentElement.querySelector(".film-failed");
  if (!video || !data) return;
  video.setAttribute("aria-label", data.alt);
  if (video.dataset.source !== data.source) {
    video.dataset.source = data.source;
    failed.hidden = true;
    video.onerror = () => { failed.hidden = false; };
    video.src = data.source;
    video.dataset.vtt = "";
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
  if (data.seek && video.dataset.seek !== String(data.seek.number)) {
    video.dataset.seek = String(data.seek.number);
    const go = () => { video.currentTime = data.seek.time; };
    if (video.readyState > 0) go(); else video.addEventListener("loadedmetadata", go, { once: true });
  }
}
"""

_player = st.components.v2.component("sightserve.player", html=_HTML, css=_CSS, js=_JS)


def player(source: str, vtt: str, *, alt: str, seek: tuple[int, float] | None) -> None:
    """Draw the player.

    Args:
        source: address of the video.
        vtt: its subtitles, WebVTT; none where it is empty.
        alt: what it shows, for those who do not see it.
        seek: a number that changes with each wish, and the time to go to, seconds.
    """
    wish = None if seek is None else {"number": seek[0], "time": seek[1]}
    _player(key="player", data={"source": source, "vtt": vtt, "alt": alt, "seek": wish})
