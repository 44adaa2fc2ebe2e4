"""Deploying: one step as data, and as a line for bash."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

Words = tuple[str, ...]


class When(StrEnum):
    """When a step is carried out, by what its `looks` finds."""

    ALWAYS = "always"
    ABSENT = "absent"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        title: what it does, for people.
        command: the command's words; no shell ever reads them.
        when: in which case it is carried out.
        looks: the command that finds out which case it is: it succeeds when the thing is there.
        fed_by: a command whose output, a secret, this one reads from its standard input.
        advice: what to do when it fails.
        tries: how often to try what is refused within a minute: a new account is not known everywhere at once.
        is_long: whether it takes minutes, so that people see what it says meanwhile.
    """

    title: str
    command: Words
    when: When = When.ALWAYS
    looks: Words = ()
    fed_by: Words = ()
    advice: str = ""
    tries: int = 1
    is_long: bool = False

    @property
    def commands(self) -> tuple[Words, ...]:
        """Every command that this step may run."""
        return tuple(words for words in (self.looks, self.fed_by, self.command) if words)


def shell(step: Step) -> str:
    """Return the step as bash reads it."""
    line = wrapped(step.command)
    if step.fed_by:
        line = f"{shlex.join(step.fed_by)} |\n  {line}"
    if step.when is When.ALWAYS:
        return line
    joint = "||" if step.when is When.ABSENT else "&&"
    return f"{wrapped(step.looks)} >/dev/null 2>&1 {joint}\n  {line}"


def wrapped(words: Sequence[str]) -> str:
    """Return a command line with each flag on a line of its own where it would be long."""
    whole = shlex.join(words)
    if len(whole) <= 120:  # noqa: PLR2004 - as wide as a terminal
        return whole
    return "".join((" \\\n    " if word.startswith("--") else " ") + shlex.quote(word) for word in words).lstrip()


def script(steps: Iterable[Step]) -> str:
    """Return all steps as lines that can be pasted into bash, or piped into `bash -e`."""
    return "\n\n".join(f"# {number}. {step.title}\n{shell(step)}" for number, step in enumerate(steps, start=1)) + "\n"
