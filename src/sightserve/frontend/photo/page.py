"""The Photo page: choose a photo, see what it shows, how sure the model is, and where it looked."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Final

import streamlit as st

from sightserve.api.schema import HeatMap
from sightserve.client import ClientError
from sightserve.frontend.inbox import widget
from sightserve.frontend.photo import answers, chooser, feedback, heat_map
from sightserve.frontend.photo.chooser import Choice, Item
from sightserve.frontend.photo.session_cache import LruCache, session_cache
from sightserve.frontend.shared import backend, head, pages, waiting, words
from sightserve.frontend.shared.asking import asker
from sightserve.frontend.shared.backend import Facts
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.shared.words import Message

_QUESTION: Final = "What is in this photo?"
_MEANT_FOR: Final = {"archive": ("batch", "To the Batch page"), "video": ("video", "To the Video page")}


def page() -> None:
    """Draw the page."""
    facts = backend.known_facts()
    question, about = (_QUESTION, "") if facts is None else (facts.model.question or _QUESTION, facts.model.about)
    choice = chooser.chosen()
    chosen = head.draw(question, "" if choice.items else about)  # on a phone, photo and answer are in view together
    left, right = st.columns(2, gap="large")
    with left:
        place = st.container(key="photo")
        below = st.container(key="below")
    looked = bool(st.session_state.get("where")) and len(choice.items) == 1
    if not looked:  # the photo stands there while it is asked about
        with place:
            chooser.draw(choice, chosen, heat=None)
    with right, st.container(key="answer"):
        _refusals(choice)
        items, problems = _asked(choice, chosen)
        _anew_for_another_model(facts)
        if not items:
            chooser.samples("**No photo at hand?** Press one of these.")
        elif len(items) == 1:
            _one(items[0], chosen, problems)
        switch = st.container(key="looked")
    heat = _heat_map(items[0]) if looked and items else None
    if looked:
        with place:
            chooser.draw(replace(choice, items=items), chosen, heat=heat)
    with below:
        _buttons(choice, items)
    if len(items) == 1 and items[0].prediction is not None:
        with switch:
            _where_it_looked(items[0], heat)
            answers.details([(items[0].name, items[0].prediction)], chosen)
    if len(items) > 1:
        answers.gallery(items, chosen, problems)
    if items:
        chooser.samples("Or see what it makes of these:")
    for item in items:
        if item.photo is not None and item.prediction is not None:
            session_cache().illustrate(item.photo)
    chooser.history(session_cache(), lambda prediction: answers.headline(prediction, chosen))


def _anew_for_another_model(facts: Facts | None) -> None:
    """Draw the page anew where an answer was another model's than what stands on it; once, since models may take turns."""
    known = backend.known_facts()
    changed = facts is not None and known is not None and known.model.sha256 != facts.model.sha256
    if changed and not st.session_state.pop("drawn-anew", False):
        st.session_state["drawn-anew"] = True
        st.rerun()
    st.session_state.pop("drawn-anew", None)


def _one(item: Item, chosen: Choices, problems: Mapping[str, Message]) -> None:
    if item.prediction is not None:
        answers.one(item, item.prediction, chosen)
        answers.said([item], chosen, waited=st.session_state.get("waited"))
        feedback.draw(item, item.prediction, answers.headline(item.prediction, chosen))
    elif item.key in problems:
        _tell(problems[item.key])
    else:
        st.info("Press **Classify**.", icon=":material/search:")


def _where_it_looked(item: Item, heat: HeatMap | None) -> None:
    if item.photo is None and (item.prediction is None or item.prediction.heat_map is None):
        return  # of the history, and nobody asked at the time
    st.toggle("Show where it looked", key="where")
    if heat is not None:
        st.caption(heat_map.meaning(heat))


def _buttons(choice: Choice, items: Sequence[Item]) -> None:
    """Draw the buttons below the photo."""
    missing = sum(item.prediction is None for item in items)
    label = "Classify" if len(items) <= 1 else f"Classify {words.counted(len(items), 'photo')}"
    if 0 < missing < len(items):
        label = f"Try {words.counted(missing, 'photo')} again"
    with st.container(horizontal=True):
        st.button(
            label, type="primary", icon=":material/search:", shortcut="Enter", width="stretch", disabled=not items,
            on_click=waiting.want, args=("photo",), key="classify",
        )  # fmt: skip
        if choice.of_several:
            st.button("All photos", icon=":material/grid_view:", on_click=chooser.close_one, key="all-photos")


def _refusals(choice: Choice) -> None:
    """Say what did not come in, where the answer would be."""
    for refusal in choice.came.refused:
        said = widget.explain(refusal, "photo")
        name = f"**{words.plain(refusal.name)}**: " if refusal.name else ""
        st.error(f"{name}{said}", icon=":material/error:")
        if refusal.why in _MEANT_FOR:
            pages.link(*_MEANT_FOR[refusal.why])
    if choice.came.left:
        st.info(
            f"The first {chooser.MOST_PHOTOS} photos are here, {choice.came.left:,} are not. The Batch page takes hundreds.",
            icon=":material/info:",
        )
        pages.link("batch", "To the Batch page")


def _heat_map(item: Item) -> HeatMap | None:
    """Return where the model looked, asking for it where that has not come with the answer."""
    if item.prediction is None:
        return None
    if item.prediction.heat_map is not None or item.photo is None:
        return item.prediction.heat_map
    with st.spinner("Covering one part of the photo after another ..."):
        try:
            prediction = asker(patient=True, heat_map=True)(item.photo)
        except ClientError as error:
            _tell(backend.explain(error))
            return None
    if prediction.model == item.prediction.model:  # the same answer, of which something may have been said
        prediction = prediction.model_copy(update={"id": item.prediction.id})
    session_cache().keep(item.photo, prediction, backend.model_digest())
    return prediction.heat_map


def _asked(choice: Choice, chosen: Choices) -> tuple[list[Item], dict[str, Message]]:
    """Return the photos with what is known about them, after asking about those that it is not; and what went wrong."""
    again = waiting.is_wanted("photo")
    problems = _problems()
    began = time.perf_counter()
    # A photo is asked about as soon as it is here, but not again and again where that fails; and once more by the button.
    missing = [item for item in choice.items if item.prediction is None]
    wanted = (missing or choice.items) if again else [item for item in missing if not problems.get(item.key)]
    at_once = again or chosen.at_once or choice.way != "files"
    asked = [item.photo for item in wanted if item.photo is not None] if at_once else []
    if asked:
        waiting.want("photo")  # also when something else is touched meanwhile
    _ask(asked, problems)
    waiting.fulfilled("photo")
    if asked:
        st.session_state["waited"] = (time.perf_counter() - began, st.session_state.get("waited", (0.0, 0))[1] + 1)
    items = [_refreshed(item) for item in choice.items]
    return items, {item.key: problem for item in items if (problem := problems.get(item.key)) is not None}


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
        problems.put(photo.key, backend.explain(error))
        if words.is_starting(error):
            early.append(photo)

    try:
        ask = asker(patient=True, heat_map=backend.shows_for_nothing())
    except ClientError as error:
        for photo in photos:
            failed(photo, error)
        return early
    with ThreadPoolExecutor(min(settings().parallel, len(photos))) as pool:
        pending = {pool.submit(ask, photo): photo for photo in photos}
        for done in as_completed(pending):
            photo = pending[done]
            try:
                session_cache().keep(photo, done.result(), backend.model_digest())
            except ClientError as error:
                failed(photo, error)
            else:
                problems.put(photo.key, None)
    return early


def _refreshed(item: Item) -> Item:
    return (
        item
        if item.photo is None
        else replace(item, prediction=session_cache().answer(item.photo, backend.model_digest()))
    )


def _problems() -> LruCache[Message | None]:
    """Return what went wrong with which photo, until it is asked about again."""
    if "problems" not in st.session_state:
        st.session_state["problems"] = LruCache(chooser.MOST_PHOTOS * 2)
    kept: LruCache[Message | None] = st.session_state["problems"]
    return kept


def _tell(problem: Message) -> None:
    st.error(f"**{problem.what}** {problem.do}", icon=":material/error:")
