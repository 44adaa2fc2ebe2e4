"""What decoding takes is known before it is decoded, for every kind of picture; and a server keeps within its container."""

import asyncio
import io
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from tests.hostile import bombs
from tests.metrics import metric
from tests.processes import running_backend
from tests.slots import slots

pillow_heif.register_heif_opener()
SIZE = (4000, 2500)
MIB = 2**20
_BESIDE = 12 * MIB  # libraries that the first picture of a kind loads


def made(mode: str, kind: str, **options: object) -> bytes:
    image = Image.new("RGB", SIZE, (10, 20, 30)).quantize(4) if mode == "P" else Image.new(mode, SIZE)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(shape: tuple[int, ...], kind: str, photometric: str = "minisblack", **options: Any) -> bytes:
    """In one strip, which libtiff decodes at once."""
    buffer = io.BytesIO()
    array = np.zeros(shape, kind)
    tifffile.imwrite(buffer, array, compression="zlib", photometric=photometric, rowsperstrip=SIZE[1], **options)
    return buffer.getvalue()


ROWS, COLUMNS = SIZE[1], SIZE[0]
KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: made("RGB", "JPEG"),
    "JPEG, progressive, all colours whole": lambda: made("RGB", "JPEG", progressive=True, subsampling=0),
    "JPEG, progressive, grey": lambda: made("L", "JPEG", progressive=True),
    "JPEG, progressive, CMYK": lambda: made("CMYK", "JPEG", progressive=True),
    "PNG": lambda: made("RGB", "PNG"),
    "PNG, alpha": lambda: made("RGBA", "PNG"),
    "PNG, grey and alpha": lambda: made("LA", "PNG"),
    "PNG, one transparent colour": lambda: made("RGB", "PNG", transparency=(0, 0, 0)),
    "PNG, one transparent grey": lambda: made("L", "PNG", transparency=0),
    "PNG, palette": lambda: made("P", "PNG"),
    "PNG, transparent palette": lambda: made("P", "PNG", transparency=0),
    "PNG, 16 bits": lambda: made("I;16", "PNG"),
    "PNG, black and white": lambda: made("1", "PNG"),
    "WebP": lambda: made("RGB", "WEBP", quality=50, method=0),
    "WebP, alpha": lambda: made("RGBA", "WEBP", quality=50, method=0),
    "WebP, animated": lambda: made(
        "RGBA", "WEBP", save_all=True, append_images=[Image.new("RGBA", SIZE, "red")], method=0
    ),
    "GIF": lambda: made("P", "GIF"),
    "GIF, transparent": lambda: made("P", "GIF", transparency=0),
    "BMP": lambda: made("RGB", "BMP"),
    "AVIF, all colours whole": lambda: made("RGB", "AVIF", speed=10, subsampling="4:4:4"),
    "AVIF, alpha": lambda: made("RGBA", "AVIF", speed=10, subsampling="4:4:4"),
    "HEIF, all colours whole": lambda: made("RGB", "HEIF", enc_params={"chroma": 444, "preset": "ultrafast"}),
    "HEIF, alpha": lambda: made("RGBA", "HEIF", enc_params={"preset": "ultrafast"}),
    "TIFF, 8 bits": lambda: tiff((ROWS, COLUMNS, 3), "u1", "rgb"),
    "TIFF, 16 bits": lambda: tiff((ROWS, COLUMNS, 3), "u2", "rgb"),
    "TIFF, 16 bits, alpha": lambda: tiff((ROWS, COLUMNS, 4), "u2", "rgb", extrasamples=["unassalpha"]),
    "TIFF, CMYK, 16 bits": lambda: tiff((ROWS, COLUMNS, 4), "u2", "separated"),
    "TIFF, grey": lambda: tiff((ROWS, COLUMNS), "u1"),
    "TIFF, grey, 16 bits": lambda: tiff((ROWS, COLUMNS), "u2"),
    "TIFF, grey, 16 bits, signed": lambda: tiff((ROWS, COLUMNS), "i2"),
    "TIFF, grey, 32 bits": lambda: tiff((ROWS, COLUMNS), "u4"),
    "TIFF, grey, floating-point": lambda: tiff((ROWS, COLUMNS), "f4"),
}

# For each picture a child of a process that is warm and has decoded none: what one loads is not there for the next.
MEASURE = """
import os, sys
from contextlib import contextmanager
from pathlib import Path
from sightserve import malloc
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import CentreCrop

def status(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))

counted = []

@contextmanager
def hold(pixels):
    counted.append(4 * pixels)
    yield

malloc.give_large_blocks_back()
decoder = Decoder(CentreCrop(224, 224, 0.875), "bicubic", 50_000_000, hold=hold)
decoder.warm_up()
while size := int(sys.stdin.buffer.readline() or 0):
    data = sys.stdin.buffer.read(size)
    if os.fork():
        os.wait()
        continue
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    decoder.decode(data)
    print(1024 * (status("VmHWM") - before), counted[-1], len(data), flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def measure() -> Iterator[Callable[[bytes], tuple[int, int, int]]]:
    """What decoding a picture takes at most, what was asked for, and the picture itself, all in bytes."""
    with subprocess.Popen([sys.executable, "-c", MEASURE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pictures, told = process.stdin, process.stdout

        def ask(picture: bytes) -> tuple[int, int, int]:
            pictures.write(b"%d\n%b" % (len(picture), picture))
            pictures.flush()
            peak, counted, size = map(int, told.readline().split())
            return peak, counted, size

        yield ask
        pictures.close()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process its peak")
@pytest.mark.parametrize("kind", KINDS)
def test_no_picture_takes_more_memory_than_was_asked_for(measure, kind):
    peak, counted, size = measure(KINDS[kind]())

    assert peak <= counted + size + _BESIDE, f"{peak / MIB:.0f} MiB, of which {counted / MIB:.0f} were asked for"


@pytest.fixture
def container() -> Iterator[Path]:
    """A memory cgroup of one GiB, as a container has it: its folder."""
    for root in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")):
        folder = root / f"sightserve-{os.getpid()}"
        name = "memory.limit_in_bytes" if root.name == "memory" else "memory.max"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / name).write_text(str(1024 * MIB))
            yield folder
        except OSError:
            continue
        else:
            return
        finally:
            folder.rmdir()
    pytest.skip("no cgroup can be made here")


def worst() -> list[bytes]:
    """The largest of every kind that is taken, each as large as may be announced."""
    return [
        bombs.webp_largest(), bombs.avif_largest(), bombs.heif_largest(), bombs.png_largest(), bombs.tiff_deep_largest(),
        bombs.jpeg_largest(), bombs.tiff_giant_strip(), bombs.avif_larger_than_announced(), bombs.jpeg_profile_largest(),
        bombs.png_interlaced(), KINDS["TIFF, CMYK, 16 bits"](), KINDS["PNG, one transparent colour"](),
        KINDS["HEIF, alpha"](), KINDS["JPEG, progressive, CMYK"](),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_backend_with_one_gib_is_never_killed_whatever_two_send_at_once(tmp_path, container, cat):
    enter = ["sh", "-c", f'echo $$ > "{container}/cgroup.procs" && exec "$@"', "sh"]
    with running_backend(tmp_path / "log", "--cpus", "2", before=enter, SIGHTSERVE_DEADLINE_MS="60000") as backend:

        async def scenario() -> Counter[int]:
            answers: Counter[int] = Counter()
            async with httpx2.AsyncClient(timeout=90) as client:
                for body in worst():
                    pair = [client.post(f"{backend.url}/predict", content=body) for _ in range(2)]
                    for answer in await asyncio.gather(*pair, client.post(f"{backend.url}/predict", content=cat)):
                        assert answer.headers["content-type"].startswith(
                            ("application/json", "application/problem+json")
                        )
                        answers[answer.status_code] += 1
                huge = await client.post(f"{backend.url}/predict", content=bombs.webp_largest())
                assert (huge.status_code, huge.json()["code"]) == (413, "too_many_pixels")
                assert "send it smaller" in huge.json()["detail"]
            return answers

        before = slots(backend.process.pid)
        answers = asyncio.run(scenario())
        assert set(before) <= set(slots(backend.process.pid))
        assert metric(backend.url, "sightserve_lost_slots_total") == 0

    assert set(answers) <= {200, 413, 422}
    assert answers[200] >= len(worst())  # all the cats, and some of the others
