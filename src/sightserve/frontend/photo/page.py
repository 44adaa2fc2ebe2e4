"""The Photo page: choose photos, press Classify, see what they show and how sure the model is."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sightserve.client import ClientError
from sightserve.frontend.photo import answers, chooser, heat_map
from sightserve.frontend.photo.browser_script import browser_script
from sightserve.frontend.photo.chooser import Choice, Item
from sightserve.frontend.photo.session_cache import LruCache, session_cache
from sightserve.frontend.shared import backend, waiting, words
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.preview import Pictures
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.sidebar import Choices, choices
from sightserve.frontend.shared.words import Message


def page() -> None:
    """Draw the page."""
    st.title("What is in this photo?", anchor=False)
    chosen = choices()
    left, right = st.columns(2, gap="large")
    with left:
        choice = chooser.choose()
        place = st.container(key="photo")
        shown = place.empty()
        if len(choice.items) == 1 and not choice.visible:
            with shown:
                _show(choice.items[0])
        below = st.container()
    # The buttons come after the answers: they depend on them, and a second run of the script would cost the pictures.
    with right, st.container(key="answer"):
        items = _answers(choice, chosen, wanted=waiting.is_wanted("photo"))
        waiting.fulfilled("photo")
    if len(items) == 1:
        with place:
            _where_it_looked(items[0], shown)
    with below:
        if items:
            _buttons(items, choice.too_many)
        else:
            chooser.samples("**No photo at hand?** Press one of these.")
    if items:  # out of the way between photo and answer, on a phone above all
        chooser.samples("Or see what it makes of these:")
    chooser.history(session_cache())
    browser_script(_spoken(items, chosen))


def _buttons(items: Sequence[Item], too_many: int) -> None:
    if too_many:
        st.info(
            f"Only the first {chooser.MOST_PHOTOS} photos are shown here. The Batch page takes hundreds.",
            icon=":material/info:",
        )
    if all(item.prediction is not None for item in items):
        st.button(
            "Another photo", icon=":material/refresh:", width="stretch", on_click=chooser.start_over, key="another"
        )
        return
    with st.container(horizontal=True):
        st.button(
            "Classify" if len(items) == 1 else f"Classify {words.counted(len(items), 'photo')}",
            type="primary",
            icon=":material/search:",
            shortcut="Enter",
            width="stretch",
            on_click=waiting.want,
            args=("photo",),
            key="classify",
        )
        st.button("Start over", on_click=chooser.start_over, key="start-over")


def _show(item: Item) -> None:
    if not isinstance(item.pictures, Pictures):
        why = item.pictures.why if item.pictures is not None else "This photo is not kept here any more."
        st.warning(str(why), icon=":material/hide_image:")
        return
    st.image(item.pictures.preview, alt=item.alt, caption=words.plain(item.name))


def _where_it_looked(item: Item, shown: DeltaGenerator) -> None:
    """Offer to show where the model looked, in the place of the photo."""
    if item.prediction is None or not isinstance(item.pictures, Pictures):
        return
    if item.prediction.heat_map is None and item.photo is None:  # of the history, and nobody asked at the time
        return
    if not st.toggle("Show where it looked", key="where"):
        return
    found = item.prediction.heat_map
    if found is None and item.photo is not None:
        with st.spinner("Covering one part of the photo after another ..."):
            try:
                prediction = backend.asker(patient=True, heat_map=True)(item.photo)
            except ClientError as error:
                _tell(words.explain(error))
                return
        session_cache().keep(item.photo, prediction)
        found = prediction.heat_map
    if found is not None:
        with shown.container():
            heat_map.draw(item.pictures, found, item.name)


def _answers(choice: Choice, chosen: Choices, *, wanted: bool) -> list[Item]:
    """Draw the answers, after asking for those that are missing; return the photos with what is known now."""
    if not choice.items:
        st.info(
            "Choose a photo to begin: an animal, a dish, a vehicle, something from around the house.",
            icon=":material/photo_camera:",
        )
        return []
    problems = _problems()
    # A sample is classified as soon as it is pressed, but not again and again where that fails.
    missing = [item for item in choice.items if item.prediction is None]
    if wanted or (choice.at_once and not any(problems.get(item.key) for item in missing)):
        _ask([item.photo for item in missing if item.photo is not None], problems)
    items = [_refreshed(item) for item in choice.items]
    found = {item.key: problem for item in items if (problem := problems.get(item.key)) is not None}
    if len(items) > 1:
        answers.gallery(items, chosen, found)
    elif items[0].prediction is not None:
        answers.one(items[0], items[0].prediction, chosen)
    elif items[0].key in found:
        _tell(found[items[0].key])
    else:
        st.info("Press **Classify**, or the Enter key.", icon=":material/keyboard_return:")
    return items


def _ask(photos: Sequence[Photo], problems: LruCache[Message | None]) -> None:
    """Ask the backend about each photo, waiting for one that is starting, and remember what it says."""
    if not photos:
        return
    with st.spinner("Looking at the photo ..." if len(photos) == 1 else f"Looking at {len(photos)} photos ..."):
        early = _ask_each(photos, problems)
        if early:
            waiting.until_ready()
            _ask_each(early, problems)


def _ask_each(photos: Sequence[Photo], problems: LruCache[Message | None]) -> list[Photo]:
    """Ask about each photo, a few at once; return those for which it was too early."""
    early = []

    def failed(photo: Photo, error: ClientError) -> None:
        problems.put(photo.key, words.explain(error))
        if words.is_starting(error):
            early.append(photo)

    try:
        ask = backend.asker(patient=True, heat_map=backend.shows_for_nothing())
    except ClientError as error:
        for photo in photos:
            failed(photo, error)
        return early
    with ThreadPoolExecutor(min(settings().parallel, len(photos))) as pool:
        pending = {pool.submit(ask, photo): photo for photo in photos}
        for done in as_completed(pending):
            photo = pending[done]
            try:
                session_cache().keep(photo, done.result())
            except ClientError as error:
                failed(photo, error)
            else:
                problems.put(photo.key, None)
    return early


def _refreshed(item: Item) -> Item:
    if item.photo is None or item.prediction is not None:
        return item
    return replace(item, prediction=session_cache().answer(item.photo))


def _problems() -> LruCache[Message | None]:
    """Return what went wrong with which photo, until it is asked about again."""
    if "problems" not in st.session_state:
        st.session_state["problems"] = LruCache(chooser.MOST_PHOTOS * 2)
    kept: LruCache[Message | None] = st.session_state["problems"]
    return kept


def _tell(problem: Message) -> None:
    st.error(f"**{problem.what}** {problem.do}", icon=":material/error:")


def _spoken(items: Sequence[Item], chosen: Choices) -> str:
    """Return the answers as a screen reader says them."""
    return ". ".join(
        f"{item.name}: {item.prediction.prediction}, {words.confidence(item.prediction.probability, chosen.threshold)},"
        f" {words.percent(item.prediction.probability)}"
        for item in items
        if item.prediction is not None
    )
