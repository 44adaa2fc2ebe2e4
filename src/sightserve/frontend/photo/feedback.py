"""The Photo page's question below an answer: was it right? Drawn where the backend keeps what people say of its answers."""

import html
from collections.abc import Sequence
from typing import Final

import streamlit as st

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import FeedbackInfo, Prediction
from sightserve.client import ApiError, ClientError
from sightserve.frontend.photo import chooser
from sightserve.frontend.photo.chooser import Item
from sightserve.frontend.photo.session_cache import Judgement, Said, session_cache
from sightserve.frontend.shared import backend, kinds, words
from sightserve.frontend.shared.words import Message

_LONGEST_LABEL: Final = 200  # characters, as api.schema.Feedback has it
_LONGEST_NOTE: Final = 200
_OF_THE_PHOTO: Final = {
    ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.TOO_MANY_PIXELS, ErrorCode.UNSUPPORTED_IMAGE_TYPE, ErrorCode.UNREADABLE_IMAGE,
    ErrorCode.PHOTO_REFUSED,
}  # fmt: skip
_WITHOUT_PHOTO: Final = Message("The photo cannot be kept with it.", "Send it without the photo.")


def draw(item: Item, prediction: Prediction, headline: str) -> None:
    """Draw the question, or what was said; nothing where nothing is kept.

    Args:
        item: the photo.
        prediction: its answer.
        headline: what the page says that it is: another word than the answer's label, where that is unsure.
    """
    facts = backend.known_facts()
    kept = None if facts is None else facts.service.feedback
    if kept is not None and prediction.id is not None:
        # the photo by its key: Streamlit holds what a fragment was given for longer than anybody has the page open
        _judge(prediction.id, prediction, headline, kept, "" if item.photo is None else item.key)


def what_is_kept(kept: FeedbackInfo, photo: str) -> str:
    """Return in a line what the backend has of an answer, and for how long."""
    return (
        f"Kept for {words.counted(kept.days, 'day')}: the answer, the photo's size and checksum; {photo}, no address."
    )


@st.fragment
def _judge(answer: str, prediction: Prediction, headline: str, kept: FeedbackInfo, key: str) -> None:
    """Draw all of it; whatever is pressed in it draws this part of the page anew, and no other."""
    said, may_keep_photo = session_cache().said(answer), bool(key) and kept.photos
    with st.container(key="feedback", gap="small"):
        _carry_out(answer, said, key)
        if said.gone:
            _say(
                f"Undone: nothing of this answer is kept any more.{' Classify it again to judge it anew.' if key else ''}"
            )
            return
        if said.kept is not None and not said.changing:
            _thank(said, said.kept, may_keep_photo=may_keep_photo)
        else:
            _ask(said, prediction, headline)
            if said.form:
                _form(answer, said, prediction, may_keep_photo=may_keep_photo)
        if not said.form:
            _tell(said)
        photo = "the photo only if you say so" if may_keep_photo and said.kept is None else "not the photo"
        if said.kept is not None and said.kept.photo:
            photo = "the photo, small and without what the camera wrote into it"
        st.caption(what_is_kept(kept, photo))


def _ask(said: Said, prediction: Prediction, headline: str) -> None:
    """Draw the question with its buttons."""
    # "Nothing that it knows" is no label: that it is right would count for the label that came nearest
    named = headline == prediction.prediction
    failed = said.failed is not None and said.failed.verdict == "right"
    with st.container(key="feedback-ask", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            "Was this right?" if named else f"Was “{words.plain(prediction.prediction)}” right?", width="content"
        )
        st.button("Try again" if failed else "Right", icon=":material/thumb_up:", key="feedback-right",
                  on_click=_pressed_right, args=(said,))  # fmt: skip
        st.button("Wrong", icon=":material/thumb_down:", key="feedback-wrong", on_click=_pressed_wrong, args=(said,))
        if said.kept is not None:
            st.button("Leave it as it was", key="feedback-leave", type="tertiary", on_click=_leave, args=(said,))


def _form(answer: str, said: Said, prediction: Prediction, *, may_keep_photo: bool) -> None:
    """Draw what to say where it was wrong."""
    before = said.failed or said.kept
    options = _options(prediction)
    if before is not None and before.label is not None and before.label not in options:
        options = [before.label, *options]
    with st.form(f"feedback-form-{answer}", border=True):
        st.selectbox(
            "What is it?", options, index=None if before is None or before.label is None else options.index(before.label),
            placeholder="Choose a label, or type a new one", accept_new_options=True, filter_mode="contains",
            key=_key("label", answer),
        )  # fmt: skip
        st.text_input("Note (optional)", "" if before is None else before.note, _LONGEST_NOTE, key=_key("note", answer))
        if said.kept is not None and said.kept.photo:
            st.caption("The photo is kept with it already.")
        elif may_keep_photo:
            st.checkbox("Keep this photo with it, so that the classifier can learn from it", key=_key("photo", answer))
        _tell(said)
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button("Send", type="primary", key="feedback-send", on_click=_pressed_send,
                                  args=(answer, said, prediction, options))  # fmt: skip
            st.form_submit_button("I do not know", type="tertiary", key="feedback-unknown", on_click=_wish,
                                  args=(answer, said, None))  # fmt: skip


def _thank(said: Said, kept: Judgement, *, may_keep_photo: bool) -> None:
    """Draw what is kept, and the ways back."""
    what = "right" if kept.verdict == "right" else "wrong" if kept.label is None else f"“{kept.label}”"
    with st.container(key="feedback-kept", horizontal=True, vertical_alignment="center", gap="small"):
        _say(f"Thank you: kept as {what}{', with the photo' if kept.photo else ''}.")
        with st.container(horizontal=True, gap="small", width="content"):
            if kept.verdict == "right" and may_keep_photo and not kept.photo:
                # who learns from mistakes alone learns that everything is another thing than it looks
                st.button("Keep the photo too", key="feedback-photo", on_click=_pressed_photo, args=(said,),
                          help="So that the classifier can learn from it.")  # fmt: skip
            st.button("Change", key="feedback-change", on_click=_change, args=(said,))
            st.button("Undo", key="feedback-undo", on_click=_pressed_undo, args=(said,),
                      help="Deletes this answer, what you said of it, and its photo.")  # fmt: skip


def _tell(said: Said) -> None:
    """Draw why the last press did nothing."""
    if said.problem is not None:
        st.error(f"**{said.problem.what}** {said.problem.do}", icon=":material/error:")


def _say(text: str) -> None:
    """Draw a sentence that is read out too, by the browser half."""
    escaped = html.escape(text, quote=True)
    st.html(f'<p class="sightserve-kept" data-say="{escaped}">{escaped}</p>', width="content")


def _options(prediction: Prediction) -> list[str]:
    """Return the labels that it may be instead, the most probable ones first."""
    facts = backend.known_facts()
    model = facts.model.labels if facts is not None and backend.is_of(prediction, facts) else []
    found = dict.fromkeys([*(entry.label for entry in prediction.top_k), *model])
    if not kinds.is_independent(prediction):
        found.pop(prediction.prediction, None)
    return list(found)


def cleaned(label: str | None, options: Sequence[str]) -> str | None:
    """Return a label as it is kept: one line; where the model knows it, as the model spells it. None where it is empty."""
    text = "".join(letter if letter.isprintable() else " " for letter in label or "")
    text = " ".join(text.split())
    return next((option for option in options if option.casefold() == text.casefold()), text or None)


def _pressed_right(said: Said) -> None:
    said.wish, said.form, said.problem = Judgement("right"), False, None


def _pressed_photo(said: Said) -> None:
    said.wish, said.problem = Judgement("right", photo=True), None


def _pressed_wrong(said: Said) -> None:
    said.form, said.failed, said.problem = not said.form, None, None


def _pressed_send(answer: str, said: Said, prediction: Prediction, options: Sequence[str]) -> None:
    label = cleaned(st.session_state.get(_key("label", answer)), [*options, prediction.prediction])
    if label is None:
        said.problem = Message("No label is chosen.", "Choose one from the list, or type a new one and press Enter.")
    elif len(label) > _LONGEST_LABEL:
        said.problem = Message("This label is too long.", f"{_LONGEST_LABEL} characters are the most.")
    elif label == prediction.prediction and label not in options:
        said.problem = Message("That is what the answer says.", "Press Right if it is so, or choose another label.")
    else:
        _wish(answer, said, label)


def _wish(answer: str, said: Said, label: str | None) -> None:
    state = st.session_state
    note = (state.get(_key("note", answer)) or "").replace("\0", "").strip()
    said.wish = Judgement("wrong", label, note, bool(state.get(_key("photo", answer))))
    said.problem = None


def _change(said: Said) -> None:
    said.changing, said.problem = True, None
    said.form = said.kept is not None and said.kept.verdict == "wrong"


def _leave(said: Said) -> None:
    said.changing, said.form, said.failed, said.problem = False, False, None, None


def _pressed_undo(said: Said) -> None:
    said.undo, said.problem = True, None


def _carry_out(answer: str, said: Said, key: str) -> None:
    """Send what was pressed; what cannot be sent is not lost, and it is said why."""
    try:
        if said.undo:
            with st.spinner("Undoing ..."):
                _undo(answer, said)
        elif said.wish is not None:
            with st.spinner("Sending ..."):
                _send(answer, said, said.wish, key)
    except ClientError as error:
        said.problem = _explain(error, said.wish)
        said.failed, said.wish, said.undo = said.wish, None, False


def _undo(answer: str, said: Said) -> None:
    place = backend.whereabouts()
    try:
        backend.client(place.url, place.identified).forget(answer)
    except ApiError as error:
        if error.code != ErrorCode.UNKNOWN_PREDICTION:  # then it is as it should be
            raise
    said.undo, said.gone = False, True


def _send(answer: str, said: Said, wish: Judgement, key: str) -> None:
    place = backend.whereabouts()
    saved = backend.client(place.url, place.identified).feedback(
        answer,
        right=wish.verdict == "right",
        label=wish.label,
        note=wish.note,
        photo=_photo(key) if wish.photo else None,
    )
    # a photo that was given before stays until all of it is undone
    with_photo = saved.photo or (said.kept is not None and said.kept.photo)
    said.kept = Judgement(wish.verdict, wish.label, wish.note, with_photo)
    said.wish, said.failed, said.changing, said.form = None, None, False, False


def _photo(key: str) -> bytes | None:
    """Return the very bytes that were classified; None where they are no longer here."""
    return next(
        (item.photo.data for item in chooser.chosen().items if item.photo is not None and item.key == key), None
    )


def _explain(error: ClientError, wish: Judgement | None) -> Message:
    if wish is not None and wish.photo and isinstance(error, ApiError) and error.code in _OF_THE_PHOTO:
        return _WITHOUT_PHOTO
    said = words.explain(error)
    return words.NOT_KEPT if said is words.INTERNAL else said


def _key(what: str, answer: str) -> str:
    return f"feedback-{what}-{answer}"
