"""Protocol buffers in text form (config.pbtxt) -> [dicts and lists], without their schema and without running anything."""

import re
from collections.abc import Iterator
from typing import Any, Final

from sightserve.models.errors import SourceError

_TOKEN: Final = re.compile(
    r"""\s+|\#[^\n]*|(?P<word>[A-Za-z_][\w.]*)|(?P<number>[-+]?(?:\d[\w.+-]*|\.\d\w*))|(?P<mark>[{}\[\]<>:,;])
    |"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\\\n]|\\.)*)'""",
    re.VERBOSE,
)
_CLOSING: Final = {"{": "}", "<": ">"}
_DEEPEST: Final = 50
Token = tuple[str, str]


def parse(text: str, where: str) -> dict[str, list[Any]]:
    """Return the fields of a message: each a list, since any may be there several times; a message in it is a dict again.

    Raises:
        SourceError: it is not of this form.
    """
    tokens = list(_tokens(text, where))
    message, rest = _message(tokens, 0, "", where, 0)
    if rest != len(tokens):
        raise SourceError(f"{where} has a {tokens[rest][1]} too many")
    return message


def _tokens(text: str, where: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if not (match := _TOKEN.match(text, at)):
            raise SourceError(f"{where} cannot be parsed from line {text.count(chr(10), 0, at) + 1} on")
        at = match.end()
        if match.lastgroup:
            kind = "string" if match.lastgroup in {"double", "single"} else match.lastgroup
            yield kind, re.sub(r"\\(.)", r"\1", match[match.lastgroup]) if kind == "string" else match[match.lastgroup]


def _message(tokens: list[Token], at: int, end: str, where: str, depth: int) -> tuple[dict[str, list[Any]], int]:
    if depth > _DEEPEST:
        raise SourceError(f"{where} has messages in messages more than {_DEEPEST} deep")
    fields: dict[str, list[Any]] = {}
    while at < len(tokens):
        kind, name = tokens[at]
        if kind == "mark" and name in {",", ";"}:
            at += 1
            continue
        if kind == "mark" and name == end:
            return fields, at + 1
        if kind != "word":
            raise SourceError(f"{where} has {name!r} where a field's name must be")
        at += 1
        if at < len(tokens) and tokens[at] == ("mark", ":"):
            at += 1
        values, at = _values(tokens, at, where, depth)
        fields.setdefault(name, []).extend(values)
    if end:
        raise SourceError(f"{where} ends within a message: a {end} is missing")
    return fields, at


def _values(tokens: list[Token], at: int, where: str, depth: int) -> tuple[list[Any], int]:
    if at < len(tokens) and tokens[at] == ("mark", "["):
        found: list[Any] = []
        at += 1
        while at < len(tokens) and tokens[at] != ("mark", "]"):
            if tokens[at] == ("mark", ","):
                at += 1
                continue
            value, at = _value(tokens, at, where, depth)
            found.append(value)
        if at == len(tokens):
            raise SourceError(f"{where} ends within a list: a ] is missing")
        return found, at + 1
    value, at = _value(tokens, at, where, depth)
    while isinstance(value, str) and at < len(tokens) and tokens[at][0] == "string":  # strings in a row are one
        value, at = value + tokens[at][1], at + 1
    return [value], at


def _value(tokens: list[Token], at: int, where: str, depth: int) -> tuple[Any, int]:
    if at == len(tokens):
        raise SourceError(f"{where} ends where a value must be")
    kind, text = tokens[at]
    if kind == "mark":
        if text not in _CLOSING:
            raise SourceError(f"{where} has a {text} where a value must be")
        return _message(tokens, at + 1, _CLOSING[text], where, depth + 1)
    if kind == "number" and re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text), at + 1
    return text, at + 1
