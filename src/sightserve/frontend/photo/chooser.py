"""The Photo page's ways in: chosen, dropped, pasted, photographed, a sample, an answer of before. The last one used counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from sightserve.api.schema import HeatMap, Prediction
from sightserve.client import ClientError
from sightserve.frontend.inbox import widget
from sightserve.frontend.inbox.store import File, inbox
from sightserve.frontend.inbox.widget import NOTHING, Came, Texts
from sightserve.frontend.photo import heat_map
from sightserve.frontend.photo.samples import ModelSample, Sample, sample, samples_of
from sightserve.frontend.photo.session_cache import SessionCache, session_cache
from sightserve.frontend.shared import backend, words
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.preview import Pictures, Unseen, data_url, pictures
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.words import plain

MOST_PHOTOS: Final = 20
_PLACE: Final = "photo"
_LEAST: Final = 512  # pixels that the shorter side of a photo keeps; twice what most models look at
Way = Literal["files", "sample", "history"]


@dataclass(frozen=True, slots=True)
class Item:
    """One photo on the page: what is known about it, its bytes where they are still here, and where a browser gets it."""

    name: str
    key: str
    prediction: Prediction | None
    photo: Photo | None
    alt: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose.

    Attributes:
        items: the photos.
        way: how they came in.
        pick: the number of the pick that they are; 0 for what did not come from the person's device.
        came: what did not come in with it.
        of_several: whether this one was opened out of several.
    """

    items: list[Item]
    way: Way = "files"
    pick: int = 0
    came: Came = NOTHING
    of_several: bool = False


def chosen() -> Choice:
    """Return what was chosen."""
    came: Came = st.session_state.get("came", NOTHING)
    way = _way()
    if way == "sample" and (one := sample(st.query_params.get("sample", ""), backend.known_facts())) is not None:
        try:
            item = _item(one.load(), one.alt, one.address if isinstance(one, Sample) else "")
            return Choice([item], way, came=came)
        except ClientError as error:  # of those that a model brings
            st.error(str(words.explain(error)), icon=":material/error:")
    if way == "history" and (entry := session_cache().entry(st.session_state.get("picked", ""))) is not None:
        return Choice([Item(entry.name, entry.key, entry.prediction, None, f"The photo {entry.name}")], way, came=came)
    pick = inbox().pick(_PLACE)
    if pick is None or not pick.is_whole:
        return Choice([], came=came)
    photos = {photo.key: photo for photo in map(_photo, pick.files()[:MOST_PHOTOS])}
    items = [_item(photo, f"The photo {photo.name}") for photo in photos.values()]
    opened = [item for item in items if item.key == st.session_state.get("opened")]
    return Choice(opened or items, pick=pick.number, came=came, of_several=bool(opened))


def draw(choice: Choice, choices: Choices, *, heat: HeatMap | None) -> None:
    """Draw the place where photos come in, which shows what was chosen, and where the model looked.

    Args:
        choice: what was chosen.
        choices: the settings.
        heat: the map to lay over the photo.
    """
    limit = f"{settings().max_upload_mb} MB"
    texts = Texts(
        invite="Choose a photo",
        how="or drop or paste one anywhere on this page",
        limits=f"{words.FORMATS}, up to {limit}; up to {MOST_PHOTOS} at once",
        choose="Another photo" if choice.items else "Choose a photo",
        unseen="Your browser cannot show this photo.",
    )
    one = choice.items[0] if len(choice.items) == 1 else None
    # A browser's own picture of several is a strip of all.
    picture = None if one is None else _picture(one, local=choice.pick > 0 and not choice.of_several)
    widget.draw(
        _PLACE, texts, kinds=["photo"], most=MOST_PHOTOS, pick=choice.pick, camera=True, original=choices.original,
        least=_LEAST, more={
            "picture": picture,
            "warmth": None if heat is None else heat_map.overlay(heat),
        },
        on_came=_came,
        on_removed=start_over,
    )  # fmt: skip


def _picture(item: Item, *, local: bool) -> dict[str, str] | None:
    """Return a picture for the browser; None where it has a better one: the photo itself."""
    photo = item.photo
    if item.address:
        return {"src": item.address, "alt": item.alt, "caption": item.name}
    if local and photo is not None and photo.width:
        return None
    kept = session_cache()
    seen = kept.pictures(photo) if photo is not None else kept.pictures_of(item.key)
    if not isinstance(seen, Pictures):
        return None
    return {"src": data_url(seen.preview), "alt": item.alt, "caption": item.name}


def samples(title: str) -> None:
    """Draw the sample photos; pressing one shows its answer."""
    facts = backend.known_facts()
    known, model = samples_of(facts), "" if facts is None else facts.model.sha256
    if not known:
        return
    st.markdown(title)
    with st.container(key="samples"):
        for entry in known:
            with st.container(key=f"card-{entry.slug}", gap=None):
                _card_picture(entry, model)
                st.button(entry.title, key=f"sample-{entry.slug}", on_click=_use_sample, args=(entry,), type="tertiary",
                          width="stretch")  # fmt: skip


def history(kept: SessionCache, said: Callable[[Prediction], str]) -> None:
    """Draw this session's answers, in the words that `said` has for them, newest first; pressing one shows it again."""
    entries = kept.history()
    if not entries:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("This session", anchor=False, width="content")
        st.button("Clear", key="forget", on_click=_forget, type="tertiary", icon=":material/delete:")
    with st.container(key="history"):
        for number, entry in enumerate(entries):
            with st.container(key=f"card-{entry.key[:12]}", gap=None):
                if entry.pictures is not None:
                    st.image(entry.pictures.thumbnail, alt="", width="stretch")
                name = plain(said(entry.prediction))
                st.button(name, key=f"history-{number}-{entry.key[:12]}", on_click=_use_history, args=(entry.key,),
                          type="tertiary", width="stretch", help=plain(entry.name))  # fmt: skip


def start_over() -> None:
    """Forget what was chosen; what was answered stays in the history."""
    inbox().clear(_PLACE)
    _use_files()


def open_one(key: str) -> None:
    """Show one of several photos by itself."""
    st.session_state["opened"] = key


def close_one() -> None:
    """Show all of them again."""
    st.session_state.pop("opened", None)


def _came() -> None:
    came = widget.came(_PLACE)
    if came.pick:
        _use_files()
    st.session_state["came"] = came


def _photo(file: File) -> Photo:
    return Photo(file.name, file.data, file.width, file.height)


def _item(photo: Photo, alt: str, address: str = "") -> Item:
    return Item(photo.name, photo.key, session_cache().answer(photo, backend.model_digest()), photo, alt, address)


def _card_picture(entry: Sample | ModelSample, of_model: str) -> None:
    """Draw a sample; the button's text says what it is."""
    if isinstance(entry, Sample):
        st.html(f'<img src="{entry.card}" alt="">')
        return
    try:
        picture = _sample_pictures(entry.slug, of_model)
    except ClientError:  # it may come another time; its name is there
        return
    if isinstance(picture, Pictures):
        st.image(picture.thumbnail, alt="", width="stretch")


@st.cache_resource(show_spinner=False)
def _sample_pictures(slug: str, of_model: str) -> Pictures | Unseen | None:
    found = sample(slug, backend.known_facts())
    return None if found is None else pictures(found.load().data)


def _way() -> Way:
    """Return which way in counts; a link to a sample counts until something else is chosen."""
    way: Way | None = st.session_state.get("way_in")
    if way is None:
        return "sample" if "sample" in st.query_params else "files"
    return way


def _use_files() -> None:
    st.session_state["way_in"] = "files"
    st.session_state.pop("came", None)
    st.query_params.pop("sample", None)
    close_one()


def _use_sample(entry: Sample | ModelSample) -> None:
    _use_files()
    st.session_state["way_in"] = "sample"
    st.query_params["sample"] = entry.slug


def _use_history(key: str) -> None:
    _use_files()
    st.session_state["way_in"], st.session_state["picked"] = "history", key


def _forget() -> None:
    session_cache().forget_history()
    start_over()
