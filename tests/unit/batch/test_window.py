from sightserve.batch.window import Window

MIB = 2**20


def entered(window: Window, most: int = 100) -> int:
    """How many groups of eight find a place before one has to wait."""
    count = 0
    while count < most:
        calls = iter((False, True))
        if not window.enter(8, lambda: next(calls)):  # noqa: B023 - called at once
            return count
        count += 1
    return count


def test_of_small_photos_as_many_groups_are_read_ahead_as_may_be():
    window = Window(2, 10)
    window.has_read(MIB // 10)

    assert entered(window) == 10


def test_of_large_photos_fewer_and_never_less_than_the_slots_have():
    for size, groups in ((4 * MIB, 6), (8 * MIB, 3), (200 * MIB, 2)):
        window = Window(2, 10)
        window.has_read(size)

        assert entered(window) == groups
        window.leave(size)
        assert entered(window) == 1
