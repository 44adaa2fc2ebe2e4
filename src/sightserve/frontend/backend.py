"""The web app's way to the backend: one client for all sessions, and its answers kept by content."""

import hashlib

import streamlit as st

from sightserve.api.schema import Prediction
from sightserve.client import Client
from sightserve.client.discovery import backend_url

_RESULTS = "predictions"
_MOST_RESULTS = 100  # per session: a few kilobytes each


@st.cache_resource(show_spinner=False)
def client(url: str) -> Client:
    """Return the client that all sessions share: its connections stay open from one photo to the next."""
    return Client(url)


def classify(photo: bytes, filename: str, *, top_k: int) -> Prediction:
    """Return the backend's prediction and remember it: a rerun of the script never sends a photo twice.

    Raises:
        ClientError: the backend refused it, or is away.
    """
    prediction = client(backend_url()).predict(photo, filename=filename, top_k=top_k)
    results = st.session_state.setdefault(_RESULTS, {})
    while len(results) >= _MOST_RESULTS:
        del results[next(iter(results))]
    results[_key(photo, top_k)] = prediction
    return prediction


def known(photo: bytes, *, top_k: int) -> Prediction | None:
    """Return what this session was already told about this photo."""
    found: Prediction | None = st.session_state.get(_RESULTS, {}).get(_key(photo, top_k))
    return found


def _key(photo: bytes, top_k: int) -> tuple[str, int]:
    return hashlib.sha256(photo).hexdigest(), top_k
