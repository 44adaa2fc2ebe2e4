"""A video under way, and what is left of it."""

import gc
import threading
import time
from pathlib import Path

from tests.videos import colour_of, coloured

from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place
from sightserve.frontend.video import streaming
from sightserve.frontend.video.labelling import Labelling
from sightserve.frontend.video.work import State
from sightserve.video.analyse import Plan


def test_a_labelling_that_nobody_has_any_more_leaves_nothing_behind():
    book = Ledger({Place.DISK: Budget(100, 100)})
    labelling = Labelling("v.mp4", ".mp4", threading.Semaphore(1), Account(book, "me"))
    labelling.store(b"0123456789")
    folder, secret, held = labelling.source.parent, labelling.secret, book.held(Place.DISK)

    del labelling
    gc.collect()

    assert held == {"me": 10}
    assert book.held(Place.DISK) == {}
    assert not Path(folder).exists()
    assert secret not in streaming._files


def test_a_video_that_nobody_looked_at_goes_on_where_it_stopped(tmp_path):
    now = [0.0]
    asked: list[bytes] = []

    def slowly(frame):
        asked.append(frame)
        now[0] += 100.0 * (len(asked) == 6)  # as when the page was left
        now[0] += 100.0 * (len(asked) == 7)
        return colour_of(frame)

    book = Ledger({Place.DISK: Budget(10**7, 10**7)})
    labelling = Labelling("v.mp4", ".mp4", threading.Semaphore(1), Account(book, "me"), lambda: now[0])
    labelling.store(coloured(tmp_path, "v.mp4", [("red", 3.0), ("blue", 9.0)]).read_bytes())
    looks = {"fit": "crop", "width": 32, "height": 32, "fraction": 1.0}
    labelling.start(lambda _: (slowly, Plan(looks, parallel=1)), 1, threading.Semaphore(1))
    over(labelling)
    stopped, seen = labelling.work.state, len(times(labelling))

    labelling.go_on()
    over(labelling)

    assert stopped is State.STOPPED
    assert 0 < seen < 48
    assert labelling.work.state is State.DONE
    assert times(labelling) == [n / 4 for n in range(48)]
    labelling.close()


def over(labelling):
    deadline = time.monotonic() + 20
    while not labelling.work.is_over and time.monotonic() < deadline:
        time.sleep(0.01)


def times(labelling):
    seen = labelling.look()
    return [] if seen is None else [moment.time for moment in seen.moments]
