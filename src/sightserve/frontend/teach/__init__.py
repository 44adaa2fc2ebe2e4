"""The Teach page: photos of one's own to a classifier of one's own, and what it is worth."""
