"""A child for the tests: does what it is told, the bad things too."""

import os
import signal
import sys
import time

from sightserve.sandbox import child
from sightserve.sandbox.wire import message, receive


def main() -> None:
    connection = child.connect()
    try:
        while True:
            wish = receive(connection)
            match wish["do"]:
                case "echo":
                    connection.sendall(message({"pid": os.getpid(), **wish}, b"x" * wish.get("attached", 0)))
                case "say nothing":
                    time.sleep(60)
                case "trickle":
                    while True:
                        connection.sendall(b"\0")
                        time.sleep(0.02)
                case "die":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "talk nonsense":
                    connection.sendall(b"\xff" * 64)
                case "swell":
                    child.bound(memory=wish["memory"])
                    try:
                        bytearray(wish["memory"])
                    except MemoryError:
                        connection.sendall(message({"refused": True}))
                case "print":
                    print("not a message", flush=True)  # noqa: T201
                    connection.sendall(message({"said": True}))
    except EOFError:
        sys.exit(0)


if __name__ == "__main__":
    main()
