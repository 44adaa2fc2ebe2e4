"""Predictions at moments -> [labels that do not flicker] -> segments. Pure; nothing here knows what a frame is.

In plain Python: it runs on our side of the pipe, where no module of ours loads NumPy, once for every move of a slider.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from sightserve.api.rows import APPLIES

# What a label counts that is not among a moment's most probable ones: one in a hundred.
_FLOOR: Final = 0.01
DEFAULT_SMOOTHING: Final = 0.5  # seconds
DEFAULT_THRESHOLD: Final = 0.2  # lower than for a single photo: what holds on for seconds is no accident
_ABOVE_CHANCE: Final = 0.1


class Guess(NamedTuple):
    """A label and how probable it is, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What the model said about the frame on screen at one moment.

    Attributes:
        time: seconds.
        guesses: most probable first; empty where it said nothing.
        cut: when the picture changed at once, between the moment before and this one, seconds; None where it did not.
    """

    time: float
    guesses: tuple[Guess, ...]
    cut: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the video with one label, or with the same labels where they do not exclude each other.

    Attributes:
        start, end: seconds; it holds from start up to, not including, end.
        label: None where no label reaches the threshold for long enough; several with commas between them.
        probability: mean of the label's probability over the segment, of several the lowest; of the most probable label's where
            there is none.
        parts: of several that may apply at once, those that do, each with its mean; most probable first.
    """

    start: float
    end: float
    label: str | None
    probability: float
    parts: tuple[Guess, ...] = ()

    @property
    def guesses(self) -> tuple[Guess, ...]:
        """Its labels and their means, whether there are none, one or several."""
        return self.parts or (() if self.label is None else (Guess(self.label, self.probability),))


def default_threshold(classes: int, *, exclusive: bool) -> float:
    """Return the threshold to begin with: of few labels that exclude each other, one is probable by chance alone."""
    return max(DEFAULT_THRESHOLD, 1 / classes + _ABOVE_CHANCE) if exclusive else APPLIES


def segments(
    moments: Sequence[Moment],
    end: float,
    *,
    smoothing: float = DEFAULT_SMOOTHING,
    threshold: float = DEFAULT_THRESHOLD,
    exclusive: bool = True,
) -> list[Segment]:
    """Return the video as stretches of one label each, or of the same labels, from the first moment to the end.

    A change of label is put where the picture is cut between the two moments that saw it, else half-way between them.

    Args:
        moments: in order of time.
        end: of the video, seconds.
        smoothing: see `smooth`.
        threshold: see `smooth`.
        exclusive: whether one label holds at a time. Else each comes and goes by itself.
    """
    if not moments:
        return []
    labels: list[tuple[str, ...]]
    if exclusive:
        best = smooth(moments, end, smoothing=smoothing, threshold=threshold)
        labels = [() if label is None else (label,) for label in best]
    else:
        labels = _together(moments, end, smoothing=smoothing, threshold=threshold)
    weights = _seconds(moments, end)
    found: list[Segment] = []
    first = 0
    for last in range(len(moments)):
        if last + 1 < len(moments) and labels[last + 1] == labels[first]:
            continue
        stop = end if last + 1 == len(moments) else _border(moments[last], moments[last + 1])
        begin = found[-1].end if found else moments[0].time
        within = slice(first, last + 1)
        means = [Guess(label, _mean(moments[within], weights[within], label)) for label in labels[first]]
        parts = tuple(sorted(means, key=lambda guess: -guess.probability))
        lowest = parts[-1].probability if parts else _mean(moments[within], weights[within], None)
        label = ", ".join(part.label for part in parts) or None
        found.append(Segment(begin, max(begin, stop), label, lowest, () if exclusive else parts))
        first = last + 1
    return found


def _together(moments: Sequence[Moment], end: float, *, smoothing: float, threshold: float) -> list[tuple[str, ...]]:
    """Return the labels of each moment, each of which holds on and does not flicker by itself."""
    until = [0.0, *accumulate(_seconds(moments, end))]
    where: dict[str, list[int]] = defaultdict(list)
    for number, moment in enumerate(moments):
        for guess in moment.guesses:
            if guess.probability >= threshold:
                where[guess.label].append(number)
    found: list[list[str]] = [[] for _ in moments]
    for label, numbers in sorted(where.items()):
        runs = _runs(numbers, len(moments))
        holds = _steady([run.applies for run in runs], [until[run.stop] - until[run.start] for run in runs], smoothing)
        for run, held in zip(runs, holds, strict=True):
            if held:
                for labels in found[run.start : run.stop]:
                    labels.append(label)
    return [tuple(labels) for labels in found]


class _Run(NamedTuple):
    """Moments from start up to, not including, stop at which a label applies, or does not."""

    start: int
    stop: int
    applies: bool


def _runs(numbers: Sequence[int], total: int) -> list[_Run]:
    """Return all moments as runs, of a label that applies at these: it takes as long as there are such, not as a video has."""
    runs: list[_Run] = []
    at = 0
    for number in numbers:
        if number > at:
            runs.append(_Run(at, number, applies=False))
        if runs and runs[-1].applies:
            runs[-1] = runs[-1]._replace(stop=number + 1)
        else:
            runs.append(_Run(number, number + 1, applies=True))
        at = number + 1
    return [*runs, _Run(at, total, applies=False)] if at < total else runs


def _steady(applies: Sequence[bool], weights: Sequence[float], smoothing: float) -> list[bool]:
    """Return whether a label holds in each run, such that nothing that lasts no longer than `smoothing` interrupts it.

    As `smooth`, with two states and in seconds: what is shown and does not apply costs as long as it lasts, and the other way
    round; a change costs half of what an interruption has to last. How far from the threshold the model is counts for nothing:
    a label that is a little below it for long does not apply.
    """
    change, cost = smoothing / 2, (0.0, 0.0)
    stays: list[tuple[bool, bool]] = []
    for applied, weight in zip(applies, weights, strict=True):
        off, on = cost
        stays.append((off <= on + change, on <= off + change))
        cost = (min(off, on + change) + weight * applied, min(on, off + change) + weight * (not applied))
    held = [cost[1] < cost[0]]
    for number in range(len(applies) - 1, 0, -1):
        held.append(held[-1] if stays[number][held[-1]] else not held[-1])
    return held[::-1]


def _border(before: Moment, after: Moment) -> float:
    return (before.time + after.time) / 2 if after.cut is None else after.cut


def at(found: Sequence[Segment], time: float) -> Segment | None:
    """Return the segment that holds at a time, or None outside of all."""
    return next((segment for segment in found if segment.start <= time < segment.end), None)


def smooth(
    moments: Sequence[Moment],
    end: float,
    *,
    smoothing: float = DEFAULT_SMOOTHING,
    threshold: float = DEFAULT_THRESHOLD,
) -> list[str | None]:
    """Return one label for each moment, such that labels hold on and do not flicker.

    It is the sequence of labels that minimises the sum of -ln p(label) times the seconds that the moment holds, plus a
    constant for each change of label: a hidden Markov model whose states like to stay, solved exactly by Viterbi's
    algorithm (Viterbi 1967, doi:10.1109/TIT.1967.1054010; Rabiner 1989, section III.B, doi:10.1109/5.18626; the constant
    penalty is the Potts model of segmentation). Unlike a moving average it moves no boundary. "No label" is a state too, with
    the threshold for its probability: it wins where no label beats that for long.

    Args:
        moments: in order of time.
        end: of the video, seconds.
        smoothing: seconds. Another label that interrupts one for no longer is not shown however sure the model is of it,
            and one that it is less sure of has to last longer. 0: the most probable label of each moment.
        threshold: the probability that a label has to reach, 0 to 1.
    """
    if not moments:
        return []
    labels = _in_play(moments, threshold)
    nobody = len(labels)
    index = {label: number for number, label in enumerate(labels)}
    # An interruption changes the label twice, and gains at most ln(1 / floor) for each of its seconds.
    change = smoothing * math.log(1 / _FLOOR) / 2
    cost = [0.0] * (nobody + 1)
    stays: list[bytes] = []  # a byte for each state: whether its cheapest path comes from itself, or from the best one
    came_from: list[int] = []
    for moment, weight in zip(moments, _seconds(moments, end), strict=True):
        cheapest = min(cost)
        limit, unseen = cheapest + change, weight * _surprise(_FLOOR)
        stays.append(bytes([own <= limit for own in cost]))  # a tie stays: a label is not given up without a reason
        came_from.append(cost.index(cheapest))
        # no min() for each of some hundred labels, four times a second of an hour: a call costs more than all the rest
        cost, before = [(own if own < limit else limit) + unseen for own in cost], cost  # noqa: FURB136
        for label, probability in moment.guesses:
            if (state := index.get(label)) is not None:
                cost[state] = min(before[state], limit) + weight * _surprise(probability)
        cost[nobody] = min(before[nobody], limit) + weight * _surprise(threshold if moment.guesses else 1.0)
    path = [cost.index(min(cost))]
    for number in range(len(moments) - 1, 0, -1):
        path.append(path[-1] if stays[number][path[-1]] else came_from[number])
    return [None if state == nobody else labels[state] for state in reversed(path)]


def _in_play(moments: Sequence[Moment], threshold: float) -> list[str]:
    """Return the labels that can be shown, sorted: what never reaches the threshold costs more than no label all the time."""
    least = threshold if threshold > _FLOOR else 0.0
    return sorted({guess.label for moment in moments for guess in moment.guesses if guess.probability >= least})


def _surprise(probability: float) -> float:
    """Return -ln p."""
    return -math.log(max(_FLOOR, probability))


def _seconds(moments: Sequence[Moment], end: float) -> list[float]:
    """Return how long each moment holds; the last one until the end, and none not at all."""
    times = [moment.time for moment in moments]
    return [max(1e-6, after - time) for time, after in zip(times, [*times[1:], end], strict=True)]


def _mean(moments: Sequence[Moment], weights: Sequence[float], label: str | None) -> float:
    total = 0.0
    for moment, weight in zip(moments, weights, strict=True):
        if label is None:
            total += weight * (moment.guesses[0].probability if moment.guesses else 0.0)
        else:
            total += weight * dict(moment.guesses).get(label, 0.0)
    return total / sum(weights)
