"""The About page: which classifier answers, whether it is ready, what it knows, how it is doing right now."""

import html
import platform
import re
from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

import sightserve
from sightserve.api.schema import ModelInfo, ServiceInfo
from sightserve.client import ClientError
from sightserve.client.retry import ONCE
from sightserve.frontend.about import live
from sightserve.frontend.about.search import kind_named, matching
from sightserve.frontend.shared import backend, head, words
from sightserve.frontend.shared.backend import Whereabouts
from sightserve.frontend.shared.settings import settings

_MOST_FOUND: Final = 60
_HEXDIGITS: Final = 12
_NOT_SAID: Final = re.compile(
    r"^(LicenseRef-)?(unknown|NOASSERTION|NONE)$", re.IGNORECASE
)  # as SPDX and bundles write it


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
        judged = st.container(key="judged")
    with right:
        _limits(facts.service)
        _versions(facts.service)
    live.draw()
    if facts.service.feedback is not None:
        with judged:  # drawn last: a database that is away keeps nobody waiting for the page
            _judged(place)


def _status(place: Whereabouts) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="content"):
            live.readiness()
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
        f"Look through its {model.classes:,} labels", placeholder="e.g. cat", icon=":material/search:", key="knows"
    )
    if not wanted.strip():
        return
    kind, found = kind_named(model.kinds, wanted), matching(model.labels, wanted)
    if kind is not None:
        _listed(f"{len(kind.classes):,} kinds of {kind.name}", [model.labels[index] for index in kind.classes])
        found = [label for label in found if model.labels.index(label) not in set(kind.classes)]
    if found:
        _listed(words.counted(len(found), "label" if kind is None else "other label"), found)
    elif kind is None:
        st.markdown(
            f"No label has “{words.plain(wanted.strip())}” in it. A photo of that gets the label that comes nearest."
        )


def _listed(what: str, labels: Sequence[str]) -> None:
    more = f" and {len(labels) - _MOST_FOUND} more" if len(labels) > _MOST_FOUND else ""
    st.markdown(f"**{words.plain(what)}:** {words.plain(', '.join(labels[:_MOST_FOUND]))}{more}")


def _model(model: ModelInfo) -> None:
    st.header("Model", anchor=False)
    rows = {
        "Name": f"{model.name} {model.version}",
        "What it is": model.description.strip(),
        "Labels": f"{model.classes:,}",
        "A photo has": "all labels that apply, or none" if model.outputs == "independent" else "one of them",
        "Looks at": _looks(model),
        "Size": words.size(model.size_bytes),
        "Licence": _NOT_SAID.sub("not said", model.license),
        "Source": model.source.strip(),
        "SHA-256": f"{model.sha256[:_HEXDIGITS]}…",
    }
    rows |= _accuracy(model.accuracy or {})
    _table({name: value for name, value in rows.items() if value})


def _accuracy(measured: Mapping[str, float | int | str | None]) -> dict[str, str]:
    """Return what of it people understand; the API gives all of it."""
    rows = {}
    photos = measured.get("photos")
    for name, key in (("Right", "top1"), ("Right of five", "top5")):
        match measured.get(key), photos:
            case (float() | int()) as share, int():
                rows[name] = f"on {round(share * photos):,} of {words.counted(photos, 'photo')}"
            case (float() | int()) as share, _:
                rows[name] = f"on {share:.1%} of the photos"
    if rows and measured.get("data"):
        rows["Measured on"] = str(measured["data"])
    if isinstance(published := measured.get("published_top1"), float):
        rows["Published"] = f"right on {published:.1%} of {measured.get('published_by') or 'other photos'}"
    return rows


def _judged(place: Whereabouts) -> None:
    """Draw how right the model was where people said so; nothing where nobody did, or where that is not known now."""
    try:
        said = backend.client(place.url, place.identified).feedback_summary(retry=ONCE)
    except ClientError:
        return
    if not said.judged or said.low is None or said.high is None:
        return
    st.markdown(
        f"**Right on {said.right:,} of {words.counted(said.judged, 'answer')} that people judged**"
        f" ({round(100 * said.low)} to {round(100 * said.high)}%).",
        help="With 95% confidence the share of right answers is between these, if people judge right and wrong ones alike.",
    )


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
            "One batch": f"{here.max_photos:,} photos; zips of up to {here.session_upload_mb} MB",
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
