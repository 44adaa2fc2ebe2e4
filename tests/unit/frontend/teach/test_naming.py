"""Names as people type them."""

import pytest

from sightserve.frontend.teach.naming import class_name, file_name, model_name


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("apples", "apples"),
        ("  My Äpfel & pears! ", "my-apfel-pears"),
        ("fast", "my-fast"),
        ("../../etc", "etc"),
        ("--replace", "replace"),
        ("x" * 100, "x" * 40),
        ("", ""),
        (" \n", ""),
    ],
)
def test_a_subject_becomes_a_name_that_a_folder_and_an_address_can_have(subject, name):
    assert model_name(subject) == name


def test_a_subject_in_another_script_has_a_name_of_its_own():
    assert model_name("りんご") != model_name("苹果")
    assert model_name("りんご").startswith("model-")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ripe", "ripe"),
        (" a/b\\c ", "a-b-c"),
        ("..", ""),
        (".hidden", "hidden"),
        ("two\nlines\u202e", "two lines"),
        ("x" * 99, "x" * 60),
        ("قطة", "قطة"),
    ],
)
def test_a_class_has_a_name_that_a_folder_can_have(typed, name):
    assert class_name(typed) == name


@pytest.mark.parametrize(
    ("name", "file"),
    [("IMG 1.JPG", "IMG 1-7.jpg"), ("a/b/c.heic", "c-7.heic"), ("x.exe", "x-7.jpg"), ("..", "photo-7.jpg")],
)
def test_a_photo_is_recognised_by_its_files_name(name, file):
    assert file_name(name, 7) == file
