"""How a bundle came about, and what was measured of it: for readers, nothing is decided by it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from sightserve.bundle.inputs import Strict

Fraction = Annotated[float, Field(ge=0, le=1)]
FORM: Final = "form"  # what a fact is called that says it


class Accuracy(Strict):
    """What the model got right when somebody measured it; fractions from 0 to 1, whatever is unknown left out.

    Attributes:
        data: what it was measured on, in words for people.
        photos: how many.
        published_top1: what those who trained the network say of it, which others can compare.
        published_by: where they say it, and of what data.
    """

    data: str
    photos: Annotated[int, Field(ge=1)]
    top1: Fraction | None = None
    top5: Fraction | None = None
    float32_top1: Fraction | None = None
    float32_top5: Fraction | None = None
    agreement_with_float32: Fraction | None = None
    published_top1: Fraction | None = None
    published_by: str | None = None


class ReadFact(Strict):
    """Something about a model that was read from its source, and where it stood there."""

    what: str
    value: str
    source: str


class Candidate(Strict):
    """A form of the network that was tried.

    Attributes:
        variant: `float32` is what the source has; `dynamic` and `static` are int8, with ranges measured at run time or before.
        agreement: share of photos with the same first class as float32's.
        speed: against float32, the two in turn: 2 is twice as fast.
        size_bytes: of the graph.
        kept: whether it is the one that serves.
        why: it was kept, or not.
    """

    variant: Literal["float32", "dynamic", "static"]
    agreement: Fraction
    speed: Annotated[float, Field(gt=0)]
    size_bytes: Annotated[int, Field(ge=1)]
    kept: bool
    why: str = ""


class Provenance(Strict):
    """How `sightserve model add` or `sightserve train` made the bundle, and what it saw before it wrote it.

    Attributes:
        facts: what was read, and from where.
        photos: how many the source's own pipeline and the bundle's were compared on.
        same_first: share of them with the same first class.
        largest_difference: of any class's probability.
        candidates: forms of the network that were tried.
        notes: what a person should know of it.
    """

    facts: tuple[ReadFact, ...] = ()
    photos: Annotated[int, Field(ge=0)] = 0
    same_first: Fraction | None = None
    largest_difference: Annotated[float, Field(ge=0)] | None = None
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()


def form_of(accuracy: Accuracy | None, provenance: Provenance | None) -> str:
    """Return whether a model computes in int8, as far as its manifest says; empty where it does not say it."""
    if provenance is not None:
        if kept := next((each.variant for each in provenance.candidates if each.kept), None):
            return kept if kept == "float32" else f"int8, {kept}"
        if read := next((fact.value for fact in provenance.facts if fact.what == FORM), None):
            return read
    # whoever measured that compared another form with it
    return "int8" if accuracy is not None and accuracy.agreement_with_float32 is not None else ""
