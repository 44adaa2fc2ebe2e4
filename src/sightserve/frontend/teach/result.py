"""What was measured of the new model, on photos that it had not seen; its mistakes can be put right where they stand."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from sightserve.frontend.shared import words
from sightserve.frontend.shared.preview import data_url
from sightserve.frontend.shared.sessions import session_id
from sightserve.frontend.teach import taking
from sightserve.frontend.teach.collection import Collection
from sightserve.frontend.teach.told import Mistake, OfClass, Told
from sightserve.frontend.teach.training import Trained

_MISTAKES: Final = 12
_MOST_IN_TABLE: Final = 12  # classes; of more, the pairs that are confused most
_PAIRS: Final = 10
_NAMED: Final = 5  # photos


def draw(trained: Trained, told: Told | None, collection: Collection, photos: Mapping[str, str]) -> None:
    """Draw what was measured.

    Args:
        trained: the model.
        told: its report, where it can be read.
        collection: where its photos are.
        photos: their ids, by the names that the report has.
    """
    if told is None:
        st.info("What was measured is told in a way that this page does not know: see the report below.")
    else:
        st.header(told.headline(), anchor=False)
        _advice(told)
        classes, confusion = st.columns(2, gap="large")
        with classes:
            st.subheader("Each class", anchor=False)
            _classes(told.classes)
        with confusion:
            st.subheader("What is taken for what", anchor=False)
            _confusion(told)
        _mistakes(told.mistakes, collection, photos)
        _beside(told)
    _downloads(trained)


def _advice(told: Told) -> None:
    if told.chance is not None:
        st.caption(
            f"Each photo was asked about when nothing had been learned from it. Always naming the largest class would be"
            f" right on {told.chance:.0%}."
        )
    for advice in told.advice:
        st.info(words.plain(advice.words), icon=":material/notes:")
    if outlook := told.outlook():
        st.markdown(words.plain(outlook))


def _classes(classes: Sequence[OfClass]) -> None:
    rows = "".join(
        f'<tr><th scope="row" dir="auto">{html.escape(each.label)}{_wants(each)}</th><td>{each.photos:,}</td>'
        f"<td>{each.recall.value:.0%} <small>{100 * each.recall.low:.0f} to {100 * each.recall.high:.0f} %</small></td>"
        f"<td>{'' if each.precision is None else f'{each.precision.value:.0%}'}</td></tr>"
        for each in classes
    )
    st.html(
        '<div class="sightserve-table"><table><thead><tr><th scope="col">Class</th><th scope="col">Photos</th>'
        '<th scope="col">Of these, found</th><th scope="col">Right when it says so</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _wants(each: OfClass) -> str:
    return " <small>wants more photos</small>" if each.wants_more else ""


def _confusion(told: Told) -> None:
    if len(told.labels) > _MOST_IN_TABLE:
        _pairs(told)
        return
    head = "".join(f'<th scope="col" dir="auto" class="name">{html.escape(label)}</th>' for label in told.labels)
    rows = "".join(
        f'<tr><th scope="row" dir="auto">{html.escape(label)}</th>{_cells(row, at)}</tr>'
        for at, (label, row) in enumerate(zip(told.labels, told.confusion, strict=False))
    )
    st.html(
        '<div class="sightserve-table"><table><caption>Rows are what the photos show, columns what it says</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(row: Sequence[int], own: int) -> str:
    kinds = ["own" if at == own else "wrong" if count else "none" for at, count in enumerate(row)]
    return "".join(f'<td class="{kind}">{count:,}</td>' for kind, count in zip(kinds, row, strict=True))


def _pairs(told: Told) -> None:
    found = [
        (count, label, other)
        for at, (label, row) in enumerate(zip(told.labels, told.confusion, strict=False))
        for other_at, (other, count) in enumerate(zip(told.labels, row, strict=False))
        if count and at != other_at
    ]
    for count, label, other in sorted(found, reverse=True)[:_PAIRS]:
        st.markdown(f"- **{words.plain(label)}** taken for **{words.plain(other)}**: {count:,}")
    if not found:
        st.markdown("Nothing.")


def _mistakes(mistakes: Sequence[Mistake], collection: Collection, photos: Mapping[str, str]) -> None:
    """Draw the surest mistakes whose photos are still where they were when it learned."""
    open_ = []
    for mistake in mistakes:
        photo = collection.photo(photos.get(mistake.name, ""))
        group = collection.class_of(photo.id) if photo is not None else None
        if photo is not None and group is not None and group.name == mistake.label:
            open_.append((mistake, photo))
    if not open_:
        return
    st.subheader("Its surest mistakes", anchor=False)
    st.markdown("Often it is the photo that lies in the wrong class. Put those right, and train again.")
    owner = session_id()
    with st.container(key="mistakes"):
        for mistake, photo in open_[:_MISTAKES]:
            with st.container(key=f"mistake-{photo.id}", gap="xsmall"):
                jpeg = collection.picture(photo, owner, large=True)
                if jpeg is not None:
                    src, alt = data_url(jpeg), html.escape(photo.name, quote=True)
                    st.html(f'<img src="{src}" alt="The photo {alt}">')
                st.markdown(
                    f"You say **{words.plain(mistake.label)}**, it says **{words.plain(mistake.predicted)}**"
                    f" ({words.percent(mistake.probability)})"
                )
                with st.container(horizontal=True, gap="xsmall"):
                    st.button(
                        f"Move to {words.plain(mistake.predicted)}", key=f"move-{photo.id}",
                        on_click=collection.move, args=(photo.id, mistake.predicted),
                    )  # fmt: skip
                    st.button(
                        "Remove",
                        key=f"remove-{photo.id}",
                        type="tertiary",
                        on_click=collection.remove,
                        args=(photo.id,),
                    )
    if len(open_) > _MISTAKES:
        st.caption(f"{len(open_) - _MISTAKES:,} more are in the report.")


def _beside(told: Told) -> None:
    """Say what else a person should know."""
    for twins in told.twins[:_NAMED]:
        named = words.plain(", ".join(twins.names[:_NAMED]))
        st.warning(
            f"**Alike, but in {words.plain(' and '.join(dict.fromkeys(twins.labels)))}:** {named}",
            icon=":material/content_copy:",
        )
    if told.left_out:
        with st.expander(f"{words.counted(len(told.left_out), 'photo was', 'photos were')} left out"):
            for unread in told.left_out[:100]:
                st.markdown(f"- **{words.plain(unread.name)}**: {words.plain(unread.why)}")
    for note in told.notes:
        st.caption(words.plain(note))


def _downloads(trained: Trained) -> None:
    report = trained.directory / taking.REPORT
    with st.container(horizontal=True):
        if _is_file(report):
            st.download_button(
                "Report (HTML)", report.read_bytes, f"{trained.name}-report.html", "text/html",
                icon=":material/download:", on_click="ignore", key="take-report",
                help="All of it in one file, with small pictures of the mistakes.",
            )  # fmt: skip
        st.download_button(
            "Model (zip)", lambda: taking.bundle(trained.directory), f"{trained.name}.zip", "application/zip",
            icon=":material/download:", on_click="ignore", key="take-model",
            help="An ordinary bundle: unpack it anywhere, and start with --model and its folder.",
        )  # fmt: skip


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
