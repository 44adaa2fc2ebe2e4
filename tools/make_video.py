"""Makes videos whose content is known at every moment: photos, one after the other, under a slow zoom, with a tone each.

    python tools/make_video.py                        # the sample that ships with the web app
    python tools/make_video.py OUT.mp4 --seconds 60 --size 1920x1080 --fps 30

The tests and the benchmark make theirs with `write_video`.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

SAMPLES = Path(__file__).parents[1] / "src" / "sightserve" / "frontend" / "samples"
ORDER = ("cat", "espresso", "panda", "mountains", "paintbrushes")
_AUDIO_RATE = 48_000
_NOTES = (220.0, 277.18, 329.63, 369.99, 440.0)  # Hz
_ZOOM = 1.04

Scene = tuple[Path, float]  # a photo, and for how many seconds


def photo_scenes(seconds: float, each: float = 2.4) -> list[Scene]:
    """Return the sample photos in turn, `each` seconds long, `seconds` in all."""
    count = max(1, round(seconds / each))
    return [(SAMPLES / f"{ORDER[n % len(ORDER)]}.jpg", seconds / count) for n in range(count)]


def write_video(
    path: Path,
    scenes: Sequence[Scene],
    *,
    size: tuple[int, int] = (320, 240),
    times: Sequence[Fraction] | None = None,
    fps: int = 25,
    start: Fraction = Fraction(0),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    audio: Sequence[str] = ("aac",),
    audio_bit_rate: int = 64_000,
    sar: Fraction = Fraction(1),
    colour: tuple[int, int, int] | None = None,
    turn: int = 0,
    zoom: bool = True,
    faststart: bool = True,
) -> None:
    """Write a video; the container is what the path's suffix says.

    Args:
        path: where to.
        scenes: what it shows.
        size: width and height of the stored picture, pixels.
        times: of each frame, seconds, for a variable frame rate; every 1/fps where it is None.
        fps: frames a second.
        start: of the first frame and of the sound, seconds.
        codec: of the picture.
        pix_fmt: of the picture.
        options: of the encoder.
        audio: the codec of each audio stream.
        audio_bit_rate: of each, bits a second.
        sar: width of a pixel by its height.
        colour: colour primaries, transfer characteristic and matrix, as H.273 numbers them.
        turn: degrees anticlockwise by which the stored picture is turned.
        zoom: whether the picture moves.
        faststart: whether an MP4 has its index in front.
    """
    length = sum(seconds for _, seconds in scenes)
    times = times if times is not None else [Fraction(n, fps) for n in range(round(length * fps))]
    container_options = {"movflags": "+faststart"} if faststart and path.suffix in {".mp4", ".mov"} else {}
    with av.open(str(path), "w", container_options=container_options) as out:
        video = out.add_stream(codec, rate=fps, options=options or {})
        video.width, video.height = size
        video.pix_fmt = pix_fmt
        base = Fraction(
            1, fps if codec.startswith("mpeg") else 90_000
        )  # MPEG-4 Part 2 counts to 65,535, older ones frames
        video.codec_context.time_base = base
        if sar != 1:
            video.codec_context.sample_aspect_ratio = sar
        if colour is not None:
            context = video.codec_context
            context.color_primaries, context.color_trc, context.colorspace = colour
        sounds = [out.add_stream(name, rate=_AUDIO_RATE, layout="mono") for name in audio]
        for sound in sounds:
            sound.bit_rate = audio_bit_rate
        tones = [_tone(scenes, sound.codec_context, start) for sound in sounds]
        heard = [next(tone, None) for tone in tones]
        shown = _pictures(scenes, times, size, sar, turn, zoom=zoom)
        for time, picture in shown:
            for index, sound in enumerate(sounds):
                while (frame := heard[index]) is not None and float(frame.pts * frame.time_base) <= time + start:
                    out.mux(sound.encode(frame))
                    heard[index] = next(tones[index], None)
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            image.pts, image.time_base = round((time + start) / base), base
            if colour is not None:
                image = image.reformat(format=pix_fmt, dst_colorspace=colour[2])
                image.color_primaries, image.color_trc = colour[0], colour[1]
            out.mux(video.encode(image))
        out.mux(video.encode(None))
        for sound, frame, tone in zip(sounds, heard, tones, strict=True):
            for rest in [frame, *tone]:
                if rest is not None:
                    out.mux(sound.encode(rest))
            out.mux(sound.encode(None))


def _pictures(
    scenes: Sequence[Scene],
    times: Sequence[Fraction],
    size: tuple[int, int],
    sar: Fraction,
    turn: int,
    *,
    zoom: bool,
) -> Iterator[tuple[Fraction, np.ndarray]]:
    """Yield each frame's time and its picture as stored, uint8 RGB, shape (height, width, 3)."""
    width, height = (round(size[0] * sar), size[1])
    upright = (height, width) if turn % 180 else (width, height)
    index, begins, photo = -1, 0.0, Image.new("RGB", upright)
    ends = 0.0
    still: np.ndarray | None = None
    for time in times:
        while time >= ends and index + 1 < len(scenes):
            index += 1
            begins, ends = ends, ends + scenes[index][1]
            with Image.open(scenes[index][0]) as file:
                large = (round(upright[0] * _ZOOM), round(upright[1] * _ZOOM)) if zoom else upright
                photo = ImageOps.fit(file.convert("RGB"), large, Image.Resampling.BICUBIC)
            still = None
        if still is None or zoom:
            still = _stored(_zoomed(photo, upright, (float(time) - begins) / (ends - begins)), size, turn)
        yield time, still


def _zoomed(photo: Image.Image, upright: tuple[int, int], progress: float) -> Image.Image:
    factor = 1 - (1 - 1 / _ZOOM) * min(1.0, max(0.0, progress))
    width, height = photo.width * factor, photo.height * factor
    left, top = (photo.width - width) / 2, (photo.height - height) / 2
    return photo.resize(upright, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))


def _stored(upright: Image.Image, size: tuple[int, int], turn: int) -> np.ndarray:
    return np.asarray(upright.rotate(turn, expand=True).resize(size))


def _tone(scenes: Sequence[Scene], context: av.AudioCodecContext, start: Fraction) -> Iterator[av.AudioFrame]:
    """Yield the sound: a soft note for each scene, faded in and out."""
    parts = []
    for index, (_, seconds) in enumerate(scenes):
        moment = np.arange(round(seconds * _AUDIO_RATE)) / _AUDIO_RATE
        fade = np.sin(math.pi * moment / seconds) ** 2
        parts.append(0.12 * fade * np.sin(2 * math.pi * _NOTES[index % len(_NOTES)] * moment))
    samples = (np.concatenate(parts) * 32767).astype(np.int16)
    context.open()
    resampler = av.AudioResampler(context.format, context.layout, context.sample_rate, context.frame_size or 1024)
    position = round(start * _AUDIO_RATE)
    for offset in range(0, len(samples), _AUDIO_RATE):
        frame = av.AudioFrame.from_ndarray(samples[None, offset : offset + _AUDIO_RATE], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _AUDIO_RATE, position + offset, Fraction(1, _AUDIO_RATE)
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def main() -> None:
    """Write the sample, or a video as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", default=SAMPLES / "tour.mp4")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--size", default="540x360")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--crf", default="25")
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.size.split("x"))
    write_video(
        asked.out,
        photo_scenes(asked.seconds),
        size=(width, height),
        fps=asked.fps,
        options={"crf": asked.crf, "preset": "slow" if asked.seconds < 30 else "veryfast"},  # noqa: PLR2004
    )
    print(f"{asked.out}: {asked.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
