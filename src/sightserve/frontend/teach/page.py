"""The Teach page: name classes, give each some photos, train, see what it is worth, try it, use it."""

import importlib.util
import threading
from typing import Final

import streamlit as st

from sightserve.frontend.shared import kept, words
from sightserve.frontend.shared.ledger import account
from sightserve.frontend.shared.sessions import sessions
from sightserve.frontend.shared.settings import settings
from sightserve.frontend.teach import boxes, naming, result, serving, told, training, trying
from sightserve.frontend.teach.collection import Collection
from sightserve.frontend.teach.training import State, Training, Wanted
from sightserve.installing import more

_LOOK_EVERY: Final = 0.5  # seconds
_LEAST: Final = 5  # photos of a class: of fewer nothing can be told
_ENOUGH: Final = 20
_LONGEST_SUBJECT: Final = 60
_SUBJECT: Final = "teach-subject"


def page() -> None:
    """Draw the page."""
    with st.container(key="head"):
        st.title("Teach it your own classes", anchor=False)
    st.markdown("Show it some photos of each: it learns to tell them apart, and how well it does is measured.")
    missing = [name for name in ("onnxruntime", "sklearn", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        st.info(
            f"**This installation does not learn.** Whoever runs this app can add that with (`{more('backend,train')}`).",
            icon=":material/extension:",
        )
        return
    try:
        collection = _collection()
    except OSError:
        st.error(
            "**This app has no place for photos on its disk.** Whoever runs it needs to make some.",
            icon=":material/error:",
        )
        return
    name = _subject()
    st.subheader("Classes", anchor=False)
    boxes.draw(collection)
    current: Training | None = st.session_state.get("training")
    if current is not None and not current.is_over:
        _under_way()
    else:
        _begin(collection, name, current)
    st.caption(
        "Photos lie in a temporary folder of this app, for you alone, and nothing is sent anywhere else."
        f" {settings().gone_after} after this page was closed they are gone. The trained model stays on this machine, with its"
        " report, which has small pictures of its mistakes."
    )


def _collection() -> Collection:
    """Return this session's classes. Raises OSError."""
    if "teaching" not in st.session_state:
        mine = account()
        made = st.session_state["teaching"] = Collection(mine)
        sessions().belongs(mine.session, made)
    collection: Collection = st.session_state["teaching"]
    return collection


def _subject() -> str:
    """Draw what it is about, and return the model's name."""
    before = st.session_state.get("teach-about", "")  # Streamlit forgets the field while another page is shown
    about = st.text_input(
        "What is it about?", before, key=_SUBJECT, placeholder="apples", max_chars=_LONGEST_SUBJECT, width=420,
        live="250ms",
    )  # fmt: skip
    st.session_state["teach-about"] = about or ""
    name = naming.model_name(about or "")
    if name:
        st.caption(f"The model will be called `{name}`.")
    return name


def _begin(collection: Collection, name: str, before: Training | None) -> None:
    """Draw the button that trains, and what became of the training before."""
    reason = _stands_in_the_way(collection, name)
    none_of_these = kept.drawn(
        st.toggle, "It may say that a photo shows none of them", key="none-of-these",
        help="Useful where people may show it something else altogether.",
    )  # fmt: skip
    trained = before.trained if before is not None else None
    if trained is not None:
        st.session_state["trained-names"] = {*st.session_state.get("trained-names", ()), trained.name}
    made_from = f"{collection.fingerprint()} {name} {none_of_these}"
    changed = before is not None and trained is not None and before.wanted.made_from != made_from
    with st.container(horizontal=True, vertical_alignment="center", key="train-bar"):
        pressed = st.button(
            "Train again" if trained else "Train", type="primary" if changed or not trained else "secondary",
            icon=":material/auto_awesome:", disabled=bool(reason), key="train",
        )  # fmt: skip
        if reason:
            st.markdown(reason)
        elif changed:
            st.markdown("Something has changed since: train again, and see what it brings.")
        elif not trained:
            st.markdown(_before_training(collection))
    if pressed and not reason:
        replace = name in st.session_state.get("trained-names", ())
        _start(collection, name, made_from, none_of_these=none_of_these, replace=replace)
    if before is not None:
        again = _ended(before, collection, name)
        if again and not reason:
            _start(collection, name, made_from, none_of_these=none_of_these, replace=True)


def _stands_in_the_way(collection: Collection, name: str) -> str:
    """Return why nothing can be trained yet, and what to do; empty where nothing stands in the way."""
    names = [naming.meaning(group.name) for group in collection.groups]
    twice = next((group.name for group in collection.groups if names.count(naming.meaning(group.name)) > 1), None)
    few = [group for group in collection.groups if len(group.photos) < _LEAST]
    if len(collection.groups) < 2:  # noqa: PLR2004 - it tells apart
        return (
            "It takes two classes: **add one**. For one thing and everything else, make a class of photos without it."
        )
    if twice is not None:
        return f"Two classes are called **{words.plain(twice)}**: give one of them another name."
    if few:
        wanted = _LEAST - len(few[0].photos)
        least = words.counted(wanted, "more photo") if few[0].photos else words.counted(wanted, "photo")
        others = f", and {words.counted(len(few) - 1, 'other class', 'other classes')} some too" if len(few) > 1 else ""
        return f"**{words.plain(few[0].name)}** needs {least}{others}. {_ENOUGH} of each make it useful."
    if not name:
        return "**Say what it is about** in the field at the top: the model gets its name from that."
    return ""


def _before_training(collection: Collection) -> str:
    fewest = min(len(group.photos) for group in collection.groups)
    if fewest < _ENOUGH:
        return f"Ready. {_ENOUGH} photos of each or more make it useful: {fewest} is the fewest now."
    return "Ready."


@st.cache_resource(show_spinner=False)
def _turns() -> threading.Semaphore:
    """Bounds how many trainings are under way: one takes all cores."""
    return threading.Semaphore(1)


def _start(collection: Collection, name: str, made_from: str, *, none_of_these: bool, replace: bool) -> None:
    try:
        photos = collection.snapshot()
    except OSError:
        st.error(
            "**There is no room on the disk of this app.** Remove some photos, and try again.", icon=":material/error:"
        )
        return
    subject = " ".join(st.session_state.get("teach-about", "").split())
    wanted = Wanted(
        name, photos, replace=replace, none_of_these=none_of_these, subject=subject, made_from=made_from,
    )  # fmt: skip
    begun = Training(wanted, _turns(), training.COMMAND)
    sessions().belongs(account().session, begun)
    begun.start()
    st.session_state["training"] = begun
    st.rerun()


@st.fragment(run_every=_LOOK_EVERY)
def _under_way() -> None:
    """Draw a training that is under way; this part of the page looks again by itself."""
    current: Training | None = st.session_state.get("training")
    if current is None or current.is_over:
        st.rerun()
    step = current.progress
    with st.container(horizontal=True, vertical_alignment="bottom", key="train-bar"):
        with st.container(width="stretch"):
            st.progress(min(1.0, step.done / step.of) if step.of else 0.0, _progress(current))
        if st.button("Cancel", icon=":material/close:", key="cancel-training"):
            current.close()
    for note in current.notes:
        st.caption(words.plain(note))


def _progress(current: Training) -> str:
    step = current.progress
    if current.state is State.WAITING:
        return "**Waiting for its turn:** another training is under way in this app."
    if not step.words:
        return "**Starting ...**"
    counted = f" · {step.done:,} of {step.of:,}" if step.of else ""
    return f"**{words.plain(step.words)}**{counted} · {words.duration(current.seconds)}"


def _ended(current: Training, collection: Collection, name: str) -> bool:
    """Say how a training ended, and show what was measured; return whether it is to be tried once more, and to replace."""
    if current.state is State.STOPPED:
        st.warning("**Stopped.** Nothing was changed.", icon=":material/pause_circle:")
    elif current.state is State.FAILED and "--replace" in current.problem:  # whoever made it may want it back
        st.warning(
            f"**There is a model called `{current.wanted.name}` already**, which was not made on this page. Say that this one"
            " is about something else, or replace that one.",
            icon=":material/info:",
        )
        return name == current.wanted.name and st.button("Replace it", icon=":material/refresh:", key="replace-model")
    elif current.state is State.FAILED:
        st.error(f"**It could not be trained.** {words.plain(current.problem)}", icon=":material/error:")
    elif current.trained is not None:
        measured = told.read(current.trained.report)
        with st.container(key="taught-result"):
            result.draw(current.trained, measured, collection, current.wanted.photos.photos)
            st.subheader("Try it at once", anchor=False)
            trying.draw(current.trained, measured)
            st.subheader("Use it", anchor=False)
            serving.draw(current.trained)
    return False
