"""Photos as the pages hand them around."""

from sightserve.frontend.shared.photos import shown_name


def test_names_are_safe_to_show():
    assert shown_name("C:\\photos\\cat.jpg") == "cat.jpg"
    assert shown_name("../../etc/passwd") == "passwd"
    assert shown_name("cat\x00\n\u202e.jpg") == "cat.jpg"
    assert shown_name("") == "photo"
    assert len(shown_name("x" * 500 + ".jpeg")) <= 120
    assert shown_name("x" * 500 + ".jpeg").endswith(".jpeg")
