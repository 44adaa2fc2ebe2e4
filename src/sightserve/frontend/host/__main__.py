"""Streamlit's own command, ended as ours are: 130 after Ctrl-C, without a word; and not outliving who started it."""

import os
import sys

from click.exceptions import Abort, ClickException
from streamlit.web.cli import main

from sightserve import lifeline

lifeline.hold()
try:
    main(prog_name="streamlit", standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
except (Abort, KeyboardInterrupt):
    sys.exit(130)
except ClickException as error:
    error.show()
    sys.exit(error.exit_code)
