"""Data path: the process of one slot. Takes jobs from the server, runs the pipeline, sends answers back.

A process of its own, because threads that share one interpreter wait for each other between all that they do in C, and
because a decoder that a stranger's bytes crash, or hang, then takes one slot with it instead of the server.
"""

import faulthandler
import gc
import socket
import sys
from typing import Any

from sightserve import malloc
from sightserve.backend import held
from sightserve.backend.errors import BackendError
from sightserve.backend.job import Plan, Setup
from sightserve.backend.messages import outcomes_message, receive_job
from sightserve.backend.slot.assemble import assemble
from sightserve.backend.slot.pipeline import Pipeline
from sightserve.backend.slot.room import Room
from sightserve.sandbox import child
from sightserve.sandbox.wire import message, receive


def run(connection: socket.socket, model: int) -> None:
    """Serve one connection until its other end closes, which is also how this process learns that the server died.

    Args:
        connection: to the server.
        model: file descriptor of the model's bytes, which the server verified and holds.
    """
    start = receive(connection)
    setup = Setup(**start["setup"] | {"labels": tuple(start["setup"]["labels"])})
    plan = Plan(*start["plan"]) if start["plan"] else None
    room, notes = Room(setup.most_in_memory), list[str]()
    try:
        files = held.map_parts(model, [held.Part(*part) for part in start["parts"]])
        pipeline, plan = assemble(setup, files, measure=start["measure"], plan=plan, room=room, tell=notes.append)
        del files  # what of them is needed, the engine holds
    except Exception as exc:  # noqa: BLE001 - whatever it is, the server has to say it
        connection.sendall(message({"failed": str(exc)}))
        return
    connection.sendall(message({"plan": plan, "notes": notes}))
    gc.collect()
    gc.freeze()  # what was made until now stays: collections need not look at it again
    while True:
        head = receive(connection)
        room.pixels = head["room"]
        _serve(connection, pipeline, head)


def _serve(connection: socket.socket, pipeline: Pipeline, head: dict[str, Any]) -> None:
    jobs = [receive_job(connection, fields) for fields in head["jobs"]]
    try:
        outcomes = pipeline.execute(jobs, head["waited"], head["alone"])
    except BackendError as exc:
        outcomes = [exc] * len(jobs)
    connection.sendall(outcomes_message(outcomes))


def main() -> None:
    """Entry point: the file descriptors of the connection and of the model are the arguments."""
    connection = child.connect()
    faulthandler.enable()  # where a decoder crashed, for the log
    malloc.give_large_blocks_back()
    try:
        run(connection, int(sys.argv[2]))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
