"""The Teach page with a child that does not learn, but says that it did."""

import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.conftest import ROOT

from sightserve.frontend.inbox.store import Pick
from sightserve.frontend.shared import ledger, settings
from sightserve.frontend.shared.ledger import Account, Budget, Ledger, Place
from sightserve.frontend.teach import training
from sightserve.frontend.teach.collection import Collection

FAKE = (sys.executable, str(ROOT / "tests" / "fakes" / "train.py"))


@pytest.fixture
def teach_page(backend, monkeypatch, tmp_path):
    monkeypatch.setenv("SIGHTSERVE_UI_TEACH", "1")
    monkeypatch.setenv("FAKE_TRAIN_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(training, "COMMAND", FAKE)
    settings.settings.cache_clear()
    ledger.ledger.cache_clear()
    page = AppTest.from_string("from sightserve.frontend.teach import page\npage.page()", default_timeout=20)
    yield page
    for name in ("training", "teaching"):
        if name in page.session_state:
            page.session_state[name].close()


@pytest.fixture
def book():
    return Ledger({place: Budget(10**7, 10**7) for place in Place})


@pytest.fixture
def collection(book):
    made = Collection(Account(book, "me"))
    yield made
    made.close()


def pick_of(account: Account, *files: tuple[str, bytes]) -> Pick:
    """Files as they have come in, on the disk."""
    pick = Pick(1, len(files), Place.DISK)
    for index, (name, data) in enumerate(files):
        pick.add(pick.begin(index, name, len(data), len(data), account), 0, data)
    return pick


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
