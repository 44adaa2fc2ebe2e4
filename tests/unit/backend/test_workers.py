import threading

from sightserve.backend.workers import Bound


def test_what_needs_much_memory_waits_for_its_turn_and_one_always_has_it():
    pixels = Bound(100)
    pixels.enter(500)
    in_turn = threading.Thread(target=pixels.enter, args=(60,))
    in_turn.start()
    in_turn.join(0.1)
    assert in_turn.is_alive()

    pixels.leave(500)

    in_turn.join(5)
    assert not in_turn.is_alive()
    pixels.enter(40)
