"""Video and segments -> [an MP4 with the labels in its pictures]: H.264, with the original's sound, streamed to disk."""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from sightserve.video.errors import CannotWrite
from sightserve.video.limits import Limits
from sightserve.video.timeline import Segment
from sightserve.video.worker import plate
from sightserve.video.worker.plate import Plate
from sightserve.video.worker.playback import Shown, Video
from sightserve.video.worker.reader import is_hdr, open_video, square
from sightserve.video.worker.sound import Sound

# What PyAV's wheels have; another build may have only one of the others.
ENCODERS: Final = ("libx264", "libopenh264", "h264_videotoolbox")
OPTIONS: Final = {"libx264": {"preset": "veryfast", "crf": "21"}}
_TURNS: Final = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}
_HD: Final = 720  # lines: from here on colours are BT.709 where nothing is said
_TELL_EVERY: Final = 0.25  # seconds
_LONG: Final = 0.5  # seconds that a last picture is on screen from which on its end is written
_AGAIN: Final = 4  # times: MP4's length is that of the order of decoding, in which the encoder is two pictures behind


def burn(
    source: Path,
    target: Path,
    segments: Sequence[Segment],
    *,
    limits: Limits,
    font: str | None,
    progress: Callable[[float, float | None], None],
) -> dict[str, Any]:
    """Write the annotated video; return {"audio": how the sound came along, "frames": how many pictures}.

    Args:
        source: the video.
        target: an MP4 that does not exist yet.
        segments: what to write on it.
        limits: of the source.
        font: path of a font file, or None.
        progress: told the time of the picture just written and the end, seconds, a few times a second.

    Raises:
        NotAVideo, NoPicture, VideoTooLarge: as in `reader`.
        CannotWrite: there is no encoder, or no space.
    """
    with source.open("rb") as file, open_video(file, limits) as (video, facts):
        # faststart: the index in front, so that a browser plays while it loads
        try:
            # file: or FFmpeg takes what stands before a colon for a protocol
            with av.open(f"file:{target}", "w", format="mp4", container_options={"movflags": "+faststart"}) as out:
                burner = _Burner(video, out, segments, font)
                told = time.monotonic()
                for now in burner.run():
                    if time.monotonic() - told > _TELL_EVERY:
                        told = time.monotonic()
                        progress(now, facts.seconds)
        except (av.FFmpegError, OSError) as exc:
            why = "there is no more space for it" if exc.errno in {errno.ENOSPC, errno.EFBIG} else exc.strerror
            raise CannotWrite(f"the annotated video cannot be written: {why}") from exc
    return {"audio": burner.sound.notes(), "frames": burner.written}


class _Burner:
    """Draws labels on pictures and hands sound through."""

    def __init__(
        self, video: Video, out: av.container.OutputContainer, segments: Sequence[Segment], font: str | None
    ) -> None:
        self.sound = Sound(video, out)
        self.written = 0
        self._video, self._out, self._font = video, out, font
        self._segments = list(segments)
        self._plates: dict[Segment, Plate] = {}
        self._scaler = VideoReformatter()
        self._encoder: av.VideoStream | None = None
        self._turner: Graph | None = None
        self._last = -1
        self._drawn: av.VideoFrame | None = None

    def run(self) -> Iterator[float]:
        """Write everything; yield the time of each picture, seconds."""
        video = self._video
        # sound that comes before the first picture waits: the file's header has to know that one
        waiting: list[av.Packet[Any]] = []
        for packet in video.packets():
            if packet.stream is not video.stream:
                waiting.append(packet)
            else:
                for shown in video.decode(packet):
                    self._write(shown)
                    yield shown.time
            if self._encoder is not None:
                while waiting:
                    self.sound.take(waiting.pop(0))
        for shown in video.rest():
            self._write(shown)
            yield shown.time
        if self._encoder is None:
            raise CannotWrite("not one picture of this video can be read")
        self._hold(self._encoder)
        while waiting:
            self.sound.take(waiting.pop(0))
        self._out.mux(self._encoder.encode(None))
        self.sound.finish()

    def _write(self, shown: Shown) -> None:
        upright = self._upright(shown.frame)
        if self._encoder is None:
            self._encoder = self._encoder_for(upright)
        pts = round(Fraction(shown.time) / self._encoder.codec_context.time_base)
        if pts <= self._last:
            return  # two pictures at one time: a player shows the first
        upright.pts, upright.time_base, self._last = pts, self._encoder.codec_context.time_base, pts
        upright.pict_type = 0  # the encoder decides anew which pictures stand alone
        drawn = self._plate(shown.time, upright)
        if drawn is not None:
            upright.make_writable()  # the decoder still predicts later pictures from this one
            drawn.blend(upright)
        self._out.mux(self._encoder.encode(upright))
        self._drawn = upright
        self.written += 1

    def _hold(self, encoder: av.VideoStream) -> None:
        """Write the last picture again where it is on screen for long: MP4 gives the last one no longer than those before."""
        end, each = self._video.shown_until, self._video.frame_seconds
        if self._drawn is None or end - self._video.last <= max(_LONG, (_AGAIN + 1) * each):
            return
        for number in range(_AGAIN, 0, -1):
            self._drawn.pts = round(Fraction(end - number * each) / encoder.codec_context.time_base)
            self._out.mux(encoder.encode(self._drawn))
            self.written += 1

    def _upright(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the frame in yuv420p, with an even size, square pixels, an ordinary screen's colours, and not turned."""
        width, height = square(frame.width, frame.height, self._video.stream.sample_aspect_ratio)
        if self._encoder is not None:  # a video whose size changes on the way keeps its first
            context = self._encoder.codec_context
            width, height = context.width, context.height
            if frame.rotation % 180:
                width, height = height, width
        width, height = max(2, width // 2 * 2), max(2, height // 2 * 2)
        turn = frame.rotation % 360
        hdr = is_hdr(frame.color_trc)
        if (frame.width, frame.height, frame.format.name) != (width, height, "yuv420p") or hdr:
            frame = self._scaler.reformat(
                frame,
                width,
                height,
                "yuv420p",
                interpolation=Interpolation.BICUBIC,
                dst_color_range=ColorRange.MPEG,
                dst_color_trc=ColorTrc.BT709 if hdr else None,
                dst_color_primaries=ColorPrimaries.BT709 if hdr else None,
                dst_colorspace=Colorspace.ITU709 if hdr else None,
            )
        return self._turned(frame, turn) if turn in _TURNS else frame

    def _turned(self, frame: av.VideoFrame, turn: int) -> av.VideoFrame:
        if self._turner is None:
            graph = Graph()
            nodes = [
                graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
            ]
            for words in _TURNS[turn]:
                name, _, arguments = words.partition("=")
                nodes.append(graph.add(name, arguments or None))
            graph.link_nodes(*nodes, graph.add("buffersink")).configure()
            self._turner = graph
        self._turner.vpush(frame)
        return self._turner.vpull()

    def _encoder_for(self, frame: av.VideoFrame) -> av.VideoStream:
        name = next((name for name in ENCODERS if name in av.codecs_available), None)
        if name is None:
            raise CannotWrite("this installation of PyAV has no H.264 encoder; its wheels on PyPI have")
        source = self._video.stream
        encoder: av.VideoStream = self._out.add_stream(
            name, rate=source.average_rate or 25, options=OPTIONS.get(name, {})
        )
        context = encoder.codec_context
        context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuv420p"
        context.time_base = source.time_base or Fraction(1, 90_000)
        context.color_range, context.colorspace = frame.color_range, frame.colorspace
        context.color_trc, context.color_primaries = frame.color_trc, frame.color_primaries
        context.thread_type = "AUTO"
        self.sound.open()
        return encoder

    def _plate(self, now: float, frame: av.VideoFrame) -> Plate | None:
        """Return what to draw at this time; segments that are over are forgotten."""
        while self._segments and self._segments[0].end <= now:
            self._plates.pop(self._segments.pop(0), None)
        if not self._segments or (segment := self._segments[0]).label is None or now < segment.start:
            return None
        if segment not in self._plates:
            self._plates[segment] = plate.draw(
                segment.label,
                segment.probability,
                (frame.width, frame.height),
                hd=frame.colorspace == 1 or (frame.colorspace != 5 and frame.height >= _HD),  # noqa: PLR2004 - H.273, table 4
                full_range=frame.color_range == ColorRange.JPEG,
                font=self._font,
            )
        return self._plates[segment]
