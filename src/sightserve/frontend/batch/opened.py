"""The photo that was opened from the Batch page's table: its picture beside its labels, and the ones before and after it."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import streamlit as st

from sightserve.frontend.batch.outcomes import Outcome
from sightserve.frontend.shared import backend, bars, kinds, words
from sightserve.frontend.shared.head import Choices
from sightserve.frontend.shared.kinds import Tone, verdict
from sightserve.frontend.shared.preview import data_url

_OPENED: Final = "opened"  # the photo's number in its batch
_PRESSES: Final = "opened-presses"  # how often a row was pressed
_LOOKS: Final[dict[Tone, tuple[str, Literal["green", "blue", "gray"]]]] = {
    "sure": (":material/check_circle:", "green"),
    "leaning": (":material/check_circle:", "blue"),
    "unsure": (":material/help:", "gray"),
}
# The opened photo lies over what is at the lower end of the screen. Where that is the row that was pressed, the page moves up
# until it is in sight again. The function runs with every run of the script, and acts once for each press.
_JS: Final = """
export default function ({ data }) {
  const page = window;
  if (page.sightservePresses === undefined) {
    document.addEventListener("pointerdown", (event) => { page.sightservePressedAt = event.clientY; }, { capture: true });
  }
  const before = page.sightservePresses;
  page.sightservePresses = data.presses;
  if (before === undefined || data.presses <= before) return;
  const show = () => {
    const opened = document.querySelector(".st-key-opened");
    if (!opened) return;
    const covered = page.sightservePressedAt + data.row - opened.getBoundingClientRect().top;
    if (covered <= 0) return;
    document.querySelector('[data-testid="stMain"]').scrollBy({ top: covered });
    page.sightservePressedAt -= covered;
  };
  [50, 150, 400, 1000].forEach((pause) => setTimeout(show, pause)); // it has its height when its picture is there
}
"""

_component = st.components.v2.component("sightserve.batch_opened", js=_JS)


def press(number: int) -> None:
    """Have the photo of the row that was pressed opened in the next run."""
    st.session_state[_PRESSES] = st.session_state.get(_PRESSES, 0) + 1
    show(number)


def show(number: int | None) -> None:
    """Have this photo opened in the next run, or none."""
    if number is None:
        st.session_state.pop(_OPENED, None)
    else:
        st.session_state[_OPENED] = number


def draw(shown: Sequence[Outcome], chosen: Choices, on_leave: Callable[[], None], row: int) -> None:
    """Draw the photo that is opened, if it is one of those shown.

    Args:
        shown: the table's rows, in its order.
        chosen: what a person set.
        on_leave: called before another photo is opened, or none: what is marked in the table is not that one any more.
        row: the height of the table's rows, in pixels.
    """
    number: int | None = st.session_state.get(_OPENED)
    position = next((at for at, outcome in enumerate(shown) if outcome.index == number), None)
    if position is not None:
        _panel(shown, position, chosen, on_leave)
    # Always there, so that it knows where a press was; last, so that what it looks for is there before it runs.
    _component(key="batch-script", data={"presses": st.session_state.get(_PRESSES, 0), "row": row // 2}, height=1)


def _panel(shown: Sequence[Outcome], position: int, chosen: Choices, on_leave: Callable[[], None]) -> None:
    def leave(to: int | None) -> None:
        on_leave()
        show(None if to is None else shown[to].index)

    outcome, last = shown[position], len(shown) - 1
    with st.container(border=True, gap="small", key="opened"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{words.plain(outcome.name)}** · {position + 1:,} of {len(shown):,}", width="stretch")
            with st.container(horizontal=True, width="content", gap="xsmall"):
                st.button(
                    "Previous", icon=":material/chevron_left:", disabled=position == 0, key="opened-previous",
                    on_click=leave, args=(position - 1,),
                )  # fmt: skip
                st.button(
                    "Next", icon=":material/chevron_right:", icon_position="right", disabled=position == last,
                    key="opened-next", on_click=leave, args=(position + 1,),
                )  # fmt: skip
                st.button("Close", icon=":material/close:", key="opened-close", on_click=leave, args=(None,))
        picture, answer = st.columns([1, 2], gap="medium")
        with picture:
            if outcome.pictures is not None:
                st.image(data_url(outcome.pictures.preview), alt=f"The photo {outcome.name}")
            else:
                st.caption("This photo cannot be shown here.")
        with answer:
            _answer(outcome, chosen)


def _answer(outcome: Outcome, chosen: Choices) -> None:
    prediction = outcome.prediction
    if prediction is None:
        return
    said = verdict(prediction, backend.kinds_of(prediction), chosen.threshold)
    icon, color = _LOOKS[said.tone]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(words.plain(said.headline), anchor=False, width="content")
        st.badge(said.badge, icon=icon, color=color)
    answer = len(kinds.applying(prediction, chosen.threshold)) if kinds.is_independent(prediction) else 1
    bars.ranking(prediction.top_k[: chosen.top_k], answer)
