"""README.md of a model's folder, as the hub wants it -> [its licence]."""

import re
from pathlib import Path
from typing import Final

_HEAD: Final = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_LICENSE: Final = re.compile(r"^license:\s*[\"']?([A-Za-z0-9.+-]+)[\"']?\s*$", re.MULTILINE)
_MOST: Final = 1 << 16  # bytes; the head comes first
# As the hub writes them, where that is not SPDX's spelling in lower case.
_SPDX: Final = {
    each.lower(): each
    for each in (
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "GPL-2.0-only", "GPL-3.0-only", "AGPL-3.0-only",
        "LGPL-3.0-only", "MPL-2.0", "CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0",
        "CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "CC-BY-ND-4.0", "Unlicense",
        "WTFPL", "EUPL-1.1", "EUPL-1.2",
    )
} | {
    "gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only", "lgpl-3.0": "LGPL-3.0-only",
}  # fmt: skip


def license_of(folder: Path) -> str | None:
    """Return the licence that a folder's README.md names in its head, as an SPDX expression."""
    try:
        with (folder / "README.md").open("rb") as file:
            text = file.read(_MOST).decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return None
    head = _HEAD.match(text)
    named = _LICENSE.search(head.group(1)) if head else None
    return spdx(named.group(1)) if named else None


def spdx(name: str) -> str | None:
    """Return what the hub, or timm, calls a licence as SPDX does; None where it is unknown or none."""
    word = name.strip().lower()
    if word in {"", "unknown"}:
        return None
    return _SPDX.get(word) or "LicenseRef-" + re.sub(r"[^a-z0-9.-]+", "-", word)
