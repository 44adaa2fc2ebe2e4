"""The tag of an image: the same for the same content only."""

import subprocess

import pytest
from tests.conftest import ROOT

import sightserve
from sightserve.deploy.options import Options
from sightserve.deploy.tag import SHIPPED, tag_of


@pytest.fixture
def folder(tmp_path):
    """A folder as far as images are made of it."""
    for name in ("src/app.py", "containers/Dockerfile", "containers/compose.yaml", "pyproject.toml", "docs/page.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def repository(folder):
    def git(*words):
        subprocess.run(["git", "-C", folder, "-c", "user.name=n", "-c", "user.email=e", *words], check=True)

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return folder


def test_a_tree_as_it_was_committed_is_called_after_the_commit(repository):
    for name in ("docs/page.md", "containers/compose.yaml"):
        (repository / name).write_text("not in any image")

    tag = tag_of(repository)

    assert len(tag) == 12
    assert "dirty" not in tag


@pytest.mark.parametrize("changed", ["src/app.py", "src/new.py", "containers/Dockerfile", "requirements/new.txt"])
def test_each_other_content_has_another_name_and_the_same_content_the_same(repository, changed):
    clean, file = tag_of(repository), repository / changed
    before = file.read_text() if file.exists() else None
    file.parent.mkdir(exist_ok=True)

    file.write_text("one")
    one = tag_of(repository)
    file.write_text("two")
    two = tag_of(repository)
    file.write_text("one")
    again = tag_of(repository)
    file.unlink()
    if before is not None:
        file.write_text(before)

    assert one.startswith(f"{clean}-dirty-")
    assert len({clean, one, two}) == 3
    assert again == one
    assert tag_of(repository) == clean
    assert Options("my-project", "europe-west1", tag=one).tag == one


def test_a_file_that_is_gone_counts_too(repository):
    clean = tag_of(repository)

    (repository / "src" / "app.py").unlink()

    assert tag_of(repository).startswith(f"{clean}-dirty-")


def test_content_that_moves_between_files_is_other_content(folder):
    (folder / "src" / "b.py").write_text("b")
    one = tag_of(folder)

    (folder / "src" / "b.py").rename(folder / "src" / "c.py")

    assert tag_of(folder) != one


def test_where_git_knows_nothing_the_version_and_the_content_say_it(folder, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))

    assert tag_of(folder).startswith(f"{sightserve.__version__}-")


def test_bytecode_is_no_content(folder):
    before = tag_of(folder)
    (folder / "src" / "__pycache__").mkdir()
    (folder / "src" / "__pycache__" / "app.pyc").touch()

    assert tag_of(folder) == before


def test_what_counts_is_what_ends_in_an_image():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!").removesuffix("/*.txt") for line in lines if line.startswith("!")}

    assert set(SHIPPED) == let_in | {"containers/Dockerfile"}
