"""Who this process is to Google: a file with a key, or the metadata server of the machine it runs on. Nothing is guessed.

google-auth's own search (`google.auth.default`) ends by asking for a metadata server, which off Google Cloud is a wait of
several seconds for nobody. Here that server is asked only where something says that there is one.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

CREDENTIALS_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_PRODUCT_NAME = Path("/sys/class/dmi/id/product_name")


def has_metadata_server(environment: Mapping[str, str], product_name: Path = _PRODUCT_NAME) -> bool:
    """Return whether this machine says of itself that it has a metadata server; nothing is asked for that.

    Cloud Run sets K_SERVICE, GCE_METADATA_HOST names a server explicitly, and machines of Compute Engine and GKE have
    "Google" in their firmware's product name.
    """
    if environment.get("K_SERVICE") or environment.get("GCE_METADATA_HOST"):
        return True
    try:
        return product_name.read_text().startswith("Google")
    except OSError:
        return False


def credentials_file(environment: Mapping[str, str]) -> Path | None:
    """Return the file of the application-default credentials, or None where there is none.

    It is what GOOGLE_APPLICATION_CREDENTIALS names (whether it is there or not), else what
    `gcloud auth application-default login` wrote (https://google.aip.dev/auth/4110).
    """
    named = environment.get(CREDENTIALS_FILE, "").strip()
    if named:
        return Path(named)
    folder = environment.get("CLOUDSDK_CONFIG", "").strip()
    if not folder and sys.platform == "win32":
        folder = str(Path(environment.get("APPDATA", "")) / "gcloud")
    home = environment.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() fails where there is none
    written = Path(folder or Path(home) / ".config" / "gcloud") / "application_default_credentials.json"
    return written if written.is_file() else None


def content_of(file: Path) -> dict[str, Any]:
    """Return what a file with credentials holds; its `type` says whose they are.

    Raises:
        ValueError: it cannot be read, or is none. The message names the file and says nothing of what is in it.
    """
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as exc:
        raise ValueError(f"the file with credentials, {file.name}, cannot be read") from exc
    return content if isinstance(content, dict) else {}


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """Return what `call` returns, or raise what it raises.

    Google's libraries bound each exchange on the network but not how many they make.

    Raises:
        TimeoutError: it took longer. It then ends in a thread of its own, and nobody hears of it.
    """
    outcome: Future[Result] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again by who waits
            outcome.set_exception(error)

    threading.Thread(target=work, name="google-cloud", daemon=True).start()
    return outcome.result(seconds)
