"""What the pages have in common. Knows no page."""
