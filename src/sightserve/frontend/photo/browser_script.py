"""The Photo page's script in the browser: takes a pasted photo, lets one be dropped anywhere, has an answer read aloud.

Pasted and dropped files are handed to the page's own uploader, so that they take the same way in as every other photo:
over HTTP, with the same limits, and into the same list.
"""

from typing import Final

import streamlit as st

_JS: Final = """
export default function ({ data }) {
  const page = window;
  const uploader = () => document.querySelector('[class*="st-key-uploads"] input[type="file"]');
  const isPhoto = (file) => file.type.startsWith("image/") || /\\.(hei[cf]|avif)$/i.test(file.name);

  const hand = (files) => {
    const input = uploader();
    const photos = [...files].filter(isPhoto);
    if (!input || !photos.length) return false;
    const transfer = new DataTransfer();
    (input.multiple ? photos : photos.slice(0, 1)).forEach((file) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  const dragsFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files") && uploader();
  const inDropzone = (event) => event.target.closest && event.target.closest('[data-testid="stFileUploaderDropzone"]');
  const drag = (on) => document.body.classList.toggle("sightserve-drag", on);

  const listeners = {
    paste: (event) => { if (hand(event.clipboardData ? event.clipboardData.files : [])) event.preventDefault(); },
    dragover: (event) => {
      if (!dragsFiles(event)) return;
      drag(!inDropzone(event));
      if (!inDropzone(event)) event.preventDefault();
    },
    dragleave: (event) => { if (!event.relatedTarget) drag(false); },
    dragend: () => drag(false),
    drop: (event) => {
      drag(false);
      if (!dragsFiles(event) || inDropzone(event)) return;
      event.preventDefault();
      hand(event.dataTransfer.files);
    },
  };
  // This function runs again with every rerun of the script: the listeners of the last time go first.
  if (page.sightserveListeners) {
    Object.entries(page.sightserveListeners).forEach(([name, listener]) => document.removeEventListener(name, listener));
  }
  page.sightserveListeners = listeners;
  Object.entries(listeners).forEach(([name, listener]) => document.addEventListener(name, listener));

  let spoken = document.querySelector(".sightserve-spoken");
  if (!spoken) {
    spoken = document.createElement("div");
    spoken.className = "sightserve-spoken";
    spoken.setAttribute("role", "status");
    document.body.append(spoken);
  }
  if (data && data.say && spoken.textContent !== data.say) {
    spoken.textContent = data.say;
    // On a phone the answer is below the photo: bring it into sight, once.
    const answer = document.querySelector(".st-key-answer");
    if (answer && answer.getBoundingClientRect().top > window.innerHeight * 0.8) {
      const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      answer.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
    }
  }
}
"""

_component = st.components.v2.component("sightserve.browser_script", js=_JS)


def browser_script(say: str = "") -> None:
    """Put the script on the page: listen for pasted and dropped photos, and say this to screen readers when it is new."""
    _component(key="browser-script", data={"say": say}, height=1)
