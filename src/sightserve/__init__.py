"""Sightserve: an image classifier in front of people, as an API, a web app and a command line."""

__version__ = "1.0.0"
