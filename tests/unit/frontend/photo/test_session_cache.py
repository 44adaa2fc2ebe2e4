"""What the Photo page keeps of a session has an upper bound."""

from sightserve.api.schema import Prediction
from sightserve.frontend.photo.session_cache import MOST_HISTORY, LruCache, SessionCache
from sightserve.frontend.shared.photos import Photo

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
    kept = LruCache[int](most=2)
    kept.put("a", 1)
    kept.put("b", 2)

    kept.get("a")
    kept.put("c", 3)

    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)


def test_the_history_is_newest_first_and_bounded(jpeg):
    cache = SessionCache()

    for number in range(MOST_HISTORY + 5):
        cache.keep(Photo(f"{number}.jpg", jpeg(number)), PREDICTION)

    names = [entry.name for entry in cache.history()]
    assert len(names) == MOST_HISTORY
    assert names[0] == f"{MOST_HISTORY + 4}.jpg"


def test_the_same_content_is_one_photo_whatever_it_is_called(jpeg):
    cache = SessionCache()

    cache.keep(Photo("one.jpg", jpeg(1)), PREDICTION)

    assert cache.answer(Photo("two.jpg", jpeg(1))) == PREDICTION
    assert cache.answer(Photo("one.jpg", jpeg(2))) is None
