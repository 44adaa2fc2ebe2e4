"""JSON that strangers send: parsed only where it cannot become much more than it is, and the photos in it."""

import base64
import binascii
from typing import Any, Final

from pydantic_core import from_json

from sightserve.backend.errors import MalformedRequest

# Each value begins after one of these, and none of them occurs in base64: a photo counts as one value.
_STARTS: Final = (b"[", b"{", b",", b":")
_MOST_VALUES: Final = 10_000
_BLANKS: Final = b" \t\r\n"


def parsed(content: bytes) -> dict[str, Any]:
    """Return the object that these bytes are.

    Raises:
        MalformedRequest: they are none, or it has more values than a request with photos needs: `[[],[],...` becomes a hundred
            times what it was.
    """
    if sum(content.count(start) for start in _STARTS) > _MOST_VALUES:
        raise MalformedRequest(
            f"the JSON has more than {_MOST_VALUES:,} values: send a photo as its encoded file (JPEG, PNG, ...), not as pixels"
        )
    try:
        found = from_json(content, allow_inf_nan=False)
    except ValueError as exc:
        raise MalformedRequest(f"the body is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise MalformedRequest("the body is JSON, but no object")
    return found


def photo_in(text: object, where: str) -> bytes:
    """Return the bytes of a photo that is written in base64, as a data URL or as `{"b64": ...}` too.

    Raises:
        MalformedRequest: it is not.
    """
    if isinstance(text, dict):
        text = text.get("b64")
    if not isinstance(text, str):
        raise MalformedRequest(f"{where} is no text: send the photo's encoded file in base64")
    if text.startswith(("http://", "https://")):
        raise MalformedRequest(f"{where} is an address, and nothing is fetched here: send the photo itself, in base64")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        # as bytes: `str.split` would make millions of strings of one with a blank after each character
        return base64.b64decode(text.encode("ascii").translate(None, _BLANKS), validate=True)
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise MalformedRequest(f"{where} is not base64: send the photo's encoded file in it") from exc
