"""The place on a page where files come in: a component whose browser half lies in `browser/`, one script for all pages."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

from sightserve.frontend.inbox.route import most_bytes
from sightserve.frontend.inbox.store import inbox
from sightserve.frontend.shared import words
from sightserve.frontend.shared.photos import TYPES, shown_path
from sightserve.frontend.shared.settings import MIB, settings
from sightserve.frontend.shared.words import Message

_BROWSER: Final = Path(__file__).parent / "browser"
_PARTS: Final = (
    "files",
    "shrink",
    "send",
    "camera",
    "answers",
    "away",
    "places",
    "collect",
    "view",
    "anywhere",
    "keys",
)  # in this order they are one script
_MOST_TOLD: Final = 20  # refusals; who has more sees how many
VIDEOS: Final = ("mp4", "mov", "m4v", "webm", "mkv", "avi", "mpg", "mpeg", "ts", "3gp", "flv", "wmv", "ogv")


@cache
def script() -> bytes:
    """Return the browser half."""
    return "\n".join((_BROWSER / f"{part}.js").read_text() for part in _PARTS).encode()


@cache
def script_name() -> str:
    """Return the name that the script is served under: other content has another one."""
    return f"own/inbox.{hashlib.sha256(script()).hexdigest()[:12]}.js"


# Streamlit sends a component's script with every run of the page; this one is loaded once, and kept by the browser.
_STUB: Final = """
const half = import(new URL("NAME", document.baseURI));
export default function (component) {
  let gone = false, end;
  half.then(({ mount }) => { if (!gone) end = mount(component); });
  return () => { gone = true; if (end) end(); };
}
"""


@cache
def _component() -> Any:  # noqa: ANN401 - Streamlit's own type for it is private
    return st.components.v2.component(
        "sightserve.inbox",
        js=_STUB.replace("NAME", script_name()),
        css=(_BROWSER / "inbox.css").read_text(),
        html="",
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """What the place says.

    Attributes:
        invite: what to do, in large letters.
        how: other ways, for who has a mouse and a keyboard.
        limits: what is taken.
        choose: on the button.
        folder: on the button for folders; no such button where it is empty.
        unseen: in the place of a picture that a browser cannot show.
        drop: over the page while something is dragged.
    """

    invite: str
    how: str
    limits: str
    choose: str
    folder: str = ""
    unseen: str = ""
    drop: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that did not come in."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Came:
    """News of the browser: files have come in, or not.

    Attributes:
        pick: the number of the pick; 0 where nothing was taken.
        refused: what was not taken.
        left: how many were more than the page takes.
    """

    pick: int
    refused: tuple[Refusal, ...] = ()
    left: int = 0


NOTHING: Final = Came(0)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a person chose on a page that takes the files one by one, later.

    Attributes:
        photos: path and bytes of each.
        zips: how many zips came in, whole.
        others: files that are no photos.
    """

    came: Came
    photos: tuple[tuple[str, int], ...] = ()
    zips: int = 0
    others: int = 0


def draw(
    place: str,
    texts: Texts,
    *,
    kinds: Sequence[str],
    most: int,
    pick: int = 0,
    camera: bool = False,
    original: bool = False,
    least: int = 512,
    collect: bool = False,
    more: Mapping[str, object] | None = None,
    on_came: Callable[..., None] | None = None,
    on_removed: Callable[..., None] | None = None,
    on_offered: Callable[..., None] | None = None,
    args: tuple[object, ...] = (),
) -> None:
    """Draw the place.

    Args:
        place: the page's.
        texts: what it says.
        kinds: what it takes: photo, archive, video.
        most: files of one pick.
        pick: the number of the pick that the page shows; 0 where it shows something else.
        camera: whether to offer the camera.
        original: whether photos are sent as they are.
        least: pixels that a photo's shorter side keeps when it is made smaller to be sent.
        collect: whether what comes in joins what is there: the next pick begins when `pick` is the last one's number.
        more: what else the browser half wants to know.
        on_came: called when files came in, or did not; `came` says what.
        on_removed: called when a person wants the picture to go; `removed` says which of several.
        on_offered: called when a person has chosen what goes later; `offer` says what.
        args: what these three are called with.
    """

    def told(
        news: Callable[..., None] | None,
    ) -> Callable[[], None]:  # Streamlit wants a function for each kind of news
        return lambda: news(*args) if news is not None else None

    photos = [name.removeprefix(".") for name in TYPES]
    suffixes = {"photo": photos, "archive": ["zip"], "video": VIDEOS}
    accepted = [f".{suffix}" for kind in kinds for suffix in suffixes[kind]]
    # A phone offers its gallery and its camera for these.
    accepted += [f"{kind}/*" for kind in ("image", "video") if {"image": "photo"}.get(kind, kind) in kinds]
    data = {
        "place": place,
        "ticket": inbox().ticket,
        "words": {name: getattr(texts, name) for name in Texts.__slots__},
        "kinds": list(kinds),
        "photos": photos,
        "accept": ",".join(accepted),
        "folders": bool(texts.folder),
        "most": most,
        "most_bytes": most_bytes(place),
        "most_archive_bytes": most_bytes("archive"),
        "pick": pick,
        "camera": camera,
        "original": original,
        "least": least,
        "collect": collect,
        **(more or {}),
    }
    _component()(
        key=f"inbox-{place}",
        data=data,
        on_came_change=told(on_came),
        on_removed_change=told(on_removed),
        on_offered_change=told(on_offered),
    )


def came(place: str) -> Came:
    """Return the news, within `on_came`."""
    return _came(_told(place).get("came"))


def removed(place: str) -> str:
    """Return which of the pictures is to go, within `on_removed`."""
    told = _told(place).get("removed")
    return told if isinstance(told, str) else ""


def offer(place: str) -> Offer | None:
    """Return what was chosen, within `on_offered`."""
    told = _told(place).get("offered")
    if not isinstance(told, Mapping) or not (news := _came(told)).pick:
        return None
    listed = told.get("photos")
    photos = [
        (shown_path(entry[0]), _whole(entry[1]))
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)  # noqa: PLR2004 - name and size
    ]
    return Offer(
        news, tuple(photos[: settings().max_photos]), zips=_whole(told.get("zips")), others=_whole(told.get("others"))
    )


def _told(place: str) -> Mapping[str, object]:
    """Return what the browser half says, which may be anything: browsers are strangers'."""
    told = st.session_state.get(f"inbox-{place}")
    return told if isinstance(told, Mapping) else {}


def _came(told: object) -> Came:
    if not isinstance(told, Mapping):
        return NOTHING
    listed = told.get("refused")
    refused = [
        Refusal(shown_path(entry["name"]), entry["why"])
        for entry in (listed if isinstance(listed, list) else [])[:_MOST_TOLD]
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and isinstance(entry.get("why"), str)
    ]
    return Came(_whole(told.get("pick")), tuple(refused), _whole(told.get("left")))


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def explain(refusal: Refusal, place: str) -> Message:
    """Return what to tell a person about a file that did not come in."""
    limit = words.size(most_bytes("archive" if refusal.name.lower().endswith(".zip") else place) / MIB * 1_000_000)
    wanted = "Choose a video." if place == "video" else f"Choose a {words.FORMATS} file."
    known = {
        "archive": Message("This is a zip.", "The Batch page takes zips of photos."),
        "video": Message("This is a video.", "The Video page is made for that."),
        "photo": Message("This is a photo.", "The Photo page is made for that."),
        "other": Message("This is no video." if place == "video" else "This is not a photo.", wanted),
        "empty": Message("This file is empty.", "Choose it once more, or another one."),
        "large": Message("This file is too large.", f"Try a smaller one: {limit} is the most."),
        "unreadable": Message("Your browser cannot read this file.", "Was it moved or removed? Choose it once more."),
        "session": Message("This page has lost its connection.", "Load it again."),
        "room": Message("Very many photos are here right now.", "Try again in a minute."),
        "full": Message("There is no room for more photos.", "Remove some, or ask who runs this app for more room."),
        "line": Message("This file did not get through.", "Check your connection and choose it once more."),
        "camera": Message("Your browser does not let this page use a camera.", "Allow it, or choose a photo."),
        "nothing": Message("There is nothing in it that works here.", wanted),
    }
    return known.get(refusal.why, Message("This file did not come in.", "Choose it once more."))
