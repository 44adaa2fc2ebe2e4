"""The photos that ship with the app."""

from sightserve.frontend.photo.samples import SAMPLES, sample


def test_a_sample_is_found_by_its_name_only():
    assert sample("cat", None) is not None
    assert sample("../cat", None) is None


def test_every_sample_is_there_as_a_photo():
    for entry in SAMPLES:
        photo = entry.load()

        assert photo.name == f"{entry.slug}.jpg"
        assert photo.data.startswith(b"\xff\xd8\xff")
