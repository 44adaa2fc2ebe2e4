"""A server that speaks S3 (moto's), as a process of its own: `python -m tests.fakes.s3` prints its address.

A process, since its libraries warn about themselves, and since it keeps objects in module variables.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fake_s3() -> Iterator[str]:
    """Serve while the block runs; gives the address."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-W", "ignore", "-m", "tests.fakes.s3"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def main() -> None:
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second, which only the server's process needs

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
