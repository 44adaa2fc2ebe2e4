"""A `Photo` -> [its bytes, from wherever they are] -> a slot. Called in several threads at once."""

from sightserve.batch.photo import Photo


def read(photo: Photo) -> bytes:
    """Return a photo's bytes, of which there are at most `photo.MOST_BYTES`.

    Raises:
        Unreadable: it is not there, cannot be read, or is too large.
        StorageAway: where it is cannot be reached at all, even after a while.
    """
    raise NotImplementedError(photo)
