"""What can go wrong with a video.

VideoError
├── NotAVideo         no container that is taken: an image, a text, a playlist, a damaged index
├── NoPicture         a container without a picture to look at: sound alone, or not one frame that can be read
├── VideoTooLarge     longer, or with more pixels, than the limits say
├── WorkerLost        the process that reads the video died, hangs, or ran out of memory
├── CannotWrite       the annotated video cannot be written: no encoder, no space
└── Cancelled         somebody said stop

Each class has a stable code; messages are written for the person who chose the video.
"""

from typing import ClassVar


class VideoError(Exception):
    """Base of all errors of this package."""

    code: ClassVar[str] = "video_error"


class NotAVideo(VideoError):
    """The bytes are no video of a kind that is taken."""

    code = "not_a_video"


class NoPicture(VideoError):
    """There is nothing to look at in it."""

    code = "no_picture"


class VideoTooLarge(VideoError):
    """Longer or larger than the limits."""

    code = "video_too_large"


class WorkerLost(VideoError):
    """The process that reads the video died or hangs."""

    code = "video_unreadable"


class CannotWrite(VideoError):
    """The annotated video cannot be written."""

    code = "cannot_write_video"


class Cancelled(VideoError):
    """Somebody said stop."""

    code = "cancelled"


BY_CODE: dict[str, type[VideoError]] = {
    kind.code: kind for kind in (NotAVideo, NoPicture, VideoTooLarge, WorkerLost, CannotWrite, Cancelled)
}
