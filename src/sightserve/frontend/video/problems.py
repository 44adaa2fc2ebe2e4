"""What the Video page says went wrong: for every error what happened and what to do, in words for people."""

from typing import Final

from sightserve.client import ClientError
from sightserve.frontend.shared import words
from sightserve.frontend.shared.words import Message
from sightserve.video.errors import VideoError

FAILED: Final = Message("Something went wrong with this video.", "Try once more, or another video.")
NO_ROOM: Final = Message(
    "This app has no room for a video right now.", "Try a shorter one, or try again in a few minutes."
)
_BY_CODE: Final[dict[str, Message]] = {
    "not_a_video": Message(
        "This is not a video that can be read here.",
        "MP4, MOV, WebM, MKV, AVI, MPEG, FLV, WMV and Ogg work, when they are complete: a recording that was cut off"
        " plays nowhere.",
    ),
    "no_picture": Message("There is no picture in this file that can be read.", "Choose another video."),
    "video_unreadable": Message("This video is damaged.", "Save it once more with a video app, and try that."),
}


def explain(error: VideoError | ClientError) -> Message:
    """Return what to tell a person about what went wrong with a video."""
    if isinstance(error, ClientError):
        return words.explain(error)
    if (known := _BY_CODE.get(error.code)) is not None:
        return known
    what = str(error)
    return Message(
        what[:1].upper() + what[1:] + ".", "Cut the video into shorter pieces or make it smaller, and try those."
    )
