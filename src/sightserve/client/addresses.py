"""What an address says by itself: whether it is on this machine, safe for a secret, or Cloud Run's."""

import ipaddress
from urllib.parse import urlsplit


def is_local(url: str) -> bool:
    """Return whether it is on this machine, so that no proxy has a part in reaching it."""
    _, host = _scheme_and_host(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified  # what listens on 0.0.0.0 is often asked there too


def is_safe(url: str) -> bool:
    """Return whether a secret may be sent there: over TLS, or without leaving this machine."""
    scheme, host = _scheme_and_host(url)
    return bool(host) and (scheme == "https" or (scheme == "http" and is_local(url)))


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
