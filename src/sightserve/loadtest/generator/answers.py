"""What an answer of the API amounts to: right, wrong, refused, and what it asks for. Answers in, words out."""

import json
from http import HTTPStatus
from typing import Any, Final

from sightserve.client.protocol import seconds_of
from sightserve.client.retry import FOR_WORK, GATEWAY
from sightserve.loadtest.generator.photos import Photo
from sightserve.loadtest.generator.web import Answer
from sightserve.loadtest.record import Outcome, Timing

REFUSALS: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
_PAUSE: Final = 1.0  # s, where nobody says how long


def judge(answer: Answer, photo: Photo) -> tuple[Outcome, str]:
    """Return how a request for one photo ended, and why where it failed. Pure."""
    if answer.status in REFUSALS:
        return Outcome.REFUSED, _code(answer)
    if answer.status not in photo.expected:
        return Outcome.FAILED, answer.cause or f"{answer.status} {_code(answer)}".strip()
    if answer.status == HTTPStatus.OK and photo.label and field(answer, "prediction") != photo.label:
        return Outcome.FAILED, "wrong_answer"
    return Outcome.OK, ""


def timing_of(answer: Answer, beside: int) -> Timing | None:
    """Return where the backend says that the time of an answer went."""
    told = field(answer, "timing_ms") if answer.status == HTTPStatus.OK else None
    if not isinstance(told, dict):
        return None
    return Timing(beside, (told["decode"] + told["inference"]) / 1000, told["queue"] / 1000)


def pause_of(answer: Answer) -> float:
    """Return the seconds until this user asks again, as the policy of all our clients has it; 0 after an answer."""
    if answer.status and answer.status not in GATEWAY:
        return 0.0
    told = seconds_of(answer.headers.get("retry-after"))
    return min(_PAUSE if told is None else told, FOR_WORK.longest_pause)


def judge_batch(answer: Answer, labels: list[str]) -> tuple[Outcome, str]:
    """Return how a batch ended whose right answers are these labels, and why where it failed. Pure."""
    outcome, cause = judge(answer, Photo("batch", b""))
    results = field(answer, "results") if outcome is Outcome.OK else None
    if not isinstance(results, list):
        return (outcome, cause) if outcome is not Outcome.OK else (Outcome.FAILED, "no results")
    codes = [item["error"]["code"] if item.get("error") else "" for item in results]
    if "overloaded" in codes:
        return Outcome.REFUSED, "overloaded, in a batch"
    if any(codes):
        return Outcome.FAILED, next(filter(None, codes))
    found = [item["result"]["prediction"] if item.get("result") else "" for item in results]
    return (Outcome.OK, "") if found == labels else (Outcome.FAILED, "wrong_answer")


def field(answer: Answer, name: str) -> Any:  # noqa: ANN401 - a stranger's JSON
    """Return a field of a JSON object, or None where there is none."""
    try:
        decoded = json.loads(answer.body)
    except ValueError:
        return None
    return decoded.get(name) if isinstance(decoded, dict) else None


def _code(answer: Answer) -> str:
    return str(field(answer, "code") or "")
