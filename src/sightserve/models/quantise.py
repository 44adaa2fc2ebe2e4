"""verify -> [int8 forms of the graph, tried on photos, and which of them serves] -> write.

An int8 form has to prove itself on each network: it is kept where it says what float32 says, and is faster by enough to matter.
"""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from sightserve.bundle.provenance import Candidate
from sightserve.models import int8
from sightserve.models.errors import NetworkError
from sightserve.models.graph import external_files
from sightserve.models.int8 import Bits, Pixels
from sightserve.models.turns import Reference

Variant = Literal["float32", "dynamic", "static"]

LEAST_AGREEMENT: Final = 0.98
LEAST_SPEED: Final = 1.15
LEAST_PHOTOS: Final = 20  # of fewer, half prove nothing
_MOST_PHOTOS: Final = 200  # half of which are calibrated on
_SECONDS: Final = 60.0
# Float32 inferences that a photo costs: of float32, of what calibrates and corrects on every other one, and of int8 forms.
_WORK: Final = 5.0
_TURNS: Final = 0.1  # of all the time, for the turns of each form
_CONFIDENCE: Final = 1.96  # standard deviations: 95 %
_KNOWN: Final = (
    "ResNets gain 2 to 3 times by int8, ViT and ConvNeXt 1.5 to 2.2 times; networks like MobileNetV3, with squeeze-and-excite "
    "and hard swish, lose answers by it and gain little"
)


@dataclass(frozen=True, slots=True)
class Tried:
    """A form of the network that was tried.

    Attributes:
        variant: see `bundle.manifest.Candidate`.
        path: of the graph; its external data lie beside it.
        agreement: with float32: the share of photos, or of those that it was not calibrated on where that is less.
        speed: against float32.
        size_bytes: of all its files.
        kept: whether it is the one that serves.
        why: in words for people.
        bits: of its weights.
    """

    variant: Variant
    path: Path
    agreement: float
    speed: float
    size_bytes: int
    kept: bool
    why: str
    bits: int = 32

    @property
    def candidate(self) -> Candidate:
        """As a manifest keeps it."""
        return Candidate(
            variant=self.variant,
            agreement=self.agreement,
            speed=round(self.speed, 2),
            size_bytes=self.size_bytes,
            kept=self.kept,
            why=self.why,
        )

    @property
    def passes(self) -> bool:
        """Whether it may serve."""
        return self.agreement >= LEAST_AGREEMENT and self.speed >= LEAST_SPEED


@dataclass(frozen=True, slots=True)
class Quantised:
    """What was tried.

    Attributes:
        tried: float32 first; exactly one is kept.
        notes: what a person should know: what could not be tried, and how much photos prove.
    """

    tried: tuple[Tried, ...]
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> Path:
        """The graph that serves."""
        return next(form.path for form in self.tried if form.kept)


def quantise(
    graph: Path,
    photos: Sequence[Pixels],
    workspace: Path,
    *,
    exclusive: bool = True,
    seconds: float = _SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Quantised:
    """Try int8 forms of a graph on photos, and say which of all serves.

    Args:
        graph: wrapped, float32; its external data lie beside it.
        photos: as the network gets them, (1, height, width, 3) each; every other one is calibrated on.
        workspace: folder for the forms, each in one of its own.
        exclusive: whether probabilities sum to 1.
        seconds: that all of it may take, about: a slow network is tried on fewer photos, but never on less than `LEAST_PHOTOS`.
        tell: is told what goes on.

    Raises:
        NetworkError: float32 itself does not run.
    """
    given = Tried("float32", graph, 1.0, 1.0, int8.weight_bytes(graph), kept=True, why="as it was given")
    if len(photos) < LEAST_PHOTOS:
        why = f"{len(photos)} photos prove nothing about int8: name at least {LEAST_PHOTOS} of your own"
        return Quantised((replace(given, why=why),))
    reference, photos = _reference(graph, photos, exclusive, seconds)
    found: list[Tried] = []
    notes: list[str] = []
    source = None
    try:
        source = int8.prepared(graph, workspace)
        for variant in ("dynamic", "static"):
            try:
                found += _tried(variant, source, reference, workspace, seconds * _TURNS, tell)
            except NetworkError as exc:
                notes.append(f"{variant} int8 is not possible: {exc}")
    except NetworkError as exc:
        notes.append(f"int8 is not possible: {exc}")
    if source is not None:
        for name in (*external_files(source), source.name):
            source.with_name(name).unlink()
    best = max((form for form in found if form.passes), key=lambda form: form.speed, default=None)
    if best is None:
        return Quantised((given, *(_refused(form) for form in found)), (*notes, _KNOWN))
    tried = (replace(form, kept=True) if form is best else _refused(form) for form in found)
    return Quantised((replace(given, kept=False), *tried), (*notes, *_evidence(best, len(photos))))


def _reference(
    graph: Path, photos: Sequence[Pixels], exclusive: bool, seconds: float
) -> tuple[Reference, list[Pixels]]:
    """Return float32's answers on as many of the photos as there is time for, spread over all."""
    few = Reference.of(graph, photos[:1], exclusive=exclusive)  # the first one allocates
    began = time.perf_counter()
    few.engine.answers(photos[:3])
    each = (time.perf_counter() - began) / 3
    most = max(LEAST_PHOTOS, min(_MOST_PHOTOS, int(seconds / (_WORK * each))))
    count = min(len(photos), most)
    chosen = [photos[number * len(photos) // count] for number in range(count)]
    return Reference.of(graph, chosen, exclusive=exclusive), chosen


def _tried(
    variant: Literal["dynamic", "static"],
    source: Path,
    reference: Reference,
    workspace: Path,
    seconds: float,
    tell: Callable[[str], None],
) -> list[Tried]:
    """Return a form with weights of 7 bits, and where that is fast and says other things, one of 8 bits too."""
    found: list[Tried] = []
    for bits in _widths():
        tell(f"trying {variant} int8, weights of {bits} bits")
        folder = workspace / f"{variant}-{bits}"
        folder.mkdir()
        if variant == "dynamic":
            path = int8.dynamic(source, folder, bits)
        else:
            path = int8.static(source, folder, bits, reference.photos[::2])
        agrees, speed = reference.compare(path, seconds)
        unseen = agrees[1::2] if variant == "static" else agrees
        words = f"{'the same first class' if reference.exclusive else 'the same classes above 0.5'} on "
        words += f"{unseen.sum()} of {len(unseen)} photos"
        if variant == "static":
            words += f" that it was not calibrated on, and on {agrees.sum()} of all {len(agrees)}"
        agreement = float(min(unseen.mean(), agrees.mean()))
        found.append(Tried(variant, path, agreement, speed, int8.weight_bytes(path), kept=False, why=words, bits=bits))
        if found[-1].passes or speed < LEAST_SPEED:
            break
    return found


def _widths() -> tuple[Bits, ...]:
    """Return the bits to try: 8 only where this CPU adds such products without overflow, or what is measured were not true."""
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return (7, 8)
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return (7,)
    return (7, 8) if "vnni" in flags else (7,)


def _refused(form: Tried) -> Tried:
    """Return a form with why it is not kept."""
    if form.speed < LEAST_SPEED:
        return replace(form, why=f"{form.why}; less than {LEAST_SPEED} times as fast")
    if form.agreement < LEAST_AGREEMENT:
        return replace(form, why=f"{form.why}; at least {LEAST_AGREEMENT:.0%} are asked")
    return replace(form, why=f"{form.why}; another form is faster")


def _evidence(best: Tried, photos: int) -> Iterator[str]:
    compared = photos // 2 if best.variant == "static" else photos
    yield (
        f"int8 was compared with float32 on {compared} photos: on others, up to "
        f"{_at_most(best.agreement, compared):.0%} of the answers may differ"
    )
    if best.bits > int8.FEWER:
        yield (
            "its int8 weights have 8 bits, with which x86 CPUs without VNNI (most before 2019) give other answers: to serve "
            "it on one, add it again there"
        )


def _at_most(agreement: float, count: int) -> float:
    """Return the share of answers that may differ on other photos: the upper end of Wilson's interval at 95 %."""
    share, square = 1 - agreement, _CONFIDENCE**2
    middle = share + square / (2 * count)
    spread = _CONFIDENCE * (share * (1 - share) / count + square / (4 * count**2)) ** 0.5
    return float((middle + spread) / (1 + square / count))
