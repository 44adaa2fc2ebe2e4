"""Write the asynchronous client from the blocking one, so that the two cannot drift apart.

Usage: python tools/make_async_client.py [--check]
"""

import re
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "src" / "sightserve" / "client"

# In this order: each (pattern, replacement) of `re.sub`.
REPLACEMENTS = (
    (
        r'"""The blocking client\."""',
        '"""The asynchronous client. Written by tools/make_async_client.py from http.py: change that."""',
    ),
    (r"^import time$", "import asyncio"),
    (r"import Callable, Iterable, Iterator, Sequence", "import AsyncIterator, Awaitable, Callable, Iterable, Sequence"),
    (r"^import asyncio$", "import asyncio\nimport time"),
    (r"class Client:", "class AsyncClient:"),
    (r"between threads; close it, or use `with`", "between tasks; close it, or use `async with`"),
    (r"        with Client\(", "        async with AsyncClient("),
    (
        r'print\(client\.predict\(Path\("cat\.jpg"\)\)\.prediction\)',
        'print((await client.predict(Path("cat.jpg"))).prediction)',
    ),
    (r"BaseTransport", "AsyncBaseTransport"),
    (r"Callable\[\[float\], None\] = time\.sleep", "Callable[[float], Awaitable[None]] = asyncio.sleep"),
    (r"httpx2\.Client\(", "httpx2.AsyncClient("),
    (r"-> Iterator\[", "-> AsyncIterator["),
    (r"\bpredict_many\b(?=$|\(self)", "predict_many_async"),
    (r"= read_image\((image|photo)\)", r"= await asyncio.to_thread(read_image, \1)"),
    (r"= list\(map\(read_image, images\)\)", "= [await asyncio.to_thread(read_image, image) for image in images]"),
    (r"^    def (?!__|predict_many)", "    async def "),
    (r"self\.(_request|_once|_send|_try|_sleep|close)\(", r"await self.\1("),
    (r"self\._http\.request\(", "await self._http.request("),
    (r"self\._http\.close\(", "await self._http.aclose("),
    (r"def __(enter|exit)__", r"async def __a\1__"),
)


def asynchronous(source: str) -> str:
    """Return the source of the asynchronous client."""
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    return source


def main() -> int:
    """Write `aio.py`, or with --check only say whether it is as it should be."""
    wanted = asynchronous((CLIENT / "http.py").read_text())
    target = CLIENT / "aio.py"
    if "--check" in sys.argv[1:]:
        if target.read_text() != wanted:
            print("client/aio.py is not what tools/make_async_client.py writes: run it")
            return 1
        return 0
    target.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
