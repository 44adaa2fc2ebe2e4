"""What a session remembers has an upper bound."""

from sightserve.api.schema import Prediction
from sightserve.frontend.photo.remembered import MOST_HISTORY, Bounded, Memory
from sightserve.frontend.shared.photos import Photo, sample, shown_name
from sightserve.frontend.shared.waiting import waits

PREDICTION = Prediction.model_validate(
    {
        "prediction": "tabby",
        "probability": 0.7,
        "top_k": [{"index": 1, "label": "tabby", "probability": 0.7}],
        "model": {"name": "m", "version": "1"},
        "image": {"width": 1, "height": 1, "format": "JPEG"},
        "timing_ms": {"queue": 0, "decode": 0, "inference": 0},
    }
)


def test_what_was_used_last_is_kept():
    kept = Bounded[int](most=2)
    kept.put("a", 1)
    kept.put("b", 2)

    kept.get("a")
    kept.put("c", 3)

    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)


def test_the_history_is_newest_first_and_bounded(jpeg):
    memory = Memory()

    for number in range(MOST_HISTORY + 5):
        memory.keep(Photo(f"{number}.jpg", jpeg(number)), PREDICTION)

    names = [entry.name for entry in memory.history()]
    assert len(names) == MOST_HISTORY
    assert names[0] == f"{MOST_HISTORY + 4}.jpg"


def test_the_same_content_is_one_photo_whatever_it_is_called(jpeg):
    memory = Memory()

    memory.keep(Photo("one.jpg", jpeg(1)), PREDICTION)

    assert memory.answer(Photo("two.jpg", jpeg(1))) == PREDICTION
    assert memory.answer(Photo("one.jpg", jpeg(2))) is None


def test_names_are_safe_to_show():
    assert shown_name("C:\\photos\\cat.jpg") == "cat.jpg"
    assert shown_name("../../etc/passwd") == "passwd"
    assert shown_name("cat\x00\n\u202e.jpg") == "cat.jpg"
    assert shown_name("") == "photo"
    assert len(shown_name("x" * 500 + ".jpeg")) <= 120
    assert shown_name("x" * 500 + ".jpeg").endswith(".jpeg")


def test_a_sample_is_found_by_its_name_only():
    assert sample("cat") is not None
    assert sample("../cat") is None


def test_waiting_ends_when_it_is_ready_or_too_late():
    clock = iter(range(100))
    answers = iter([False, False, True])

    waited = list(waits(lambda: next(answers), 60, clock=lambda: next(clock), sleep=lambda _: None))

    assert waited == [1, 2]
    assert list(waits(lambda: False, 3, clock=iter(range(9)).__next__, sleep=lambda _: None)) == [1, 2]
