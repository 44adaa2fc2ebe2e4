"""A video under way, and what is left of it."""

import gc
import threading
from pathlib import Path

from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place
from sightserve.frontend.video import streaming
from sightserve.frontend.video.labelling import Labelling


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
