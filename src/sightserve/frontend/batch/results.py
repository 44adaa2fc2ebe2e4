"""The Batch page's results: what came last, the table of all, errors, what to take along, the labels as bars."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from sightserve.frontend.batch import opened, tables
from sightserve.frontend.batch.outcomes import Outcome
from sightserve.frontend.batch.sorted_zip import SortedZip
from sightserve.frontend.shared import bars, kept, words
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.tables import answer, to_csv, to_parquet

_LATEST: Final = 6
_ROW: Final = 56  # pixels
_ALL, _SURE, _UNSURE = "All", "Sure", "Not sure"
_AS_GIVEN, _LEAST_SURE, _MOST_SURE = "As they came", "Least sure first", "Most sure first"
_SOME, _NONE = "Some apply", "None applies"
_FILTERS: Final = ("find", "label-filter", "sure-filter", "order")
_TABLE: Final = "results"
_NOTHING: Final[dict[str, dict[str, list[object]]]] = {"selection": {"rows": [], "columns": [], "cells": []}}


def latest(outcomes: Sequence[Outcome], chosen: Choices) -> None:
    """Draw the photos that were answered last, and the labels so far."""
    answered = [outcome for outcome in outcomes if outcome.prediction is not None]
    with st.container(key="latest", horizontal=True, gap="small"):
        for outcome in reversed(answered[-_LATEST:]):
            with st.container(width=96, gap=None):
                if outcome.pictures is not None:
                    st.image(data_url(outcome.pictures.thumbnail), alt=f"The photo {outcome.name}", width="stretch")
                if outcome.prediction is not None:
                    st.caption(words.plain(answer(outcome.prediction, chosen.threshold) or words.NONE))
    _classes(answered, chosen)


@st.fragment
def draw(outcomes: Sequence[Outcome], chosen: Choices, sorted_zip: SortedZip | None) -> None:
    """Draw everything about a batch that has ended. Looking at photos and filtering draw this part of the page alone."""
    if not outcomes:
        return
    answered = [outcome for outcome in outcomes if outcome.prediction is not None]
    shown: Sequence[Outcome] = outcomes
    if answered:
        rows = _table(answered, chosen)
        if len(rows) < len(answered):
            shown = sorted(rows, key=lambda outcome: outcome.index)
    _downloads(outcomes, shown, chosen, sorted_zip)
    _errors(outcomes)
    _classes(answered, chosen)


def forget() -> None:
    """Have the next batch begin without filters, and with no photo opened."""
    kept.forget(*_FILTERS)
    opened.show(None)


def _table(answered: Sequence[Outcome], chosen: Choices) -> Sequence[Outcome]:
    """Draw the filters, the table and the photo that is opened; return the table's rows."""
    frame, several = tables.shown(answered, chosen.threshold), tables.is_independent(answered)
    st.header(words.counted(len(frame), "answer"), anchor=False)
    frame = _filters(frame, several=several)
    rows = [answered[position] for position in frame.index]
    few = f"{len(frame):,} of {len(answered):,} shown. " if len(frame) < len(answered) else ""
    st.caption(f"{few}Press a row to see its photo, a column's name to sort.")
    st.dataframe(
        frame.drop(columns="labels"),
        hide_index=True,
        row_height=_ROW,
        height=min(560, _ROW * (len(frame) + 1)) if len(frame) else "auto",
        alt="One row for each photo: label, probability, file. Press a row to see its photo.",
        key=_TABLE,
        on_select=partial(_open, rows),
        selection_mode="single-cell",
        placeholder="",
        column_config={
            "photo": st.column_config.ImageColumn("Photo", width=64),
            "label": st.column_config.TextColumn("Labels" if several else "Label", width=220 if several else 150),
            "probability": st.column_config.ProgressColumn(
                "Most probable" if several else "Probability", format="%.0f%%", min_value=0, max_value=100, width=120
            ),
            "sure": st.column_config.TextColumn("How many" if several else "How sure", width=150),
            "runner-up": st.column_config.TextColumn("Next to it" if several else "Or else", width=170),
            "file": st.column_config.TextColumn("File"),
        },
    )
    opened.draw(rows, chosen, _mark_none, _ROW)
    return rows


def _open(rows: Sequence[Outcome]) -> None:
    cells = st.session_state[_TABLE]["selection"]["cells"]
    if cells and cells[0][0] < len(rows):
        opened.press(rows[cells[0][0]].index)


def _mark_none() -> None:
    """Take the mark off the cell that was pressed: it says nothing any more, and pressed again it would tell nobody."""
    if st.session_state[_TABLE]["selection"]["cells"]:
        st.session_state[_TABLE] = _NOTHING


def _filters(frame: pd.DataFrame, *, several: bool) -> pd.DataFrame:
    with st.container(key="filters"):
        find, only, how, order = st.columns([3, 3, 2, 2], vertical_alignment="bottom")
    text = kept.drawn(
        find.text_input, "Find a file or label", key="find", placeholder="e.g. cat", icon=":material/search:",
        on_change=_mark_none,
    )  # fmt: skip
    labels = kept.drawn(
        only.multiselect, "Only these labels", sorted({label for labels in frame["labels"] for label in labels}),
        key="label-filter", placeholder="All", on_change=_mark_none,
    )  # fmt: skip
    sure = kept.drawn(
        how.selectbox, "Labels" if several else "How sure", [_ALL, _SOME, _NONE] if several else [_ALL, _SURE, _UNSURE],
        key="sure-filter", on_change=_mark_none,
    )  # fmt: skip
    by = kept.drawn(
        order.selectbox, "Order", [_AS_GIVEN, _LEAST_SURE, _MOST_SURE], key="order", on_change=_mark_none
    )  # fmt: skip
    frame = filtered(frame, text=text, labels=labels, sure=sure or _ALL)
    return frame if by == _AS_GIVEN else frame.sort_values("probability", ascending=by == _LEAST_SURE, kind="stable")


def filtered(frame: pd.DataFrame, *, text: str, labels: Sequence[str], sure: str) -> pd.DataFrame:
    """Return the rows whose file or label has this text, that have one of these labels, and that are this sure."""
    wanted = pd.Series(True, index=frame.index)
    if text.strip():
        needle = text.strip().casefold()
        for_each = [needle in f"{row.file} {row.label}".casefold() for row in frame.itertuples()]
        wanted &= pd.Series(for_each, index=frame.index, dtype=bool)
    if labels:
        wanted &= pd.Series([not set(labels).isdisjoint(own) for own in frame["labels"]], index=frame.index, dtype=bool)
    if sure != _ALL:
        wanted &= frame["sure"].isin((words.NOT_SURE, words.NONE)) == (sure in {_UNSURE, _NONE})
    return frame[wanted]


def _errors(outcomes: Sequence[Outcome]) -> None:
    failed = tables.errors(outcomes)
    if failed.empty:
        return
    st.header(words.counted(len(failed), "error"), anchor=False)
    with st.container(key="errors"):
        st.dataframe(
            failed,
            hide_index=True,
            row_height=_ROW if "photo" in failed else None,
            alt="Photos without an answer, and why",
            placeholder="",
            column_config={
                "photo": st.column_config.ImageColumn("Photo", width=64),
                "file": st.column_config.TextColumn("File"),
                "what happened": st.column_config.TextColumn("What happened"),
                "what to do": st.column_config.TextColumn("What to do"),
            },
        )


def _classes(answered: Sequence[Outcome], chosen: Choices) -> None:
    if not answered:
        return
    counts, several = tables.counts(answered, chosen.threshold), tables.is_independent(answered)
    st.header(words.counted(len(counts), "label"), anchor=False)
    bars.classes(counts, without=tables.without(answered, chosen.threshold), why=tables.nothing(independent=several))
    if several:
        st.caption("A photo counts for each label that applies to it.")
    if len(counts) > bars.MOST_CLASSES:
        st.caption(f"and {words.counted(len(counts) - bars.MOST_CLASSES, 'more label', 'more labels')}")


def _downloads(
    outcomes: Sequence[Outcome], shown: Sequence[Outcome], chosen: Choices, sorted_zip: SortedZip | None
) -> None:
    """Offer what the table shows: all of it, or what the filters leave."""
    table = partial(tables.complete, shown, chosen.threshold, chosen.top_k)
    those = f"of all {len(outcomes):,}" if shown is outcomes else f"of these {len(shown):,}"
    st.header("Take it along", anchor=False)
    with st.container(horizontal=True):
        st.download_button(
            f"CSV {those}", lambda: to_csv(table()), "answers.csv", "text/csv", on_click="ignore",
            icon=":material/download:", key="batch-csv", disabled=not shown,
        )  # fmt: skip
        st.download_button(
            f"Parquet {those}", lambda: to_parquet(table()), "answers.parquet", "application/vnd.apache.parquet",
            on_click="ignore", icon=":material/download:", key="batch-parquet", disabled=not shown,
        )  # fmt: skip
        answered = [outcome for outcome in shown if outcome.prediction is not None]
        if sorted_zip is not None and answered and not sorted_zip.photos.is_gone:
            sorted_zip.fill(
                (folder, outcome.index) for outcome in answered for folder in tables.folders(outcome, chosen.threshold)
            )
            st.link_button(
                f"{words.counted(len(answered), 'photo')} sorted into folders (zip, {words.size(sorted_zip.size)})",
                sorted_zip.address,
                icon=":material/folder_zip:",
            )
    said = "One row for each photo, errors included." if shown is outcomes else "One row for each photo that is shown."
    if sorted_zip is not None and sorted_zip.photos.is_gone:
        said += " The photos themselves are not here any more, to be sorted into folders: others needed the memory."
    elif len(answered) < len(shown):
        said += " Photos without an answer are in no folder."
    if tables.is_independent(answered):
        said += " Labels that apply stand in one cell, a semicolon between them; a photo with several is in each one's folder."
    if sorted_zip is not None and not sorted_zip.photos.is_gone and not chosen.original:
        said += (
            " Large photos are in the folders as they were sent here: made smaller, unless the settings say otherwise."
        )
    st.caption(said)
