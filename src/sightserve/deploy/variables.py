"""Deploying: [NAME=VALUE as people write it -> checked -> one word for gcloud]."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

Variables = tuple[tuple[str, str], ...]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Cloud Run refuses the first, and sets the others itself (https://cloud.google.com/run/docs/container-contract#env-vars)
_RESERVED: Final = re.compile(r"X_GOOGLE_.*|PORT|K_SERVICE|K_REVISION|K_CONFIGURATION")
# gcloud splits at commas unless a word begins with ^another^ (`gcloud topic escaping`)
_DELIMITERS: Final = ",;|#~!%@"


class InvalidVariable(ValueError):
    """An environment variable cannot be set; the message names it and says what it needs to be."""


def read_variables(written: Iterable[str]) -> Variables:
    """Return names and values; of one name that is there twice, the last.

    Raises:
        InvalidVariable: it is no NAME=VALUE, Cloud Run keeps the name for itself, or the value has a control character.
    """
    found: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or _NAME.fullmatch(name) is None:
            raise InvalidVariable(
                f"variable {text!r}: write it as NAME=VALUE, the name of letters, digits and underscores"
            )
        if _RESERVED.fullmatch(name):
            raise InvalidVariable(f"variable {name}: Cloud Run keeps this name for itself")
        if not value.isprintable():
            raise InvalidVariable(f"variable {name}: its value has a line end or another control character")
        _delimiter([f"{name}={value}"])
        found[name] = value
    return tuple(found.items())


def update_flag(variables: Mapping[str, str]) -> str:
    """Return the flag that sets these and leaves all others as they are.

    Raises:
        InvalidVariable: the values together have every delimiter that there is.
    """
    pairs = [f"{name}={value}" for name, value in variables.items()]
    delimiter = _delimiter(pairs)
    return f"--update-env-vars={'' if delimiter == ',' else f'^{delimiter}^'}{delimiter.join(pairs)}"


def _delimiter(pairs: Iterable[str]) -> str:
    text = "".join(pairs)
    for delimiter in _DELIMITERS:
        if delimiter not in text:
            return delimiter
    raise InvalidVariable(f"the values have all of {_DELIMITERS} in them, so that none is left to stand between them")
