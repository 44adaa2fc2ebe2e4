"""Photos as the pages hand them around."""

import pytest

from sightserve.frontend.shared.photos import shown_name, shown_path


def test_names_are_safe_to_show():
    assert shown_name("C:\\photos\\cat.jpg") == "cat.jpg"
    assert shown_name("../../etc/passwd") == "passwd"
    assert shown_name("cat\x00\n\u202e.jpg") == "cat.jpg"
    assert shown_name("") == "photo"
    assert len(shown_name("x" * 500 + ".jpeg")) <= 120
    assert shown_name("x" * 500 + ".jpeg").endswith(".jpeg")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("day1/IMG_0001.jpg", "day1/IMG_0001.jpg"),
        ("day1\\IMG_0001.jpg", "day1/IMG_0001.jpg"),
        ("/etc//x/./cat.jpg", "etc/x/cat.jpg"),
        ("../a/../../cat.jpg", "a/cat.jpg"),
        (".\x00./\u202eday\n1/cat\x00.jpg", "day1/cat.jpg"),
        ("../..", "photo"),
        ("", "photo"),
    ],
)
def test_a_path_is_shown_from_its_folder_on_and_leads_nowhere_else(name, shown):
    assert shown_path(name) == shown


def test_a_path_that_is_too_long_loses_its_first_folders():
    path = shown_path("/".join(["folder" * 100] * 10 + ["day1", "x" * 500 + ".jpeg"]))

    assert len(path) <= 240
    assert path.startswith("…/")
    assert path.endswith(".jpeg")
    assert "/day1/" in path
