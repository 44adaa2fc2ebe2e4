"""The Photo page's answers: one in full, several as a gallery, and the details on demand."""

from collections.abc import Mapping, Sequence

import streamlit as st

from sightserve.api.schema import Prediction
from sightserve.frontend.photo import snippets
from sightserve.frontend.photo.chooser import Item
from sightserve.frontend.shared import backend, bars, tables, words
from sightserve.frontend.shared.backend import Whereabouts
from sightserve.frontend.shared.preview import Pictures
from sightserve.frontend.shared.sidebar import Choices
from sightserve.frontend.shared.words import Message


def one(item: Item, prediction: Prediction, choices: Choices) -> None:
    """Draw one answer in full."""
    top = snippets.trimmed(prediction, choices.top_k).top_k
    verdict(prediction, choices)
    bars.ranking(top)
    timing, image = prediction.timing_ms, prediction.image
    spent = timing.queue + timing.decode + timing.inference
    st.caption(
        f"Answered in {spent:.0f} ms by {words.plain(prediction.model.name)}, from {image.width} × {image.height} pixels."  # noqa: RUF001
    )
    details([(item.name, prediction)], choices)


def verdict(prediction: Prediction, choices: Choices) -> None:
    """Draw the label and how sure the model is, in words and numbers."""
    if prediction.model.outputs == "independent":
        _each_for_itself(prediction, choices)
        return
    sure = words.confidence(prediction.probability, choices.threshold)
    number = words.percent(prediction.probability)
    if sure == words.NOT_SURE:
        st.header(f"Perhaps {words.plain(prediction.prediction)}", anchor=False)
        st.badge(f"{sure} · {number}", icon=":material/help:", color="gray")
        st.caption(
            "No label fits well. It may be something that the model does not know: try a closer or brighter photo."
        )
    else:
        st.header(words.plain(prediction.prediction), anchor=False)
        st.badge(
            f"{sure} · {number}",
            icon=":material/check_circle:",
            color="green" if prediction.probability >= words.FAIRLY_SURE else "blue",
        )


def _each_for_itself(prediction: Prediction, choices: Choices) -> None:
    """Draw the labels that apply: of a model whose labels do not exclude each other, several may, or none."""
    found = [entry for entry in prediction.top_k if entry.probability >= choices.threshold]
    if not found:
        st.header("None of its labels", anchor=False)
        st.badge(f"{words.NOT_SURE} · {words.percent(prediction.probability)}", icon=":material/help:", color="gray")
        st.caption(f"The nearest is {words.plain(prediction.prediction)}, and it does not fit well.")
        return
    st.header(words.plain(", ".join(entry.label for entry in found)), anchor=False)
    st.badge(
        " · ".join(words.percent(entry.probability) for entry in found), icon=":material/check_circle:", color="green"
    )
    st.caption("Each label stands by itself: several may apply, and their probabilities do not add up to 100 %.")


def gallery(items: Sequence[Item], choices: Choices, problems: Mapping[str, Message]) -> None:
    """Draw several answers as cards; a photo that has none says why."""
    answered = [(item.name, item.prediction) for item in items if item.prediction is not None]
    if answered:
        st.header(f"{words.counted(len(answered), 'answer')}", anchor=False)
    with st.grid("auto", min_column_width=180, key="gallery"):
        for item in items:
            with st.container(border=True, gap="xsmall"):
                if isinstance(item.pictures, Pictures):
                    st.image(item.pictures.preview, alt=item.alt, width="stretch")
                _card(item, choices, problems.get(item.key))
    if answered:
        details(answered, choices)


def _card(item: Item, choices: Choices, problem: Message | None) -> None:
    if item.prediction is not None:
        prediction = item.prediction
        sure = words.confidence(prediction.probability, choices.threshold)
        st.markdown(f"**{words.plain(prediction.prediction)}**  \n{sure} · {words.percent(prediction.probability)}")
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
        _code(text, place, names, choices.top_k)
        table = tables.of_predictions(
            [(name, snippets.trimmed(prediction, choices.top_k)) for name, prediction in answered], choices.threshold
        )
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
