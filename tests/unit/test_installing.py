"""Nothing anywhere tells a reader to install the name from a package index: whoever registered it there would be installed."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import ROOT

import sightserve

BY_NAME = re.compile(
    r"""pip3?\s+install\s+(?:-\S+\s+)*['"]?sightserve\b(?!\s*@)|uvx?\s+(?:tool\s+install\s+|add\s+)?sightserve\b"""
)
READ = {".py", ".md", ".html", ".js", ".yaml", ".yml", ".toml", ".sh", ".txt", ""}


def test_no_page_and_no_message_installs_by_name():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    said = [
        f"{path}: {found[0]}"
        for path in listed
        if Path(path).suffix in READ and path != "tests/unit/test_installing.py" and (ROOT / path).is_file()
        for found in BY_NAME.finditer((ROOT / path).read_text(errors="ignore"))
    ]

    assert said == []


@pytest.mark.parametrize(
    "line", ["pip install sightserve", "pip install 'sightserve[backend]'", "pip install -U sightserve"]
)
def test_it_would_be_noticed(line):
    assert BY_NAME.search(line)


@pytest.mark.parametrize("line", ["pip install '.[backend]'", "pip install 'sightserve @ git+https://example.org/x'"])
def test_what_works_may_be_said(line):
    assert not BY_NAME.search(line)


def test_the_newest_version_in_the_changelog_is_this_one():
    versions = re.findall(
        r"^## (\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert versions[0] == sightserve.__version__


def test_a_tagged_commit_is_the_version_that_it_says():
    """The rule of CONTRIBUTING.md: `v` and the version, on the commit whose files say that version."""
    tags = subprocess.run(
        ["git", "tag", "--points-at", "HEAD", "v*"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert set(tags) <= {f"v{sightserve.__version__}"}
