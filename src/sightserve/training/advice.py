"""What was measured -> [what to do about it, in words] -> report."""

from collections.abc import Sequence
from typing import Final

from sightserve.training.facts import Advice, Interval, Mistake, OfClass

_GOOD: Final = 0.95
_FAIR: Final = 0.9
_FEW_SCENES: Final = 10  # of a class: with fewer, neither it nor its accuracy is known
_MANY_SCENES: Final = 30  # of a class: with these, a linear head has learned most of what it can
_GAIN: Final = 0.02  # of accuracy, that is worth more photos
_APART: Final = 0.15  # of accuracy on seen and unseen photos
_BEHIND: Final = 0.05
_SURE: Final = 0.9
_UNEVEN: Final = 5  # times as many photos
_NAMED: Final = 4


def wanting(classes: Sequence[OfClass], accuracy: Interval) -> tuple[OfClass, ...]:
    """Return the classes, and which of them more photos would help most."""
    return tuple(
        each.model_copy(
            update={
                "wants_more": each.scenes < _FEW_SCENES
                or (each.recall.value < _GOOD and each.recall.value <= accuracy.value - _BEHIND)
            }
        )
        for each in classes
    )


def advise(
    classes: Sequence[OfClass],
    accuracy: Interval,
    chance: float,
    training_accuracy: float,
    expected: float | None,
    mistakes: Sequence[Mistake],
) -> tuple[Advice, ...]:
    """Return what to do, the most useful first; always something."""
    found = []
    sure = [each for each in mistakes if each.probability >= _SURE]
    if sure:
        found.append(
            Advice(
                code="check_labels",
                words=f"Look at the {_counted(len(sure), 'mistake')} that it is surest of: such photos often lie in the wrong "
                "folder. Move those that do, and train again.",
            )
        )
    scenes = sorted(each.scenes for each in classes)
    median = scenes[len(scenes) // 2]
    gain = expected - accuracy.value if expected is not None else None
    limited = median >= _MANY_SCENES and accuracy.value < _FAIR and (gain is None or gain < 2 * _GAIN)
    apart = training_accuracy - accuracy.value > _APART
    if limited and (apart or training_accuracy < _FAIR):
        why = (
            f"It knows {training_accuracy:.0%} of the photos that it learned from and {accuracy.value:.0%} of others"
            if apart
            else f"Even of the photos that it learned from it knows only {training_accuracy:.0%}"
        )
        found.append(
            Advice(
                code="beyond_linear",
                words=f"{why}, and more photos bring little: what tells these classes apart is not in the features of this "
                "network. Fine-tune a network on your photos elsewhere (timm, Keras, Hugging Face), and serve that: "
                "sightserve model add.",
            )
        )
    wanted = [each for each in classes if each.wants_more]
    worth = gain is not None and gain >= _GAIN
    if worth or (wanted and accuracy.value < 1) or scenes[0] < _FEW_SCENES:
        found.append(Advice(code="more_photos", words=_more(wanted, accuracy, expected if worth else None)))
    counts = [each.photos for each in classes]
    if max(counts) >= _UNEVEN * min(counts) and min(scenes) < _MANY_SCENES:
        most, fewest = (next(each for each in classes if each.photos == pick(counts)) for pick in (max, min))
        found.append(
            Advice(
                code="balance",
                words=f"{_quoted(most.label)} has {most.photos:,} photos, {_quoted(fewest.label)} {fewest.photos:,}: each "
                "class counts as much as any other in training, but of one with few photos less is learned. Add to the small "
                "ones.",
            )
        )
    if not any(each.code in {"more_photos", "beyond_linear"} for each in found):
        far = accuracy.value > chance
        found.append(
            Advice(
                code="enough",
                words="There are enough photos: more of the same kind would change little."
                + (
                    ""
                    if far
                    else " It does no better than chance, so look at whether these classes can be told apart at all."
                ),
            )
        )
    return tuple(found)


def _more(wanted: Sequence[OfClass], accuracy: Interval, expected: float | None) -> str:
    words = ""
    if expected is not None:
        words = f"Twice as many photos would bring about {expected:.0%} instead of {accuracy.value:.0%}. "
    if wanted:
        by_need = sorted(wanted, key=lambda each: (each.recall.value, each.scenes, each.label))
        names = [_quoted(each.label) for each in by_need[:_NAMED]]
        more = len(by_need) - len(names)
        listed = ", ".join(names) + (f" and {more} more" if more else "")
        words += f"Photos of {listed} would help most: of different things, in different places and light."
    else:
        words += "Take them of different things, in different places and light."
    return words


def _quoted(label: str) -> str:
    return f"“{label}”"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}s" if number != 1 else noun
