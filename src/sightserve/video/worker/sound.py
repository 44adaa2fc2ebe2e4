"""The original's sound -> [the annotated video]: the same packets where MP4 holds them, else encoded anew as AAC."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av

from sightserve.video.worker.playback import Video

# What both MP4 holds and browsers play. Others (PCM, Vorbis, WMA, ...) are encoded anew: no browser plays them from an MP4.
_KEPT: Final = frozenset({"aac", "mp3", "mp3float", "opus", "libopus", "flac", "ac3", "eac3", "alac"})

_RATES: Final = frozenset({8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})  # Hz, that AAC and browsers take


@dataclass(slots=True)
class _Track:
    source: Any
    target: Any
    resampler: av.AudioResampler | None  # None: its packets are kept as they are
    last: int | None = None


class Sound:
    """Hands the sound of a video to the annotated one."""

    def __init__(self, video: Video, out: av.container.OutputContainer) -> None:
        self._video, self._out = video, out
        self._tracks: dict[int, _Track] = {}

    def open(self) -> None:
        """Announce the streams to the annotated video; before anything is written to it."""
        for stream in self._video.sounds:
            name = stream.codec_context.name
            if name in _KEPT:
                track = _Track(stream, self._out.add_stream_from_template(stream), None)
            else:
                rate = stream.codec_context.sample_rate
                target = self._out.add_stream(
                    "aac",
                    rate=rate if rate in _RATES else 48_000,
                    layout="mono" if stream.codec_context.channels == 1 else "stereo",
                )
                context = target.codec_context
                context.bit_rate = 64_000 * context.channels
                context.open()
                resampler = av.AudioResampler(context.format, context.layout, context.sample_rate, context.frame_size)
                track = _Track(stream, target, resampler)
            self._tracks[stream.index] = track

    def take(self, packet: "av.Packet[Any]") -> None:
        """Hand one packet on."""
        track = self._tracks[packet.stream.index]
        if track.resampler is not None:
            self._encode(track, packet)
        elif packet.dts is not None and packet.time_base is not None:
            offset = round(self._video.start / packet.time_base)
            packet.dts -= offset
            packet.pts = packet.dts if packet.pts is None else packet.pts - offset
            if track.last is not None and packet.dts <= track.last:
                return  # a damaged file's time runs backwards: MP4 cannot
            track.last = packet.dts
            packet.stream = track.target
            self._out.mux(packet)

    def _encode(self, track: _Track, packet: "av.Packet[Any]") -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return  # a damaged place is silent
        for frame in frames:
            if not isinstance(frame, av.AudioFrame):
                continue
            if frame.pts is not None:
                frame.pts -= round(self._video.start / (frame.time_base or Fraction(1)))
            for ready in track.resampler.resample(frame) if track.resampler else ():
                self._out.mux(track.target.encode(ready))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        for track in self._tracks.values():
            if track.resampler is not None:
                for ready in track.resampler.resample(None):
                    self._out.mux(track.target.encode(ready))
                self._out.mux(track.target.encode(None))

    def notes(self) -> list[str]:
        """Return for each audio stream its codec and what became of it."""
        return [
            f"{track.source.codec_context.name}: {'kept' if track.resampler is None else 'encoded anew as AAC'}"
            for track in self._tracks.values()
        ]
