"""Streamlit's own command, ended as ours are: 130 after Ctrl-C, without a word; and not outliving who started it."""

import os
import signal
import sys
from types import FrameType

from click.exceptions import Abort, ClickException
from streamlit.web.cli import main

from sightserve import lifeline
from sightserve.frontend.host import log
from sightserve.frontend.shared.settings import read_log_settings


class _Stopped(BaseException):
    """SIGTERM came, or uvicorn has ended after it and raises it once more."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


lifeline.hold()
signal.signal(signal.SIGTERM, _stop)
try:
    with log.to_stderr(read_log_settings(os.environ)):
        main(prog_name="streamlit", standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
except _Stopped:  # the log's last lines are written by now: end as if the signal had come to nobody
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)
except (Abort, KeyboardInterrupt):
    sys.exit(130)
except ClickException as error:
    error.show()
    sys.exit(error.exit_code)
