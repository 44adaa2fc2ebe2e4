"""The Video page, and what only it uses."""
