"""The About page, and what only it uses."""
