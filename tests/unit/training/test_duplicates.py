"""Which photos are of one scene: variants of drawn ones, and real photos where they are there."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from tests.unit.training.drawn import Told, dataset, scene

from sightserve.backend.settings import Settings
from sightserve.bundle.manifest import embedded_bundle_path
from sightserve.training.dataset import Dataset, Example
from sightserve.training.duplicates import groups, twins
from sightserve.training.features import Features, extract


def features(hashes: Any, vectors: Any, labels: str, digests: Sequence[str] = ()) -> Features:
    examples = tuple(Example(Path(str(place)), label, str(place)) for place, label in enumerate(labels))
    digests = digests or [str(place) for place in range(len(labels))]
    return Features(examples, np.asarray(vectors, np.float32), np.asarray(hashes, np.uint64), tuple(digests))


def some_hashes(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 2**63, count).astype(np.uint64)


def test_the_same_file_is_one_scene_whatever_it_is_called():
    found = features(some_hashes(3), np.eye(3), "aab", ["x", "y", "x"])

    made = groups(found)

    assert made.tolist() == [0, 1, 0]
    assert [each.tolist() for each in twins(found, made)] == [[0, 2]]


def test_both_the_hash_and_the_network_have_to_say_so():
    one, other = some_hashes(2)
    near = one ^ np.uint64(0b10110001)
    vectors = [[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [1, 0, 0.1]]

    assert groups(features([one, near, near, other], vectors, "aaaa")).tolist() == [0, 0, 1, 2]


def test_plain_pictures_are_not_one_scene_by_their_hashes():
    vectors = np.random.default_rng(0).random((6, 40)) + 1  # cosines of some 0.96

    assert len(set(groups(features(np.zeros(6), vectors, "aaabbb")).tolist())) == 6


def test_where_a_camera_stands_still_photos_have_to_be_more_alike():
    """All hashes are near each other, and all features: with the usual thresholds there would be one scene."""
    random = np.random.default_rng(0)
    (one,) = some_hashes(1)
    hashes = [one ^ np.bitwise_or.reduce(np.uint64(1) << random.choice(64, 2).astype(np.uint64)) for _ in range(60)]
    vectors = 1 + random.random((60, 50)) * 1.5

    assert len(set(groups(features(hashes, vectors, "ab" * 30)).tolist())) > 40


def test_of_many_photos_each_finds_its_like_and_no_other():
    hashes = np.repeat(some_hashes(1_500), 2)
    vectors = np.repeat(np.random.default_rng(1).normal(size=(1_500, 16)), 2, axis=0)

    made = groups(features(hashes, vectors, "ab" * 1_500))

    assert len(set(made.tolist())) == 1_500


def variants(image: Image.Image) -> list[bytes]:
    """A photo as it is, and as a burst, a messenger or an editor makes others of it."""
    width, height = image.size
    part = image.crop((width // 33, height // 33, width - width // 33, height - height // 33))
    made = []
    for each, quality in (
        (image, 92),
        (image, 40),
        (image.resize((width // 2, height // 2)), 85),
        (ImageEnhance.Brightness(image).enhance(1.2), 85),
        (part, 85),
    ):
        buffer = io.BytesIO()
        each.save(buffer, "JPEG", quality=quality)
        made.append(buffer.getvalue())
    return made


@pytest.mark.slow
def test_variants_of_real_photos_join_and_different_photos_do_not(labelled_photos, tmp_path):
    names = {}
    for number, (path, _) in enumerate(labelled_photos[::4]):
        with Image.open(path) as image:
            for place, data in enumerate(variants(image.convert("RGB"))):
                name = f"{number:02d}-{place}.jpg"
                (tmp_path / name).write_bytes(data)
                names[name] = "all"
    photos: Dataset = dataset(tmp_path, names)

    found = extract(photos, embedded_bundle_path("fast"), Told(), settings=Settings())

    scenes = groups(found).reshape(-1, 5)
    assert len(set(scenes[:, 0].tolist())) == len(scenes)  # no two photos are one
    assert (scenes == scenes[:, :1]).mean() > 0.95


@pytest.mark.slow
def test_variants_of_drawn_photos_join(tmp_path):
    names = {}
    for number in range(8):
        for place, data in enumerate(variants(scene(number, 256))):
            name = f"{number}-{place}.jpg"
            (tmp_path / name).write_bytes(data)
            names[name] = "ab"[number % 2]

    found = extract(dataset(tmp_path, names), embedded_bundle_path("fast"), Told(), settings=Settings())

    scenes: dict[str, set[int]] = {}
    for example, number in zip(found.examples, groups(found).tolist(), strict=True):
        scenes.setdefault(example.name[0], set()).add(number)
    assert sum(len(each) for each in scenes.values()) <= 10  # of eight
    assert len(set().union(*scenes.values())) >= 8
