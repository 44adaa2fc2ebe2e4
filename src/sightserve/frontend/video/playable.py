"""What a browser is asked about a video: whether it plays one of this kind, as a MIME type with codecs (RFC 6381)."""

from typing import Final

from sightserve.video.facts import Facts

# FFmpeg's names, of codecs and of their decoders, and one ordinary profile of each: a browser plays all or none of it.
_PICTURE: Final = {
    "h264": "avc1.42E01E", "hevc": "hvc1.1.6.L93.B0", "vp8": "vp8", "vp9": "vp09.00.10.08", "av1": "av01.0.04M.08",
    "libdav1d": "av01.0.04M.08",
}  # fmt: skip
_SOUND: Final = {
    "aac": "mp4a.40.2", "mp3": "mp4a.6B", "mp3float": "mp4a.6B", "opus": "opus", "libopus": "opus", "flac": "flac",
    "vorbis": "vorbis", "ac3": "ac-3", "eac3": "ec-3", "alac": "alac",
}  # fmt: skip


def kind(facts: Facts, suffix: str) -> str | None:
    """Return the type to ask a browser about; None where no browser plays it.

    A picture whose codec is not known here is left out of the type: the browser tries. Sound that is not known is none: a
    browser would play the picture in silence, and not say so.

    Args:
        facts: what the video is.
        suffix: of the file, with its dot.
    """
    family = facts.container.split(",")[0]
    if family not in {"mov", "matroska"} or (family == "matroska" and suffix != ".webm"):
        return None
    sound = [_SOUND.get(codec) for codec in facts.audio]
    if None in sound:
        return None
    codecs = [codec for codec in (_PICTURE.get(facts.codec), *sound) if codec is not None]
    what = "video/mp4" if family == "mov" else "video/webm"
    return f'{what}; codecs="{", ".join(codecs)}"' if facts.codec in _PICTURE else what
