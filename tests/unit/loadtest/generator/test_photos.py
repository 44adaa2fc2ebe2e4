"""What users send."""

import io

import pytest
from PIL import Image

from sightserve.loadtest.generator import photos
from sightserve.loadtest.goals import InvalidValue


def test_every_photo_that_is_sent_is_one_of_its_own_and_shows_the_same(espresso):
    photo = photos.Photo("espresso.jpg", espresso)

    sent = [photo.unlike_any_other(number) for number in (1, 2)]

    assert len({espresso, *sent}) == 3
    pictures = [Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in (espresso, *sent)]
    assert pictures[0] == pictures[1] == pictures[2]


def test_the_samples_are_there_without_a_folder():
    catalogue = photos.load("", phone=False)

    assert {photo.name for photo in catalogue.small} >= {"cat.jpg", "espresso.jpg"}
    assert [sorted(photo.expected) for photo in catalogue.bad] == [[415], [415], [422]]


def test_a_phone_photo_has_twelve_megapixels(tmp_path):
    made = Image.effect_mandelbrot((60, 80), (-2, -1.5, 1, 1.5), 40).convert("RGB")
    made.save(tmp_path / "tall.png")

    (phone,) = photos.load(str(tmp_path)).phone

    assert Image.open(io.BytesIO(phone.data)).size == (3000, 4000)


def test_a_share_of_the_photos_is_a_phones():
    small, phone = photos.Photo("small.jpg", b"s"), photos.Photo("phone.jpg", b"p")
    catalogue = photos.Catalogue([small], [phone], [])

    drawn = [catalogue.photo(0.8) for _ in range(2000)]

    assert set(drawn) == {("small photo", small), ("phone photo", phone)}
    # 1,600 expected, standard deviation 18: six of them
    assert abs(drawn.count(("phone photo", phone)) - 1600) < 108
    assert photos.Catalogue([small], [], []).photo(0.8) == ("small photo", small)


@pytest.mark.parametrize("folder", ["missing", "."])
def test_a_folder_without_photos_is_refused(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidValue):
        photos.load(folder)


def test_a_folder_s_photos_are_sent_and_not_what_macos_leaves_beside_them(tmp_path, espresso):
    for name in ("a.jpg", "deep/b.JFIF", "._a.jpg", "__MACOSX/deep/._b.JFIF", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(espresso)

    assert [photo.name for photo in photos.load(str(tmp_path), phone=False).small] == ["a.jpg", "b.JFIF"]
