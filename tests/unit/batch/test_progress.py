import pytest

from sightserve.batch.progress import Progress, duration, in_words


def test_the_rate_is_that_of_the_last_minute_and_a_start_is_no_part_of_it():
    progress = Progress(before=1000, began=0.0)
    assert in_words(progress.standing(5000, 1.0, listed=False)) == "1,000 of 5,000 found so far · 0 errors"

    for second in range(5, 15):  # the slots took five seconds to start
        progress.add(100, 1)
        standing = progress.standing(5000, float(second), listed=True)

    assert standing.rate == pytest.approx(100)
    assert standing.seconds_left == pytest.approx(30)
    assert in_words(standing) == "2,000 of 5,000 photos · 40% · 100 a second · 30 s left · 10 errors"


def test_a_rate_that_falls_is_seen_within_a_minute():
    progress = Progress(0, 0.0)
    for second in range(200):
        progress.add(100 if second < 100 else 10, 0)
        standing = progress.standing(10**6, float(second), listed=True)

    assert standing.rate == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (125, "2 min"), (7199, "119 min"), (7300, "2 h 1 min"), (200_000, "2 d 7 h")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words
