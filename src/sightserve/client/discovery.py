"""Where is the backend? For now: the environment says so, or it is on this machine."""

import os
from collections.abc import Mapping

LOCAL_BACKEND = "http://127.0.0.1:8000"


def backend_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the backend's address: `BACKEND` where it is set, else this machine's port 8000."""
    return environment.get("BACKEND", "").strip() or LOCAL_BACKEND
