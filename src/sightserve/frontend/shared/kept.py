"""What a person set on a page, kept while another page is open: Streamlit forgets a widget in the first run without it."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

Value = TypeVar("Value")


def drawn(widget: Callable[..., Value], *arguments: object, key: str, **options: object) -> Value:
    """Draw a widget with the value that it had when it was last drawn, and return its value."""
    copy = _copy(key)
    if key not in st.session_state and copy in st.session_state:
        st.session_state[key] = st.session_state[copy]
    value = widget(*arguments, key=key, **options)
    st.session_state[copy] = value
    return value


def forget(*keys: str) -> None:
    """Have widgets begin anew."""
    for key in keys:
        st.session_state.pop(key, None)
        st.session_state.pop(_copy(key), None)


def _copy(key: str) -> str:
    return f"kept-{key}"
