"""Settings on their way from a person to a word of a command line."""

import pytest

from sightserve.deploy.variables import InvalidVariable, read_variables, update_flag


def test_a_value_may_have_equals_signs_spaces_and_nothing():
    assert read_variables(["A=b=c d", "B=", "A=last"]) == (("A", "last"), ("B", ""))


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("NAME", "NAME=VALUE"),
        ("=value", "NAME=VALUE"),
        ("1ST=x", "NAME=VALUE"),
        ("A B=x", "NAME=VALUE"),
        ("A,B=x", "NAME=VALUE"),
        ("^;^A=x", "NAME=VALUE"),
        ("PORT=80", "keeps this name"),
        ("K_SERVICE=x", "keeps this name"),
        ("X_GOOGLE_Y=x", "keeps this name"),
        ("A=line\nend", "control character"),
        ("A=,;|#~!%@", "none is left"),
    ],
)
def test_what_cloud_run_or_gcloud_would_not_take_is_refused_by_name(written, says):
    with pytest.raises(InvalidVariable, match=says):
        read_variables([written])


@pytest.mark.parametrize(
    ("variables", "flag"),
    [
        ({"A": "1", "B": "2"}, "--update-env-vars=A=1,B=2"),
        ({"A": "1,2", "B": "2"}, "--update-env-vars=^;^A=1,2;B=2"),
        ({"A": "1,2", "B": "2;3"}, "--update-env-vars=^|^A=1,2|B=2;3"),
    ],
)
def test_values_are_kept_apart_by_what_is_in_none_of_them(variables, flag):
    assert update_flag(variables) == flag


def test_values_that_leave_no_delimiter_are_refused_together():
    with pytest.raises(InvalidVariable, match="none is left"):
        update_flag({"A": ",;|#", "B": "~!%@"})
