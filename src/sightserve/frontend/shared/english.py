"""Labels as people put them into sentences: with "a" or "an", or without."""

import re
from typing import Final

# What takes no article though it is no plural; the last word decides.
_UNCOUNTABLE: Final = frozenset(
    {
        "bread", "broccoli", "carbonara", "clothing", "consomme", "coral", "corn", "eggnog", "food", "furniture", "grass",
        "guacamole", "hay", "lotion", "mail", "meat", "paper", "powder", "rapeseed", "sand", "sauce", "silk", "snow", "spray",
        "sunscreen", "tissue", "velvet", "water", "wine", "wood", "wool",
    }
)  # fmt: skip
_PLURAL: Final = re.compile(r"(?<!ss|us|is)(?<=s)$")  # sunglasses, bars; not glass, walrus, iris, triceratops
_SINGULAR: Final = frozenset({"lens", "gas", "patas", "triceratops"})
_RESTRICTED: Final = re.compile(r" (?:of|for|in|with|on|des) | \(")  # what follows says more of the noun before it
# What is written with a vowel and said with a consonant, and the other way round.
_CONSONANT: Final = re.compile(r"(?i:uni(?![nm])|us[eu]|eu|one\b|once|ut[ei]|ur[aeio])")
_VOWEL: Final = re.compile(r"[aeiouAEIOU]|[Hh](?:our|onest|eir)|[FHLMNRSX](?:[A-Z]|\b)")


def with_article(name: str) -> str:
    """Return a noun as one of its kind: "an Egyptian cat"; plurals and what cannot be counted as they are."""
    noun = (_RESTRICTED.split(name, maxsplit=1)[0].split() or [""])[-1].casefold()
    if noun in _UNCOUNTABLE or (noun not in _SINGULAR and _PLURAL.search(noun)):
        return name
    article = "an" if _VOWEL.match(name) and not _CONSONANT.match(name) else "a"
    return f"{article} {name}"


def sentence(text: str) -> str:
    """Return text with a capital letter in front, whatever letters follow."""
    return text[:1].upper() + text[1:]
