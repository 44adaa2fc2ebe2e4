"""The asynchronous client is written from the blocking one."""

import subprocess
import sys

from tests.conftest import ROOT


def test_the_asynchronous_client_is_what_the_tool_writes():
    check = [sys.executable, str(ROOT / "tools" / "make_async_client.py"), "--check"]

    assert subprocess.run(check, check=False).returncode == 0
