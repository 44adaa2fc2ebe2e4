"""What is measured against what, one command: `make bench`. See README.md."""
