"""The About page's search: of a model's labels, those that a word means, what fits best first."""

import re
from collections.abc import Sequence

from sightserve.api.schema import Kind


def matching(labels: Sequence[str], wanted: str) -> list[str]:
    """Return the labels that have it in them: as whole words first, then as the beginning of one, then anywhere.

    Args:
        labels: in the model's order, which labels that fit alike keep.
        wanted: what somebody typed.
    """
    wanted = wanted.strip().casefold()
    if not wanted:
        return []
    begins = re.compile(rf"(?<!\w){re.escape(wanted)}")
    whole = re.compile(rf"{begins.pattern}(?!\w)")

    def fit(label: str) -> int:
        return 0 if whole.search(label) else 1 if begins.search(label) else 2

    return sorted((label for label in labels if wanted in label.casefold()), key=lambda label: fit(label.casefold()))


def kind_named(kinds: Sequence[Kind], wanted: str) -> Kind | None:
    """Return the kind of this name, in the singular or with an s."""
    wanted = wanted.strip().casefold()
    return next((kind for kind in kinds if wanted in {kind.name.casefold(), f"{kind.name.casefold()}s"}), None)
