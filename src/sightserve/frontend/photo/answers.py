"""The Photo page's answers: one in full, several as a gallery, and the details on demand."""

import html
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import streamlit as st

from sightserve.api.schema import Prediction
from sightserve.frontend.photo import snippets
from sightserve.frontend.photo.chooser import Item, open_one
from sightserve.frontend.photo.session_cache import session_cache
from sightserve.frontend.shared import backend, bars, kinds, tables, words
from sightserve.frontend.shared.backend import Whereabouts
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.kinds import Tone, Verdict, verdict
from sightserve.frontend.shared.preview import Pictures
from sightserve.frontend.shared.words import Message

_LONGEST_HEADLINE: Final = 60
_WIDEST_BADGE: Final = 24
_LOOKS: Final[dict[Tone, tuple[str, Literal["green", "blue", "gray"]]]] = {
    "sure": (":material/check_circle:", "green"),
    "leaning": (":material/check_circle:", "blue"),
    "unsure": (":material/help:", "gray"),
}


def one(item: Item, prediction: Prediction, choices: Choices) -> None:
    """Draw one answer in full."""
    _draw(_verdict(prediction, choices))
    answer = len(kinds.applying(prediction, choices.threshold)) if kinds.is_independent(prediction) else 1
    bars.ranking(snippets.trimmed(prediction, choices.top_k).top_k, answer)


def said(items: Sequence[Item], choices: Choices, waited: tuple[float, int] | None) -> None:
    """Draw how long it took and from what, and leave the words for who does not see them: the browser half reads those.

    Args:
        items: the photos.
        choices: the settings.
        waited: for how many seconds this app did, in place of which the browser puts the person's own wait; and which wait
            that was of this session.
    """
    answered = [(item, item.prediction) for item in items if item.prediction is not None]
    say = ". ".join(f"{item.name}: {_verdict(prediction, choices).spoken}" for item, prediction in answered)
    number, line = (0, "") if waited is None else (waited[1], _took(*answered[0], waited[0]))
    told = {"number": number, "say": say, "label": "\n".join(prediction.prediction for _, prediction in answered)}
    attributes = " ".join(f'data-{name}="{html.escape(str(value), quote=True)}"' for name, value in told.items())
    st.html(f'<p class="sightserve-answered" {attributes}>{line}</p>')


def headline(prediction: Prediction, choices: Choices) -> str:
    """Return an answer in a few words."""
    return _verdict(prediction, choices).headline


def _took(item: Item, prediction: Prediction, waited: float) -> str:
    timing, image = prediction.timing_ms, prediction.image
    spent = timing.queue + timing.decode + timing.inference
    width, height = _size(item) or (image.width, image.height)
    return (
        f'Answered in <span class="sightserve-waited">{waited:.2f} s</span>, {spent:.0f} ms of it by the classifier'
        f" ({html.escape(prediction.model.name)}), from {width} × {height} pixels."  # noqa: RUF001
    )


def _size(item: Item) -> tuple[int, int] | None:
    """Return the size of the photo itself where its browser told: it may have been made smaller to be sent."""
    return (item.photo.width, item.photo.height) if item.photo is not None and item.photo.width else None


def _verdict(prediction: Prediction, choices: Choices) -> Verdict:
    return verdict(prediction, backend.kinds_of(prediction), choices.threshold)


def _draw(said: Verdict) -> None:
    """Draw the answer, how sure the model is in words and numbers, and what else people should know."""
    # a whole line of a catalogue is no headline: beside the photo it would fill the screen
    draw = st.header if len(said.headline) <= _LONGEST_HEADLINE else st.subheader
    draw(words.plain(said.headline), anchor=False)
    icon, colour = _LOOKS[said.tone]
    st.badge(said.badge, icon=icon, color=colour)
    if said.note:
        st.caption(words.plain(said.note))


def gallery(items: Sequence[Item], choices: Choices, problems: Mapping[str, Message]) -> None:
    """Draw several answers as cards; a photo that has none says why."""
    answered = [(item.name, item.prediction) for item in items if item.prediction is not None]
    if answered:
        st.header(f"{words.counted(len(answered), 'answer')}", anchor=False)
    with st.grid("auto", min_column_width=180, key="gallery"):
        for item in items:
            with st.container(border=True, gap="xsmall", key=f"card-open-{item.key[:12]}"):
                seen = None if item.photo is None else session_cache().pictures(item.photo)
                if isinstance(seen, Pictures):
                    st.image(seen.preview, alt=item.alt, width="stretch")
                _card(item, choices, problems.get(item.key))
    said(items, choices, waited=None)
    if answered:
        details(answered, choices)


def _card(item: Item, choices: Choices, problem: Message | None) -> None:
    if item.prediction is not None:
        said = _verdict(item.prediction, choices)
        icon, colour = _LOOKS[said.tone]
        st.button(
            words.plain(said.headline), key=f"open-{item.key[:12]}", on_click=open_one, args=(item.key,),
            type="tertiary", help="Open it",
        )  # fmt: skip
        # of several labels there are more numbers than a card is wide
        st.badge(said.badge if len(said.badge) <= _WIDEST_BADGE else said.sure_words, icon=icon, color=colour)
    elif problem is not None:
        st.error(str(problem), icon=":material/error:")
    st.caption(words.plain(item.name))


@st.fragment
def details(answered: Sequence[tuple[str, Prediction]], choices: Choices) -> None:
    """Draw what people take along: JSON, the same request as curl and Python, and downloads."""
    with st.expander(
        "Details: JSON, code, downloads", icon=":material/code:", key="details", on_change="rerun"
    ) as opened:
        if not opened.open:  # a code highlighter is 1.5 megabytes
            return
        names = [name for name, _ in answered]
        predictions = [prediction for _, prediction in answered]
        place = backend.whereabouts()
        text = snippets.as_json(predictions, choices.top_k)
        # as many as the model has: of a larger number the backend makes an error
        _code(text, place, names, min(choices.top_k, len(predictions[0].top_k)))
        table = tables.of_predictions(answered, choices.threshold, choices.top_k)
        with st.container(horizontal=True):
            st.download_button("JSON", text, "answers.json", "application/json", on_click="ignore",
                               icon=":material/download:", key="download-json")  # fmt: skip
            st.download_button("CSV", tables.to_csv(table), "answers.csv", "text/csv", on_click="ignore",
                               icon=":material/download:", key="download-csv")  # fmt: skip


def _code(text: str, place: Whereabouts, names: Sequence[str], top_k: int) -> None:
    """Draw the answer as JSON, and the lines that get it without this app, where there is an address to ask."""
    url = place.public_url
    if not url:
        st.code(text, language="json")
        st.caption(words.ALONE)
        return
    as_json, as_curl, as_python = st.tabs(["JSON", "curl", "Python"])
    with as_json:
        st.code(text, language="json")
    with as_curl:
        st.caption("In the folder of the photo, from a machine that reaches the classifier:")
        st.code(
            snippets.curl(url, names, top_k, private=place.private, keyed=place.keyed), language="bash", wrap_lines=True
        )
    with as_python:
        st.code(
            snippets.python(url, names, top_k, private=place.private, keyed=place.keyed),
            language="python",
            wrap_lines=True,
        )
