"""The boxes of the classes: a name, a place for photos, and small pictures of those that are there."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import streamlit as st

from sightserve.frontend.inbox import widget
from sightserve.frontend.inbox.route import most_bytes
from sightserve.frontend.inbox.widget import Texts
from sightserve.frontend.shared import words
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.sessions import session_id
from sightserve.frontend.shared.settings import MIB, settings
from sightserve.frontend.teach import incoming
from sightserve.frontend.teach.collection import Collection, Group, Kept, TooMany
from sightserve.frontend.teach.naming import LONGEST

_SHOWN: Final = 12  # pictures of a class, the newest
_MORE: Final = 60  # further ones at a press
_AT_ONCE: Final = 2  # pictures made, which is how many workers there are
_LEAST: Final = 512  # pixels that the shorter side of a photo keeps, as on the Photo page


def draw(collection: Collection) -> None:
    """Draw all boxes, and what adds to them."""
    with st.container(key="boxes"):
        for group in list(collection.groups):
            with st.container(key=f"box-{group.number}", border=True):
                _box(collection, group)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Add a class", icon=":material/add:", key="add-class", on_click=_add_class, args=(collection,))
    _problems()
    with st.expander("All classes at once, from a folder or a zip", icon=":material/folder_zip:"):
        st.caption("In it, a folder for each class, with its photos: the folders' names become the classes' names.")
        zip_limit = f"{most_bytes(incoming.ALL) // MIB} MB"
        texts = Texts(
            invite="Choose a zip",
            how="or drop a zip or a folder beside the boxes",
            limits=f"Up to {zip_limit}",
            choose="A zip",
            folder="A folder",
            drop="Let go to fill the boxes: a folder or a zip with a folder for each class",
        )
        widget.draw(
            incoming.ALL, texts, kinds=["photo", "archive"], most=settings().max_photos, collect=True, least=_LEAST,
            pick=st.session_state.get("taken-in-all", 0), on_came=_came, args=(collection, None),
        )  # fmt: skip


def _box(collection: Collection, group: Group) -> None:
    # The name is the field's default: put into the state, it would overwrite what somebody types meanwhile.
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"head-{group.number}"):
        st.text_input(
            "Name of this class", group.name, key=_name_key(group), max_chars=LONGEST,
            label_visibility="collapsed", width="stretch",
            on_change=_rename, args=(collection, group.number),
        )  # fmt: skip
        st.button(
            "Remove this class", icon=":material/delete:", key=f"remove-class-{group.number}", type="tertiary",
            on_click=_remove_class, args=(collection, group.number),
            help=f"Remove the class {words.plain(group.name)} and its photos",
        )  # fmt: skip
    texts = Texts(
        invite="Add photos", how="choose, drop or paste them here", limits="", choose="Photos",
        drop=f"Let go to add to {group.name}",
    )  # fmt: skip
    count = len(group.photos)
    everything = st.session_state.get(f"all-of-{group.number}", False)
    shown = list(reversed(group.photos.values()))[: _MORE if everything else _SHOWN]
    st.markdown(f"**{words.counted(count, 'photo')}**" if count else "No photos yet")
    widget.draw(
        incoming.place_of(group), texts, kinds=["photo"], most=settings().max_photos, camera=True, collect=True,
        least=_LEAST, pick=st.session_state.get(f"taken-in-{group.number}", 0),
        more={"pictures": _pictures(collection, shown)},
        on_came=_came, on_removed=_removed, args=(collection, group.number),
    )  # fmt: skip
    if count > _SHOWN:
        st.toggle(f"Show more of the {count:,}", key=f"all-of-{group.number}")


def _pictures(collection: Collection, shown: Sequence[Kept]) -> list[dict[str, str]]:
    owner = session_id()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        made = threads.map(lambda photo: collection.picture(photo, owner), shown)
        return [
            {"id": photo.id, "name": photo.name, "src": data_url(jpeg) if jpeg else ""}
            for photo, jpeg in zip(shown, made, strict=True)
        ]


def _name_key(group: Group) -> str:
    return f"class-name-{group.number}"


def _names(collection: Collection) -> None:
    """Have the fields say what the classes are called."""
    for group in collection.groups:
        st.session_state[_name_key(group)] = group.name


def _add_class(collection: Collection) -> None:
    try:
        collection.add_class()
    except TooMany:
        news = incoming.News()
        news.refuse(incoming.MANY, "")
        st.session_state["teach-news"] = news


def _remove_class(collection: Collection, number: int) -> None:
    collection.remove_class(number)
    if not collection.count:
        st.session_state.pop("taught", None)


def _rename(collection: Collection, number: int) -> None:
    key = f"class-name-{number}"
    typed = st.session_state.get(key, "")
    if (name := collection.rename(number, typed)) != typed:
        st.session_state[key] = name


def _came(collection: Collection, number: int | None) -> None:
    group = None if number is None else collection.group(number)
    if number is not None and group is None:
        return  # removed meanwhile
    came, news = incoming.take(collection, group)
    if came.pick:
        st.session_state[f"taken-in-{'all' if number is None else number}"] = came.pick
    if group is None:
        _names(collection)
    if collection.count:
        st.session_state["taught"] = True  # a browser asks before it leaves
    st.session_state["teach-news"] = news


def _removed(collection: Collection, number: int) -> None:
    collection.remove(widget.removed(f"class-{number}"))


def _problems() -> None:
    """Say what was left out of what came in last."""
    news: incoming.News | None = st.session_state.get("teach-news")
    if news is None:
        return
    for sentence in news.sentences():
        st.error(sentence, icon=":material/error:")
    if news.same:
        st.caption(f"{words.counted(news.same, 'photo was', 'photos were')} there already, and not taken twice.")
