"""How to install more of Sightserve, as every message says it.

No package index has it: whoever registered the name there would be installed in its place. So what is said is what works, in a
clone of the repository; tests/unit/test_installing.py looks through every page and message.
"""

from typing import Final

_WHERE: Final = "in a clone of Sightserve: "
CLIENT: Final = f"{_WHERE}pip install ."


def more(extra: str) -> str:
    """Return the command that installs these extras (one, or several with commas), with where it works."""
    return f"{_WHERE}pip install '.[{extra}]'"
