"""Ports that commands listen on: checked before anything starts, so that what is wrong is said in a sentence."""

import errno
import socket

from sightserve.cli.extras import fail


def check_free(host: str, port: int, instead: str = "choose another with --port") -> None:
    """End the command with a sentence where this address cannot be listened on; `instead` is what helps where it is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            fail(f"port {port} is taken: end what listens there, or {instead}", code=1)
        fail(f"cannot listen on {host}:{port}: {exc.strerror or exc}", code=1)
