"""What sources tell each other: an archive that cannot be read is a row in a folder, and an error where it is all of IN."""


class DamagedArchive(Exception):
    """An archive cannot be read, or not any further; the message says why, in words that end no sentence."""
