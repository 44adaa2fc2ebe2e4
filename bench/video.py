"""The video side: speed against decoding and inference alone, export against a plain re-encode, memory over length, formats.

    python -m bench.video                # all of it, a few minutes; writes bench/results/video.json
    python -m bench.video --rounds 1 --seconds 20 --only speed,export

Videos are made once in the temporary directory. Ratios are medians over rounds in which both sides take turns.
"""

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
from PIL import Image
from tools.make_video import SAMPLES, photo_scenes, write_video

from bench import photos, processes
from sightserve.api.schema import Prediction
from sightserve.backend.build import load as load_model
from sightserve.backend.build import model_files, setup_of
from sightserve.backend.job import Job
from sightserve.backend.settings import Settings
from sightserve.backend.slot.assemble import assemble
from sightserve.bundle.manifest import default_bundle_path, load_bundle
from sightserve.imaging.geometry import input_geometry
from sightserve.video.analyse import Plan, analyse
from sightserve.video.annotate import annotate
from sightserve.video.timeline import Guess, segments
from sightserve.video.worker.burn import ENCODERS, OPTIONS
from sightserve.video.worker.frames import Shrinker

FOLDER = Path(tempfile.gettempdir()) / "sightserve-bench-video"
RATE = 4.0
LOOKS = load_bundle(default_bundle_path()).manifest.input.model_dump(mode="json")


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="speed,export,memory,formats")
    asked = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    clip = FOLDER / "ten.mp4"
    if not clip.exists():
        print("making a clip of ten seconds, 1080p ...", file=sys.stderr)
        write_video(clip, photo_scenes(10), size=(1920, 1080), fps=30, options={"preset": "veryfast", "crf": "23"})
    minute = repeated(clip, asked.seconds // 10)
    settings = Settings(threads_when_alone=1)
    bundle = load_model(settings)
    pipeline, _ = assemble(setup_of(settings, bundle), model_files(bundle))

    def classify(jpeg: bytes) -> tuple[Guess, ...]:
        prediction = Prediction.model_validate_json(pipeline.classify(Job(jpeg, None, 10)))
        return tuple(Guess(entry.label, entry.probability) for entry in prediction.top_k)

    parts: dict[str, Callable[[], dict[str, object]]] = {
        "speed": lambda: speed(minute, classify, settings.cpus, asked.rounds),
        "export": lambda: export(minute, classify, settings.cpus, asked.rounds),
        "memory": lambda: memory(repeated(SAMPLES / "tour.mp4", 5), repeated(SAMPLES / "tour.mp4", 50)),
        "formats": lambda: formats(classify),
    }
    target = Path(__file__).parent / "results" / "video.json"
    target.parent.mkdir(exist_ok=True)
    figures = json.loads(target.read_text()) if target.exists() else {}
    for name in asked.only.split(","):
        figures[name] = parts[name]()
        print(name, *(f"  {key:<28} {value}" for key, value in figures[name].items()), sep="\n", flush=True)
        target.write_text(json.dumps(figures, indent=1))


def repeated(clip: Path, times: int) -> Path:
    """Return the clip this many times in a row, packets copied."""
    target = FOLDER / f"{clip.stem}-{times}.mp4"
    if target.exists():
        return target
    with av.open(str(target), "w") as out:
        with av.open(str(clip)) as source:
            streams = {stream.type: out.add_stream_from_template(stream) for stream in source.streams}
        for turn in range(times):
            with av.open(str(clip)) as source:
                shift = turn * (source.duration / 1_000_000 + 0.1)  # a little apart: sound ends after the picture
                for packet in source.demux():
                    if packet.dts is None:
                        continue
                    offset = round(shift / float(packet.time_base))
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = streams[packet.stream.type]
                    out.mux(packet)
    return target


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that this takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def decode_only(path: Path) -> int:
    """Decode every picture as the worker does, and do nothing with it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


def speed(path: Path, classify: Callable[[bytes], tuple[Guess, ...]], cpus: int, rounds: int) -> dict[str, object]:
    """Compare classifying a video with its two parts, one after the other."""
    jpegs: list[bytes] = []
    for _ in analyse(path, lambda jpeg: jpegs.append(jpeg) or (), Plan(LOOKS, RATE, 1)):  # type: ignore[func-returns-value]
        pass

    def infer() -> None:
        with ThreadPoolExecutor(cpus) as pool:
            list(pool.map(classify, jpegs))

    def whole() -> None:
        for _ in analyse(path, classify, Plan(LOOKS, RATE, cpus)):
            pass

    rows = [(timed(lambda: decode_only(path)), timed(infer), timed(whole)) for _ in range(rounds)]
    decoding, inference, both = (statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median((row[0] + row[1]) / row[2] for row in rows)
    return {
        "decoding alone, s": round(decoding, 2),
        "inference alone, s": round(inference, 2),
        "classifying the video, s": round(both, 2),
        "frames classified": len(jpegs),
        "rate over that of the parts": round(ratio, 2),
    }


def export(path: Path, classify: Callable[[bytes], tuple[Guess, ...]], cpus: int, rounds: int) -> dict[str, object]:
    """Compare writing the annotated video with a plain re-encode, same encoder and preset."""
    *_, seen = analyse(path, classify, Plan(LOOKS, RATE, cpus))
    found = segments(seen.moments, seen.end)

    def annotated() -> None:
        for _ in annotate(path, FOLDER / "annotated.mp4", found):
            pass

    rows = [(timed(lambda: plain(path)), timed(annotated)) for _ in range(rounds)]
    return {
        "plain re-encode, s": round(statistics.median(row[0] for row in rows), 2),
        "annotated, s": round(statistics.median(row[1] for row in rows), 2),
        "speed over a plain re-encode": round(statistics.median(row[0] / row[1] for row in rows), 2),
    }


def plain(path: Path) -> None:
    """Decode and encode, sound copied, nothing drawn."""
    with av.open(str(path)) as source, av.open(str(FOLDER / "plain.mp4"), "w") as out:
        video, sound = source.streams.video[0], source.streams.audio[0]
        video.thread_type = "AUTO"
        encoder = out.add_stream(ENCODERS[0], rate=video.average_rate, options=OPTIONS[ENCODERS[0]])
        encoder.width, encoder.height, encoder.pix_fmt = video.width, video.height, "yuv420p"
        encoder.codec_context.time_base, encoder.codec_context.thread_type = video.time_base, "AUTO"
        copied = out.add_stream_from_template(sound)
        for packet in source.demux(video, sound):
            if packet.stream is video:
                for frame in packet.decode():
                    frame.pict_type = 0
                    out.mux(encoder.encode(frame))
            elif packet.dts is not None:
                packet.stream = copied
                out.mux(packet)
        out.mux(encoder.encode(None))


def memory(short: Path, long: Path) -> dict[str, object]:
    """Compare the memory of the whole command, its worker included, for a minute of video (540 x 360) and for ten."""
    peaks = {path: peak(["video", str(path), "-o", str(FOLDER / "memory.mp4")]) for path in (short, long)}
    return {
        "of a minute, MiB": round(peaks[short]),
        "of ten minutes, MiB": round(peaks[long]),
        "ratio": round(peaks[long] / peaks[short], 2),
    }


def peak(words: list[str]) -> float:
    """Return the largest proportional set size of the command's process tree, MiB."""
    process = subprocess.Popen([sys.executable, "-m", "sightserve", *words], stdout=subprocess.DEVNULL)
    most, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            most[0] = max(most[0], processes.memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    over.set()
    watcher.join()
    return most[0]


def formats(classify: Callable[[bytes], tuple[Guess, ...]]) -> dict[str, object]:
    """Compare ways to send a frame: bytes, time to encode, and how far the answer is from that to the whole frame."""
    pictures = []
    for photo in photos.imagenet():
        with Image.open(io.BytesIO(photo.data)) as image:
            factor = 720 / image.height
            pictures.append(
                image.convert("RGB").resize((round(image.width * factor / 2) * 2, 720), Image.Resampling.BICUBIC)
            )
    frames = [av.VideoFrame.from_image(picture).reformat(format="yuv420p") for picture in pictures]
    whole = [classify(_encoded(Image.fromarray(frame.to_ndarray(format="rgb24")), "PNG")) for frame in frames]
    cropped = [Shrinker(input_geometry(LOOKS)).picture(frame, None) for frame in frames]
    found: dict[str, object] = {}
    sent = {
        "JPEG 80, 4:2:0": lambda image: _encoded(image, "JPEG", quality=80),
        "JPEG 90, 4:2:0": lambda image: _encoded(image, "JPEG", quality=90),
        "JPEG 95, 4:4:4 (used)": lambda image: _encoded(image, "JPEG", quality=95, subsampling=0),
        "PNG": lambda image: _encoded(image, "PNG", compress_level=1),
        "BMP": lambda image: _encoded(image, "BMP"),
    }
    for name, encode in sent.items():
        seconds = timed(lambda encode=encode: [encode(image) for image in cropped]) / len(cropped)  # type: ignore[misc]
        data = [encode(image) for image in cropped]
        answers = [classify(entry) for entry in data]
        same = sum(a[0].label == b[0].label for a, b in zip(answers, whole, strict=True))
        off = np.mean(
            [abs(a[0].probability - dict(b).get(a[0].label, 0.0)) for a, b in zip(answers, whole, strict=True)]
        )
        size = statistics.mean(map(len, data)) / 1000
        found[name] = (
            f"{size:.0f} kB, {1000 * seconds:.2f} ms, same label {same}/{len(data)}, mean difference {off:.3f}"
        )
    return found


def _encoded(image: Image.Image, kind: str, **how: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
