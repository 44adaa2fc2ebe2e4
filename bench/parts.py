"""Our start in its steps, timed from inside. Run in the server's own Python; prints one line of JSON, seconds each."""

# ruff: noqa: PLC0415 - the imports are what is timed
import asyncio
import json
import sys
import time


def main() -> None:
    """Take the steps that `sightserve serve` takes before it listens."""
    began = time.perf_counter()
    import sightserve.backend.serve
    import sightserve.cli.main  # noqa: F401
    from sightserve.backend.build import build
    from sightserve.backend.settings import Settings

    imported = time.perf_counter()
    backend = build(Settings())
    built = time.perf_counter()
    json.dump({"import_s": imported - began, "slots_s": built - imported}, sys.stdout)
    asyncio.run(backend.scheduler.close())


if __name__ == "__main__":
    main()
