"""A photo as the pages show it: upright, of bounded size, whatever the file's format; or that there is nothing to show.

What cannot be shown is no error: the classifier may still read it.
"""

import base64
from dataclasses import dataclass
from functools import cache
from typing import Final

from streamlit.runtime.scriptrunner import get_script_run_ctx

from sightserve.frontend.shared.ledger import Booking
from sightserve.previews.pool import NoPicture, Pool, Why

_THUMBNAIL: Final = 256  # pixels, longest side: a card of a page, sharp on most screens
_SHOWN: Final = 1024
_PREVIEW_QUALITY: Final = 86
_THUMBNAIL_QUALITY: Final = 78
_EVERYBODY: Final = "everybody"  # whose the app's own pictures are


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is kept of a photo to show it: two small JPEGs, a hundred kilobytes or so together.

    Attributes:
        width: pixels, of the preview.
        height: the same.
        booking: of their bytes, for as long as there are these pictures; none for the app's own.
    """

    preview: bytes
    thumbnail: bytes
    width: int
    height: int
    booking: Booking | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A photo that cannot be shown; `lasting` is whether it would be the same another time."""

    lasting: bool


@cache
def pool() -> Pool:
    """Return what makes pictures for all sessions."""
    return Pool()


def pictures(
    photo: bytes, longest_side: int = _SHOWN, thumbnail_side: int = _THUMBNAIL, owner: str | None = None
) -> Pictures | Unseen:
    """Return the photo at two sizes, decoded once.

    Args:
        photo: a file's bytes.
        longest_side: of the preview, in pixels.
        thumbnail_side: the same of the thumbnail.
        owner: whose photo it is; sessions and batches have turns. The session whose script this is where it is None.
    """
    if owner is None:
        context = get_script_run_ctx()
        owner = _EVERYBODY if context is None else context.session_id
    try:
        made = pool().make(photo, [(longest_side, _PREVIEW_QUALITY), (thumbnail_side, _THUMBNAIL_QUALITY)], owner)
    except NoPicture as nothing:
        return Unseen(lasting=nothing.why is not Why.BUSY)
    preview, small = made.jpegs
    return Pictures(preview, small, made.width, made.height)


def data_url(jpeg: bytes) -> str:
    """Return a small picture as an address that holds it: nothing to fetch, nothing to keep on the server."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
