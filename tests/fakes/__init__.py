"""Fakes of what is outside, as servers of their own: each can be started by itself, `python -m tests.fakes.NAME --help`."""
