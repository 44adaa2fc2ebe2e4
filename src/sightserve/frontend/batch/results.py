"""The Batch page's results: what came last, the table of all, the labels as a chart, errors beside them, downloads."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from sightserve.frontend.batch import tables
from sightserve.frontend.batch.job import Outcome
from sightserve.frontend.shared import bars, words
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.tables import to_csv, to_parquet

_LATEST: Final = 6
_ROW: Final = 56  # pixels
_ALL, _SURE, _UNSURE = "All", "Sure", "Not sure"


def latest(outcomes: Sequence[Outcome], chosen: Choices) -> None:
    """Draw the photos that were answered last, and the labels so far."""
    answered = [outcome for outcome in outcomes if outcome.prediction is not None]
    with st.container(key="latest", horizontal=True, gap="small"):
        for outcome in reversed(answered[-_LATEST:]):
            with st.container(width=96, gap=None):
                if outcome.thumbnail is not None:
                    st.image(data_url(outcome.thumbnail), alt=f"The photo {outcome.name}", width="stretch")
                if outcome.prediction is not None:
                    st.caption(words.plain(outcome.prediction.prediction))
    _classes(answered, chosen)


def draw(outcomes: Sequence[Outcome], chosen: Choices) -> None:
    """Draw everything about a batch that has ended."""
    if not outcomes:
        return
    answered = [outcome for outcome in outcomes if outcome.prediction is not None]
    failed = tables.errors(outcomes)
    if answered:
        left, right = st.columns([2, 1], gap="large")
        with left:
            _table(tables.shown(answered, chosen.threshold))
        with right:
            _classes(answered, chosen)
    if len(failed):
        st.header(words.counted(len(failed), "error"), anchor=False)
        st.dataframe(failed, hide_index=True, alt="Photos without an answer, and why", key="errors")
    _downloads(outcomes, chosen)


def _table(frame: pd.DataFrame) -> None:
    st.header(words.counted(len(frame), "answer"), anchor=False)
    find, only, how = st.columns([3, 3, 2], vertical_alignment="bottom")
    text = find.text_input("Find a file or label", key="find", placeholder="cat", icon=":material/search:")
    label = only.multiselect(
        "Only these labels", sorted(frame["label"].unique()), key="label-filter", placeholder="All"
    )
    sure = how.selectbox("How sure", [_ALL, _SURE, _UNSURE], key="sure-filter")
    shown = filtered(frame, text=text, labels=label, sure=sure)
    if len(shown) < len(frame):
        st.caption(f"{len(shown):,} of {len(frame):,} shown.")
    st.dataframe(
        shown,
        hide_index=True,
        row_height=_ROW,
        height=min(560, _ROW * (len(shown) + 1)) if len(shown) else "auto",
        alt="One row for each photo: file, label, probability. Press a column's name to sort by it.",
        key="results",
        column_config={
            "photo": st.column_config.ImageColumn("Photo", width=70),
            "file": st.column_config.TextColumn("File", width=150),
            "label": st.column_config.TextColumn("Label", width=150),
            "probability": st.column_config.ProgressColumn(
                "Probability", format="%.0f%%", min_value=0, max_value=100, width=140
            ),
            "sure": st.column_config.TextColumn("How sure", width=140),
            "runner-up": st.column_config.TextColumn("Or else"),
        },
    )


def filtered(frame: pd.DataFrame, *, text: str, labels: Sequence[str], sure: str) -> pd.DataFrame:
    """Return the rows whose file or label has this text, whose label is one of these, and that are this sure."""
    wanted = pd.Series(True, index=frame.index)
    if text.strip():
        needle = text.strip().casefold()
        for_each = [needle in f"{row.file} {row.label}".casefold() for row in frame.itertuples()]
        wanted &= pd.Series(for_each, index=frame.index, dtype=bool)
    if labels:
        wanted &= frame["label"].isin(labels)
    if sure != _ALL:
        wanted &= (frame["sure"] == words.NOT_SURE) == (sure == _UNSURE)
    return frame[wanted]


def _classes(answered: Sequence[Outcome], chosen: Choices) -> None:
    if not answered:
        return
    counts = tables.counts(answered, chosen.threshold)
    st.header(words.counted(len(counts), "label"), anchor=False)
    bars.classes(counts)
    if len(counts) > bars.MOST_CLASSES:
        st.caption(f"and {words.counted(len(counts) - bars.MOST_CLASSES, 'more label', 'more labels')}")


def _downloads(outcomes: Sequence[Outcome], chosen: Choices) -> None:
    table = partial(tables.complete, outcomes, chosen.threshold)
    st.header("Take it along", anchor=False)
    with st.container(horizontal=True):
        st.download_button(
            "CSV", lambda: to_csv(table()), "answers.csv", "text/csv", on_click="ignore",
            icon=":material/download:", key="batch-csv",
        )  # fmt: skip
        st.download_button(
            "Parquet", lambda: to_parquet(table()), "answers.parquet", "application/vnd.apache.parquet",
            on_click="ignore", icon=":material/download:", key="batch-parquet",
        )  # fmt: skip
    st.caption("One row for each photo, errors included.")
