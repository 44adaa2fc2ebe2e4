"""The Photo page's ways in: upload, drop, paste, camera, a sample, or an answer of before. The last one used counts."""

from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from sightserve.api.schema import Prediction
from sightserve.frontend.photo.samples import SAMPLES, Sample, sample
from sightserve.frontend.photo.session_cache import SessionCache, session_cache
from sightserve.frontend.shared.photos import TYPES, Photo, shown_name
from sightserve.frontend.shared.preview import Pictures, Unseen, pictures
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.uploads import free
from sightserve.frontend.shared.words import plain

MOST_PHOTOS: Final = 20
_UPLOAD: Final = ":material/upload: From this device"
_CAMERA: Final = ":material/photo_camera: Camera"
Way = Literal["files", "sample", "history"]


@dataclass(frozen=True, slots=True)
class Item:
    """One photo on the page: how it looks, what is known about it, and its bytes where they are still here."""

    name: str
    key: str
    pictures: Pictures | Unseen | None
    prediction: Prediction | None
    photo: Photo | None
    alt: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose.

    Attributes:
        items: the photos.
        at_once: whether to classify without being asked again: who presses a sample wants to see its answer.
        too_many: how many photos were left out because the page shows no more.
        visible: whether the way in shows the photo already, as the camera does.
    """

    items: list[Item]
    at_once: bool = False
    too_many: int = 0
    visible: bool = False


def choose() -> Choice:
    """Draw the ways in and return what was chosen."""
    way = st.segmented_control(
        "Where is the photo?",
        [_UPLOAD, _CAMERA],
        default=_UPLOAD,
        required=True,
        key="way",
        on_change=_use_files,
        label_visibility="collapsed",
    )
    files = _camera() if way == _CAMERA else _uploads()
    picked = _picked_way()
    if picked == "sample" and (chosen := sample(st.query_params.get("sample", ""))) is not None:
        return Choice([_item(chosen.load(), chosen.alt)], at_once=True)
    if picked == "history" and (entry := session_cache().entry(st.session_state.get("picked", ""))) is not None:
        alt = f"The photo {entry.name}"
        return Choice([Item(entry.name, entry.key, entry.pictures, entry.prediction, None, alt)])
    unique = list({photo.key: photo for photo in files}.values())
    items = [_item(photo, f"The photo {photo.name}") for photo in unique[:MOST_PHOTOS]]
    return Choice(items, too_many=max(0, len(unique) - MOST_PHOTOS), visible=way == _CAMERA)


def samples(title: str) -> None:
    """Draw the sample photos; pressing one shows its answer."""
    st.markdown(title)
    with st.container(key="samples", horizontal=True, gap="small"):
        for entry in SAMPLES:
            with st.container(key=f"card-{entry.slug}", width=92, gap=None):
                picture = _sample_pictures(entry.slug)
                if isinstance(picture, Pictures):
                    st.image(picture.preview, alt="", width="stretch")  # the button's text says what it is
                st.button(entry.title, key=f"sample-{entry.slug}", on_click=_use_sample, args=(entry,), type="tertiary",
                          width="stretch")  # fmt: skip


def history(kept: SessionCache) -> None:
    """Draw this session's answers, newest first; pressing one shows it again."""
    entries = kept.history()
    if not entries:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("This session", anchor=False, width="content")
        st.button("Clear", key="forget", on_click=_forget, type="tertiary", icon=":material/delete:")
    with st.container(key="history", horizontal=True, gap="small"):
        for number, entry in enumerate(entries):
            with st.container(key=f"card-{entry.key[:12]}", width=92, gap=None):
                if entry.pictures is not None:
                    st.image(entry.pictures.thumbnail, alt="", width="stretch")
                name = plain(entry.prediction.prediction)
                st.button(name, key=f"history-{number}-{entry.key[:12]}", on_click=_use_history, args=(entry.key,),
                          type="tertiary", width="stretch", help=plain(entry.name))  # fmt: skip


def start_over() -> None:
    """Forget the chosen photos, not the history. Their bytes go too: Streamlit would keep them while the session lasts."""
    free(st.session_state.get(f"uploads-{_version()}") or [])
    taken = st.session_state.get(f"camera-{_version()}")
    free([] if taken is None else [taken])
    st.session_state["version"] = _version() + 1
    _use_files()


def _version() -> int:
    version: int = st.session_state.get("version", 0)
    return version


def _uploads() -> list[Photo]:
    limit = settings().max_upload_mb
    files = st.file_uploader(
        f"Your photos: up to {limit} MB each. Drop or paste them anywhere on this page.",
        type=TYPES,
        accept_multiple_files=True,
        max_upload_size=limit,
        key=f"uploads-{_version()}",
        on_change=_use_files,
    )
    return [Photo(shown_name(file.name), file.getvalue()) for file in files]


def _camera() -> list[Photo]:
    taken = st.camera_input("Take a photo", key=f"camera-{_version()}", resolution="720p", on_change=_use_files)
    return [] if taken is None else [Photo("camera.jpg", taken.getvalue())]


def _item(photo: Photo, alt: str) -> Item:
    kept = session_cache()
    return Item(photo.name, photo.key, kept.pictures(photo), kept.answer(photo), photo, alt)


@st.cache_resource(show_spinner=False)
def _sample_pictures(slug: str) -> Pictures | Unseen | None:
    found = sample(slug)
    return None if found is None else pictures(found.load().data, longest_side=160)


def _picked_way() -> Way:
    """Return which way in counts; a link to a sample counts until something else is chosen."""
    way: Way | None = st.session_state.get("way_in")
    if way is None:
        return "sample" if "sample" in st.query_params else "files"
    return way


def _use_files() -> None:
    st.session_state["way_in"] = "files"
    st.query_params.pop("sample", None)


def _use_sample(entry: Sample) -> None:
    st.session_state["way_in"] = "sample"
    st.query_params["sample"] = entry.slug


def _use_history(key: str) -> None:
    _use_files()
    st.session_state["way_in"], st.session_state["picked"] = "history", key


def _forget() -> None:
    session_cache().forget_history()
    start_over()
