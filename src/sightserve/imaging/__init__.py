"""A stranger's bytes as an upright RGB picture of a bounded size, wherever that is needed. Imports nothing of ours."""
