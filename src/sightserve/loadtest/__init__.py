"""Load on both halves as people make it, a report of what happened, and the capacity that follows from it."""
