"""A slot's start in its steps, timed from inside. Run in the server's own Python; prints one line of JSON, seconds each."""

# ruff: noqa: PLC0415 - the imports are what is timed
import json
import sys
import time


def main() -> None:
    """Take the steps that a slot takes before it works."""
    began = time.perf_counter()
<<<<<<< HEAD
    import sightserve.backend.slot_main  # noqa: F401
    from sightserve.backend.assemble import assemble
    from sightserve.backend.build import load
    from sightserve.backend.session import Session
    from sightserve.backend.settings import Settings

    imported = time.perf_counter()
    warm = 0.0
    infer: Any = Session.infer

    def timed(*words: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the session takes
        nonlocal warm
        started = time.perf_counter()
        try:
            return infer(*words, **named)
        finally:
            warm += time.perf_counter() - started

    Session.infer = timed  # type: ignore[method-assign]  # every inference before the first request is warm-up
    settings = Settings()
    assemble(settings, load(settings), measure=settings.calibrate)
=======
    import sightserve.backend.serve
    import sightserve.cli.main  # noqa: F401
    from sightserve.backend.build import build
    from sightserve.backend.settings import Settings

    imported = time.perf_counter()
    backend = build(Settings())
>>>>>>> refs/heads/bench
    built = time.perf_counter()
    json.dump({"import_s": imported - began, "slots_s": built - imported}, sys.stdout)
    backend.scheduler.close(1)


if __name__ == "__main__":
    main()
