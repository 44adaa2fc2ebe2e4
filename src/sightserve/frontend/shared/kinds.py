"""What to say of an answer, in one place for all pages: the label, what it is a kind of, or that it is nothing known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sightserve.api.schema import Kind, Prediction, RankedLabel
from sightserve.frontend.shared import words
from sightserve.frontend.shared.english import sentence, with_article

NOTHING: Final = "Nothing that it knows"
NONE_APPLIES: Final = "None of its labels"
_HELPS: Final = 1.3  # times as probable as its best label: a kind that adds less to it says less than the label
_GUESS: Final = 0.1  # below it, the best of many labels is as good as any other
_CLOSEST: Final = 3
_ALL: Final = 0.99  # of labels that exclude each other, together
_NAMED: Final = 4  # labels in a headline; more are counted

Tone = Literal["sure", "leaning", "unsure"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say of an answer; plain text, not Markdown.

    Attributes:
        headline: the answer.
        probability: of what the headline says, 0 to 1; None where it says nothing.
        number: the same for people, "90%"; of independent labels one for each that is named; empty where there is none.
        sure_words: how sure the model is, in words.
        tone: the same, for colours and icons.
        note: what else people should know, a sentence or two; may be empty.
        kind_name: what the best label is a kind of, where that is said.
        closest: the labels that come nearest, where none is said.
    """

    headline: str
    probability: float | None
    number: str
    sure_words: str
    tone: Tone
    note: str = ""
    kind_name: str | None = None
    closest: tuple[str, ...] = ()

    @property
    def badge(self) -> str:
        """How sure the model is, in words and numbers."""
        return f"{self.sure_words} · {self.number}" if self.number else self.sure_words

    @property
    def spoken(self) -> str:
        """All of it in one line, for tables and for who hears the page."""
        return f"{self.headline}: {self.badge}"


def verdict(prediction: Prediction, kinds: Sequence[Kind] = (), threshold: float = words.DEFAULT_THRESHOLD) -> Verdict:
    """Return what to say of an answer.

    A label that is fairly sure is said alone. Else what several of the labels are kinds of, where that is fairly sure and much
    surer than its best label; else the label, which below the threshold is a guess.

    Args:
        prediction: with as many labels as there are: what is not among them adds nothing to a kind.
        kinds: what the model's labels are kinds of, where its bundle says it; the labels are English nouns then.
        threshold: probability from which a label is more than a guess.
    """
    if prediction.model.outputs == "independent":
        return _each_for_itself(prediction, threshold)
    best, label = prediction.probability, prediction.prediction
    found = _kind(prediction, kinds) if prediction.recognised and best < words.FAIRLY_SURE else None
    if found is not None:
        kind, probability = found
        perhaps = f"{sentence(with_article(kind.name))}, perhaps {with_article(label)}"
        note = f"The number is that of all its kinds together. “{label}” alone has {words.percent(best)}."
        return _said(perhaps, probability, threshold, note, kind.name)
    if not prediction.recognised or best < min(_GUESS, threshold):
        return _nothing(prediction)
    if best >= threshold:
        return _said(label, best, threshold)
    note = "No label fits well. It may be something that the model does not know: try a closer or brighter photo."
    return _said(f"Perhaps {with_article(label) if kinds else label}", best, threshold, note)


def confidence(prediction: Prediction, threshold: float) -> str:
    """Return how sure the model is of its best label alone, in words; of independent labels, how many apply."""
    if is_independent(prediction):
        return _how_many(len(applying(prediction, threshold)))
    return words.confidence(prediction.probability, threshold) if prediction.recognised else words.NOT_SURE


def is_independent(prediction: Prediction) -> bool:
    """Return whether each of its labels stands for itself: several may apply, or none."""
    return prediction.model.outputs == "independent"


def applying(prediction: Prediction, threshold: float) -> list[RankedLabel]:
    """Return the labels that are at least this probable, most probable first."""
    return [entry for entry in prediction.top_k if entry.probability >= threshold]


def given(prediction: Prediction, threshold: float) -> tuple[str, ...]:
    """Return the labels that a photo is given, to be counted and sorted by: one, all that apply, or none."""
    if is_independent(prediction):
        return tuple(entry.label for entry in applying(prediction, threshold))
    return () if confidence(prediction, threshold) == words.NOT_SURE else (prediction.prediction,)


def _said(headline: str, probability: float, threshold: float, note: str = "", kind_name: str | None = None) -> Verdict:
    sure = words.confidence(probability, threshold)
    tone: Tone = "unsure" if sure == words.NOT_SURE else "sure" if probability >= words.FAIRLY_SURE else "leaning"
    return Verdict(headline, probability, words.percent(probability), sure, tone, note, kind_name)


def _nothing(prediction: Prediction) -> Verdict:
    closest = tuple(entry.label for entry in prediction.top_k[:_CLOSEST])
    if 1 < len(prediction.top_k) == len(closest) and sum(entry.probability for entry in prediction.top_k) > _ALL:
        closest = closest[:-1]  # these are all that there are: naming every one says nothing
    note = f"It gives every photo some labels, but none of them stands out in this one. Closest: {', '.join(closest)}."
    return Verdict(NOTHING, None, "", words.NOT_SURE, "unsure", note, closest=closest)


def _kind(prediction: Prediction, kinds: Sequence[Kind]) -> tuple[Kind, float] | None:
    """Return the smallest kind of the best label that is fairly sure and much surer than this, and how probable it is."""
    first = prediction.top_k[0]
    least = max(words.FAIRLY_SURE, _HELPS * first.probability)
    for kind in sorted(kinds, key=lambda each: len(each.classes)):
        members = frozenset(kind.classes)
        if first.index not in members:
            continue
        together = sum(entry.probability for entry in prediction.top_k if entry.index in members)
        if together >= least:
            return kind, min(1.0, together)
    return None


def _each_for_itself(prediction: Prediction, threshold: float) -> Verdict:
    """Of a model whose labels do not exclude each other, several may apply, or none."""
    found = applying(prediction, threshold)
    best = prediction.probability
    if not found:
        note = f"Nearest: {prediction.prediction}. Each label stands by itself, and a photo may have none."
        nearest = (prediction.prediction,)
        return Verdict(
            NONE_APPLIES, best, f"at most {words.percent(best)}", _how_many(0), "unsure", note, None, nearest
        )
    named = found[:_NAMED]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Verdict(
        ", ".join(entry.label for entry in named) + more,
        best,
        " · ".join(words.percent(entry.probability) for entry in named),
        _how_many(len(found)),
        "sure" if best >= words.FAIRLY_SURE else "leaning",
        "Each label stands by itself: several may apply, and their probabilities do not add up to 100%.",
    )


def _how_many(applying: int) -> str:
    return words.counted(applying, "label applies", "labels apply") if applying else words.NONE
