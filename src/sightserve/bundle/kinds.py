"""Before the data path: the bytes of a bundle's file of kinds -> [what several labels are kinds of], such as a cat of five."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from sightserve.bundle.errors import KindsInvalidError
from sightserve.bundle.inputs import Strict


class Kind(Strict):
    """What several labels are kinds of.

    Attributes:
        name: as people say it, in the singular and without an article: "cat", "musical instrument".
        classes: indices of the labels, in the model's order.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    classes: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2)]

    @field_validator("name")
    @classmethod
    def _is_a_word(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError("it must be printable, with no space at its ends")
        return name


_KINDS = TypeAdapter(tuple[Kind, ...])


def read_kinds(path: Path, content: bytes, classes: int) -> tuple[Kind, ...]:
    """Return the kinds that a file names, of a model with so many classes.

    Raises:
        KindsInvalidError: it is not JSON or not a list of kinds, or they name a class twice or one that there is not.
    """
    try:
        kinds = _KINDS.validate_json(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise KindsInvalidError(f"{path} is not a list of kinds: {where}: {first['msg']}") from exc
    for kind in kinds:
        if max(kind.classes) >= classes:
            raise KindsInvalidError(
                f"{path}: {kind.name!r} has class {max(kind.classes)}, the model's classes are 0 to {classes - 1}"
            )
        if len(set(kind.classes)) < len(kind.classes):
            raise KindsInvalidError(f"{path}: {kind.name!r} has a class twice")
    if len({kind.name for kind in kinds}) < len(kinds):
        raise KindsInvalidError(f"{path} has two kinds of one name: give each a name of its own")
    return kinds
