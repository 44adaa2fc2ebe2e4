"""A video under way, and what is left of it."""

import gc
import threading
from pathlib import Path

from sightserve.frontend.video import streaming
from sightserve.frontend.video.labelling import Labelling


def test_a_labelling_that_nobody_has_any_more_leaves_nothing_behind():
    labelling = Labelling("v.mp4", ".mp4", threading.Semaphore(1))
    folder, secret = labelling.source.parent, labelling.secret

    del labelling
    gc.collect()

    assert not Path(folder).exists()
    assert secret not in streaming._files
