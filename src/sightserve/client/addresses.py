"""What an address says by itself: whether a secret may travel to it, and whether it is Cloud Run's."""

import ipaddress
from urllib.parse import urlsplit


def is_safe(url: str) -> bool:
    """Return whether a secret may be sent there: over TLS, or without leaving this machine."""
    scheme, host = _scheme_and_host(url)
    if scheme == "https":
        return bool(host)
    if scheme != "http":
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_cloud_run(url: str) -> bool:
    """Return whether this is the address that Cloud Run gives a service: only Google gives out names below run.app."""
    scheme, host = _scheme_and_host(url)
    return scheme == "https" and host.endswith(".run.app")


def origin(url: str) -> str:
    """Return scheme, host and port: who is talked to, whatever the path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower()
    except ValueError:
        return "", ""
