"""What the web app says."""

import re

import pytest

from sightserve.api.errors import ErrorCode
from sightserve.api.schema import Problem
from sightserve.client import ApiError, BackendTimeout, BackendUnreachable, ClientError, InvalidAnswer
from sightserve.frontend.shared.words import (
    confidence,
    default_threshold,
    duration,
    explain,
    least,
    percent,
    plain,
    size,
)


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "Very sure"),
        (0.9, "Very sure"),
        (0.89, "Fairly sure"),
        (0.4, "Leaning"),
        (0.1, "Not sure"),
        (0.0, "Not sure"),
    ],
)
def test_confidence_in_words(probability, words):
    assert confidence(probability).startswith(words)


@pytest.mark.parametrize("code", [*ErrorCode, "a_code_from_the_future"])
def test_every_code_has_a_friendly_message_that_says_what_to_do(code):
    body = Problem(type="about:blank", title="t", status=400, detail="technical detail", code=code)

    message = explain(ApiError(body))

    assert message.what
    assert message.do
    assert "technical" not in message.what + message.do


@pytest.mark.parametrize("error", [BackendUnreachable("x"), BackendTimeout("x"), InvalidAnswer("x"), ClientError("x")])
def test_every_other_error_has_one_too(error):
    message = explain(error)

    assert message.what
    assert message.do


def test_below_the_threshold_it_is_not_sure_whatever_the_number():
    assert confidence(0.8, threshold=0.85) == "Not sure"


@pytest.mark.parametrize(
    ("probability", "text"),
    [(1.0, ">99%"), (0.994, "99%"), (0.95, "95%"), (0.123, "12%"), (0.0123, "1.2%"), (0.0001, "<0.1%")],
)
def test_probabilities_for_people_are_never_certain(probability, text):
    assert percent(probability) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "a moment"), (12.4, "12 s"), (89, "89 s"), (200, "3 min")])
def test_spans_of_time(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 bytes"), (4_961_000, "5.0 MB"), (71_303, "71 KB"), (2.5e9, "2.5 GB")]
)
def test_sizes(count, text):
    assert size(count) == text


def test_names_are_never_markup():
    assert plain("*a* [b](c) <i> $x$ :red[d]") == r"\*a\* \[b\]\(c\) \<i\> \$x\$ \:red\[d\]"


@pytest.mark.parametrize(
    "name",
    [
        "www.evil.example.jpg",
        "a&lt;b&gt;c.jpg",
        "https://evil.example/a.jpg",
        "me@evil.example.jpg",
        ":material/delete: x",
        ":smile_cat:",
    ],
)
def test_nor_do_they_become_links_or_other_characters(name):
    shown = plain(name)

    assert "&l" not in shown.replace("\\&", "")
    assert not re.search(r"www\\?\.|:\\?//|@\w|:material|:smile", shown)
    assert re.sub(r"\\(.)", r"\1", shown).replace("\N{WORD JOINER}", "") == name


def test_nothing_in_a_label_turns_around_what_follows_it():
    assert plain("\u202egnp\u2066x") == "gnpx"
    assert plain("\u0642\u0637\u0629") == "\u0642\u0637\u0629"  # a cat, from right to left by itself


@pytest.mark.parametrize(
    ("classes", "lowest", "usual"), [(2, 50, 60), (3, 30, 45), (4, 25, 35), (5, 0, 35), (1000, 0, 35)]
)
def test_of_few_labels_one_is_probable_by_chance(classes, lowest, usual):
    assert (least(classes), default_threshold(classes)) == (lowest, usual)
