"""The Photo page, and what only it uses."""
