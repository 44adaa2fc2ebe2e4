"""What was measured, for people: sentences that the terminal and the page share, and a page that is one file."""
