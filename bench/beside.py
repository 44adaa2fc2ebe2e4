"""An ordinary photo beside clients that send phones' HEICs of 12 megapixels, one after another: how much longer it takes.

python -m bench.beside --cpus 4 --clients 1,2,4,6
"""

import argparse
import asyncio
import io
import os
import sys
import time
from pathlib import Path
from statistics import median

import httpx2
import pillow_heif
from PIL import Image

from bench.servers import OURS, running

_LONE = 30  # photos
_PAUSE = 0.05  # seconds between two photos of the one who waits


def heic() -> bytes:
    """Return a photo of 12 megapixels with some detail."""
    buffer = io.BytesIO()
    image = Image.effect_noise((252, 189), 60).resize((4032, 3024)).convert("RGB")
    pillow_heif.from_pillow(image).save(buffer, quality=50)
    return buffer.getvalue()


async def measure(url: str, photo: bytes, large: bytes, clients: int, seconds: float) -> tuple[float, float, float]:
    """Return the seconds of a photo alone, and beside the clients (medians), and how many HEICs were answered a second."""

    async def took() -> float:
        started = time.perf_counter()
        (await http.post(f"{url}/predict", content=photo)).raise_for_status()
        return time.perf_counter() - started

    async with httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=clients + 1)) as http:
        (await http.post(f"{url}/predict", content=large)).raise_for_status()  # the first one loads the decoder
        await asyncio.sleep(1.0)  # and has one more slot started
        alone = [await took() for _ in range(_LONE)]
        end, beside, answered = time.perf_counter() + seconds, [], 0

        async def send_large() -> None:
            nonlocal answered
            while time.perf_counter() < end:
                answer = await http.post(f"{url}/predict", content=large)
                answered += answer.is_success

        async def send_small() -> None:
            while time.perf_counter() < end:
                beside.append(await took())
                await asyncio.sleep(_PAUSE)

        await asyncio.gather(send_small(), *(send_large() for _ in range(clients)))
    return median(alone), median(beside), answered / seconds


def main() -> None:
    """Print a line for each number of clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpus", type=int, default=4, help="slots [default: 4]")
    parser.add_argument("--clients", default="1,2,4,6", help="how many at once [default: 1,2,4,6]")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each [default: 8]")
    options = parser.parse_args()
    os.environ |= {"SIGHTSERVE_CPUS": str(options.cpus), "SIGHTSERVE_DEADLINE_MS": "60000"}
    photo, large = Path("src/sightserve/frontend/samples/cat.jpg").read_bytes(), heic()
    for clients in map(int, options.clients.split(",")):
        with running(OURS, Path(sys.executable)) as server:
            alone, beside, rate = asyncio.run(measure(server.url, photo, large, clients, options.seconds))
        print(
            f"{clients} clients: {1000 * beside:.0f} ms beside them, {1000 * alone:.1f} ms alone "
            f"({beside / alone:.1f} times); {rate:.1f} HEICs a second",
            flush=True,
        )


if __name__ == "__main__":
    main()
