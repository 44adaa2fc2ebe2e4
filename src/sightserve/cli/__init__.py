"""The command line: one file per command. Heavy imports happen inside a command, so that `--help` is quick."""
