"""The Photo page: choose a photo, press Classify, see what it shows and how sure the model is."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from sightserve.api.schema import Prediction
from sightserve.client import ClientError
from sightserve.frontend import backend, charts, words
from sightserve.frontend.preview import preview

_TOP_K = 5
_TYPES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif"]


def page() -> None:
    """Draw the page."""
    st.title("What is in this photo?")
    st.caption("Choose a photo and press Classify. It is sent to the classifier and not kept.")
    uploaded = st.file_uploader("Your photo", type=_TYPES, help="Up to 30 MB.")
    if uploaded is None:
        st.info("Choose a photo to begin: an animal, a dish, a vehicle, something from around the house.", icon="📷")
        return
    left, right = st.columns(2, gap="large")
    with left:
        _show(uploaded)
        pressed = st.button("Classify", type="primary", width="stretch")
    with right:
        _answer(uploaded, pressed=pressed)


def _show(uploaded: UploadedFile) -> None:
    picture = preview(uploaded.getvalue())
    if picture is None:
        st.warning("This photo cannot be shown here. It may still be classified.")
    else:
        st.image(picture, caption=uploaded.name, width="stretch")


def _answer(uploaded: UploadedFile, *, pressed: bool) -> None:
    photo = uploaded.getvalue()
    prediction = backend.known(photo, top_k=_TOP_K)
    if prediction is None and pressed:
        try:
            with st.spinner("Looking at the photo ..."):
                prediction = backend.classify(photo, uploaded.name, top_k=_TOP_K)
        except ClientError as error:
            message = words.explain(error)
            st.error(f"**{message.what}** {message.do}")
            return
    if prediction is not None:
        _show_prediction(prediction)


def _show_prediction(prediction: Prediction) -> None:
    st.subheader(prediction.prediction, anchor=False)
    st.markdown(f"{words.confidence(prediction.probability)}: **{prediction.probability:.0%}**")
    st.altair_chart(charts.ranking(prediction.top_k), width="stretch")
    timing = prediction.timing_ms
    st.caption(
        f"{prediction.model.name} took {timing.decode + timing.inference:.0f} ms"
        f" for {prediction.image.width} x {prediction.image.height} pixels."
    )
