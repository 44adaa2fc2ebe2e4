"""`python -m sightserve`: the same as the `sightserve` command."""

from sightserve.cli.main import main

if __name__ == "__main__":
    main()
