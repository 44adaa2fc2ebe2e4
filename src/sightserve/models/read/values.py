"""What stands in files that others wrote: numbers, sizes and lists, checked; an error names the place and what it holds."""

import json
import math
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from sightserve.bundle.inputs import InputSpec
from sightserve.models.errors import SourceError

_INPUT: Final[TypeAdapter[InputSpec]] = TypeAdapter(InputSpec)
_MOST_BYTES: Final = 64 << 20  # of a text file: 21,841 labels with descriptions are 4 MB
_SHOWN: Final = 60
_WIDEST: Final = 65_536  # px: wide of any bound that an input has


class _Short(reprlib.Repr):
    """A value that a stranger made may be as deep and as long as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, _SHOWN, _SHOWN
        self.maxdict = self.maxlist = self.maxtuple = 4


_SHORT: Final = _Short()


def shown(value: object) -> str:
    """Return a foreign value for a message: printable, and not too long."""
    text = _SHORT.repr(value)
    return "".join(each if each.isprintable() else "?" for each in text)


def number(value: object, where: str) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SourceError(f"{where} is {shown(value)}, and must be a number")
    return float(value)


def numbers(value: object, where: str) -> tuple[float, ...]:
    """Return one number for each channel: a list of one or three, or one number for all."""
    values = value if isinstance(value, list | tuple) else [value]
    if len(values) not in {1, 3}:
        raise SourceError(f"{where} has {len(values)} numbers, and must have one, or three for red, green and blue")
    return tuple(number(each, where) for each in values)


def three(values: Sequence[float]) -> tuple[float, ...]:
    """Return a number for each of three channels where one stands for all."""
    return tuple(values) * 3 if len(values) == 1 else tuple(values)


def side(value: object, where: str) -> int:
    """Return a number of pixels."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _WIDEST and value == int(value):
        return int(value)
    raise SourceError(f"{where} is {shown(value)}, and must be a number of pixels")


def sides(value: object, where: str) -> tuple[int, int]:
    """Return height and width: of a pair, or of one number that is both."""
    pair = value if isinstance(value, list | tuple) else [value, value]
    if len(pair) != 2:  # noqa: PLR2004
        raise SourceError(f"{where} is {shown(value)}, and must be a height and a width")
    return side(pair[0], where), side(pair[1], where)


def input_spec(where: str, **described: object) -> InputSpec:
    """Return what a manifest can say of an input; where it cannot, the error names the place that says it."""
    try:
        return _INPUT.validate_python(described)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        part = ".".join(str(each) for each in first["loc"][1:]) or "the size"
        raise SourceError(f"{where}: {part} is {shown(first['input'])}: {first['msg']}") from exc


def read_text(path: Path) -> str:
    """Return a file's text: UTF-8, with or without a byte order mark, or UTF-16 with one.

    Raises:
        SourceError: it cannot be read, is not text, or is far too large to be what it should be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror}") from exc
    if len(content) > _MOST_BYTES:
        raise SourceError(f"{path} has more than {_MOST_BYTES >> 20} MB: it is no file of labels or settings")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise SourceError(
            f"{path} is not UTF-8 text, from line {line} on: save it as UTF-8 "
            "(iconv -f latin1 -t utf8 does, where it is Latin-1)"
        ) from exc
    if "\0" in text:
        raise SourceError(f"{path} is not text: it has a zero byte in it")
    return text


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; errors as in `read_text`."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise SourceError(f"{path} is not JSON: {exc}") from exc


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds; errors as in `read_text`."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise SourceError(f"{path} holds no JSON object, but {shown(content)}")
    return content
