"""The About page: which classifier answers, whether it is ready, what it knows, how it is doing right now."""

import html
import platform
from typing import Final

import streamlit as st

import sightserve
from sightserve.api.schema import ModelInfo, ServiceInfo
from sightserve.client import ClientError
from sightserve.frontend.about import live
from sightserve.frontend.shared import backend, head, words
from sightserve.frontend.shared.backend import Whereabouts
from sightserve.frontend.shared.settings import settings

_MOST_FOUND: Final = 60
_HEXDIGITS: Final = 12


def page() -> None:
    """Draw the page."""
    head.draw("About this classifier")
    place = backend.whereabouts()
    _status(place)
    try:
        facts = backend.facts(place.url, place.identified)
    except ClientError as error:
        problem = words.explain(error)
        st.error(f"**{problem.what}** {problem.do}", icon=":material/cloud_off:")
        st.markdown(f"If you run this app yourself: {words.advice(error)}")
        _versions(None)
        return
    _knows(facts.model)
    left, right = st.columns(2, gap="large")
    with left:
        _model(facts.model)
    with right:
        _limits(facts.service)
        _versions(facts.service)
    live.draw()


def _status(place: Whereabouts) -> None:
    ready = backend.is_ready()
    with st.container(horizontal=True, vertical_alignment="center"):
        if ready:
            st.badge("Ready", icon=":material/check_circle:", color="green")
        else:
            st.badge("Not ready", icon=":material/hourglass_top:", color="orange")
        if place.public_url:  # what a browser cannot reach is no use to people, and names what is inside
            st.markdown(f"`{place.public_url}`", width="content")
        st.caption(words.plain(place.how), width="content")
    if place.identified:
        st.caption("The classifier is not open to all: this app tells it who asks, with an ID token from Google.")
    if not place.public_url:
        st.caption(words.ALONE)
        return
    if place.private:
        return  # a browser that followed a link there would see nothing but a refusal
    with st.container(horizontal=True):
        for label, path in (("API documentation", "/docs"), ("OpenAPI", "/openapi.json"), ("Metrics", "/metrics")):
            st.link_button(label, place.public_url + path, icon=":material/open_in_new:")


def _knows(model: ModelInfo) -> None:
    """Let people look for a label: the model knows nothing else."""
    st.header("What does it know?", anchor=False)
    wanted = st.text_input(
        f"Look through its {model.classes:,} labels", placeholder="cat", icon=":material/search:", key="knows"
    )
    if not wanted.strip():
        return
    found = [label for label in model.labels if wanted.strip().casefold() in label.casefold()]
    if not found:
        st.markdown(
            f"No label has “{words.plain(wanted.strip())}” in it. A photo of that gets the label that comes nearest."
        )
        return
    more = f" and {len(found) - _MOST_FOUND} more" if len(found) > _MOST_FOUND else ""
    st.markdown(f"**{words.counted(len(found), 'label')}:** {words.plain(', '.join(found[:_MOST_FOUND]))}{more}")


def _model(model: ModelInfo) -> None:
    st.header("Model", anchor=False)
    rows = {
        "Name": f"{model.name} {model.version}",
        "What it is": model.description,
        "Labels": f"{model.classes:,}",
        "Looks at": _looks(model),
        "Size": words.size(model.size_bytes),
        "Licence": model.license,
        "Source": model.source,
        "SHA-256": f"{model.sha256[:_HEXDIGITS]}…",
    }
    for name, value in (model.accuracy or {}).items():
        if value is not None:
            rows[_readable(name)] = f"{value:.1%}" if isinstance(value, float) and 0 <= value <= 1 else str(value)
    _table(rows)


def _looks(model: ModelInfo) -> str:
    looks = model.looks()
    size = f"{model.input_width} × {model.input_height} pixels"  # noqa: RUF001
    match looks["fit"]:
        case "whole":
            return f"the whole photo in its own shape, the shorter side as {looks['shorter_side']} pixels"
        case "squash":
            return f"the whole photo, made {size}"
        case "pad":
            return f"the whole photo, fitted into {size}"
    return f"the middle of the photo, as {size}"


def _limits(service: ServiceInfo) -> None:
    st.header("Limits", anchor=False)
    limits, here = service.limits, settings()
    kinds = ", ".join(kind.removeprefix("image/").upper() for kind in limits.image_types)
    most = min(limits.max_upload_bytes, here.max_upload_bytes)
    _table(
        {
            "One photo": f"{most // 2**20} MB and {limits.max_pixels / 1e6:.0f} megapixels",
            "One batch": f"{here.max_photos:,} photos, {here.session_upload_mb} MB",
            "Kinds": kinds,
        }
    )


def _versions(service: ServiceInfo | None) -> None:
    st.header("Versions", anchor=False)
    rows = {} if service is None else {"Classifier": f"{service.name} {service.version}"}
    rows |= {
        "This app": f"sightserve {sightserve.__version__}",
        "Built on": f"Streamlit {st.__version__}, Python {platform.python_version()}",
    }
    _table(rows)


def _table(rows: dict[str, str]) -> None:
    lines = (f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows.items())
    st.html(f'<dl class="sightserve-facts">{"".join(lines)}</dl>')


def _readable(name: str) -> str:
    return name.replace("_", " ").replace("top1", "top-1").replace("top5", "top-5").capitalize()
