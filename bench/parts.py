"""Our start in its steps, timed from inside. Run in the server's own Python; prints one line of JSON, seconds each."""

# ruff: noqa: PLC0415 - the imports are what is timed
import asyncio
import gc
import json
import sys
import time


def main() -> None:
    """Take the steps that `sightserve serve` takes before it listens."""
    began = time.perf_counter()
    gc.disable()
    from sightserve.cli.main import application

    application(["serve"])
    from sightserve.backend.launch import spawn_first

    spawned = spawn_first()
    from sightserve.backend.build import build, start_first_slot
    from sightserve.backend.settings import Settings

    settings = Settings()
    first = start_first_slot(settings, spawned)
    import sightserve.backend.serving.server  # noqa: F401

    imported = time.perf_counter()
    backend = build(settings, first)
    built = time.perf_counter()
    json.dump({"import_s": imported - began, "slots_s": built - imported}, sys.stdout)
    asyncio.run(backend.scheduler.close())


if __name__ == "__main__":
    main()
