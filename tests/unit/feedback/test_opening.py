"""What is said where the extra is not installed."""

import sys

import pytest

from sightserve.feedback.errors import NoDatabase
from sightserve.feedback.opening import open_recorder


def test_what_is_missing_is_named_with_what_installs_it(monkeypatch, url):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for module in [name for name in sys.modules if name.startswith("sightserve.feedback.")]:
        if module not in {"sightserve.feedback.errors", "sightserve.feedback.opening", "sightserve.feedback.recorder"}:
            monkeypatch.delitem(sys.modules, module)

    with pytest.raises(NoDatabase, match=r"extra 'feedback'; .*pip install '\.\[feedback\]'"):
        open_recorder(url, 30)


def test_a_recorder_of_a_file_opens_and_closes(url):
    open_recorder(url, 30).close(5)
