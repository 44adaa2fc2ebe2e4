"""The Batch page, and what only it uses."""
