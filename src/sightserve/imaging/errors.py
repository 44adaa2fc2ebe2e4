"""What can be wrong with a stranger's picture. The message is for whoever sent it.

ImageError
├── UnsupportedImageType
├── TooManyPixels
└── UnreadableImage
"""


class ImageError(Exception):
    """The bytes are no picture that is taken."""


class UnsupportedImageType(ImageError):
    """No picture at all, or one of a kind that is not taken."""


class TooManyPixels(ImageError):
    """The header announces more pixels than the limit; nothing was decoded."""


class UnreadableImage(ImageError):
    """A kind that is taken, but truncated or damaged."""
