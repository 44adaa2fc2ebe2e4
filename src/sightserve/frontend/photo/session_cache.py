"""What the Photo page keeps of one session: answers, what was said of them, pictures, the history; every part is bounded.

A few megabytes a session at most, whatever a person does, and the pictures are booked; uploads are the guard's business.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, Generic, Literal, TypeVar

import streamlit as st

from sightserve.api.schema import Prediction
from sightserve.frontend.shared.ledger import account
from sightserve.frontend.shared.photos import Photo
from sightserve.frontend.shared.preview import Pictures, Unseen, pictures
from sightserve.frontend.shared.words import Message

_MOST_ANSWERS: Final = 200  # about ten kilobytes each
_MOST_PICTURES: Final = 32  # about a hundred kilobytes each
MOST_HISTORY: Final = 24

Value = TypeVar("Value")


class LruCache(Generic[Value]):
    """Keeps the values that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """Return the value, and count it as used."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: str, value: Value) -> None:
        """Keep the value; the one that was not used for longest goes when there is no room."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: everything needed to show the answer again, the photo's own bytes not included."""

    key: str
    name: str
    pictures: Pictures | None
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of an answer.

    Attributes:
        verdict: whether it was right.
        label: what it is, where it was wrong and they know.
        note: in their own words.
        photo: whether the photo is to be kept with it, or is.
    """

    verdict: Literal["right", "wrong"]
    label: str | None = None
    note: str = ""
    photo: bool = False


@dataclass(slots=True)
class Said:
    """What was said of one answer, and how far that has come.

    Attributes:
        kept: what the backend has.
        wish: what was pressed and is not sent yet.
        failed: what could not be kept.
        undo: whether Undo was pressed and is not sent yet.
        gone: whether it was undone: the backend has nothing of the answer any more.
        changing: whether it is asked again though something is kept.
        form: whether the form for what it is instead is open.
        problem: why the last press did nothing.
    """

    kept: Judgement | None = None
    wish: Judgement | None = None
    failed: Judgement | None = None
    undo: bool = False
    gone: bool = False
    changing: bool = False
    form: bool = False
    problem: Message | None = None


class SessionCache:
    """The answers, pictures and history of one session."""

    def __init__(self) -> None:
        self._answers: LruCache[Prediction] = LruCache(_MOST_ANSWERS)
        self._pictures: LruCache[Pictures | Unseen] = LruCache(_MOST_PICTURES)
        self._history: OrderedDict[str, Entry] = OrderedDict()
        self._said: LruCache[Said] = LruCache(_MOST_ANSWERS)

    def said(self, prediction: str) -> Said:
        """Return what was said of an answer, by its id, to be changed in place."""
        found = self._said.get(prediction)
        if found is None:
            self._said.put(prediction, found := Said())
        return found

    def answer(self, photo: Photo, model: str = "") -> Prediction | None:
        """Return what this session was already told about this photo by this model."""
        return self._answers.get(f"{model} {photo.key}")

    def keep(self, photo: Photo, prediction: Prediction, model: str = "") -> None:
        """Remember the model's answer, and put it on top of the history; its picture comes with `illustrate`."""
        self._answers.put(f"{model} {photo.key}", prediction)
        before = self._history.get(photo.key)
        self._history[photo.key] = Entry(photo.key, photo.name, None if before is None else before.pictures, prediction)
        self._history.move_to_end(photo.key)
        while len(self._history) > MOST_HISTORY:
            self._history.popitem(last=False)

    def illustrate(self, photo: Photo) -> None:
        """Put the photo's picture into the history. Nobody waits for it: the answer is on the page before."""
        entry = self._history.get(photo.key)
        if entry is not None and entry.pictures is None and isinstance(shown := self.pictures(photo), Pictures):
            self._history[photo.key] = replace(entry, pictures=shown)

    def pictures_of(self, key: str) -> Pictures | None:
        """Return the picture of an answer in the history."""
        entry = self._history.get(key)
        return None if entry is None else entry.pictures

    def pictures(self, photo: Photo) -> Pictures | Unseen:
        """Return the photo as it can be shown, decoded once, or why it cannot."""
        known = self._pictures.get(photo.key)
        if known is None:
            known = pictures(photo.data)
            if isinstance(known, Pictures):
                known = replace(known, booking=account().book(len(known.preview) + len(known.thumbnail)))
            if isinstance(known, Pictures) or known.lasting:
                self._pictures.put(photo.key, known)
        return known

    def history(self) -> list[Entry]:
        """Return the answers of this session, newest first."""
        return list(reversed(self._history.values()))

    def entry(self, key: str) -> Entry | None:
        """Return one answer of the history."""
        return self._history.get(key)

    def forget_history(self) -> None:
        """Forget every answer, and the pictures with them."""
        self.__init__()  # type: ignore[misc]


def session_cache() -> SessionCache:
    """Return this session's own."""
    if "session_cache" not in st.session_state:
        st.session_state["session_cache"] = SessionCache()
    kept: SessionCache = st.session_state["session_cache"]
    return kept
