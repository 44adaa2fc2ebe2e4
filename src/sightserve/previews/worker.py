"""The process that decodes photos for the web app: one at a time, each at the sizes that are wanted, as JPEGs."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sightserve import malloc
from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import ImageError, TooManyPixels
from sightserve.imaging.geometry import FitWithin
from sightserve.sandbox import child
from sightserve.sandbox.wire import message, receive, receive_message

# Beside what is loaded: the largest picture that is asked for (see `pool`), its file, and copies of small ones. Whatever a
# decoder asks for beyond that, whoever sent it, is refused by the system.
_MEMORY = 512 * 2**20


def main() -> None:
    """Answer until the other end closes."""
    connection = child.connect()
    malloc.give_large_blocks_back()
    loaded = child.address_space()
    child.bound(memory=None if loaded is None else loaded + _MEMORY)
    try:
        connection.sendall(message({"ready": True}))
        while True:
            wish, photo = receive_message(connection)
            connection.sendall(_answer(connection, wish, photo))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _answer(connection: socket.socket, wish: dict[str, Any], photo: bytes) -> bytes:
    @contextmanager
    def hold(pixels: int) -> Iterator[None]:
        connection.sendall(message({"needs": pixels}))
        if not receive(connection)["granted"]:
            raise TooManyPixels("the picture needs more memory than there is for it here")
        yield

    (longest, quality), *others = wish["sizes"]
    try:
        decoder = Decoder(FitWithin(longest), "bicubic", wish["max_pixels"], hold=hold)
        image = decoder.decode(photo).image
    except ImageError as exc:
        return message({"refused": type(exc).__name__})
    except MemoryError:
        return message({"refused": TooManyPixels.__name__})
    made = [_jpeg(image, quality)]
    for side, its_quality in others:
        small = image.copy()
        small.thumbnail((side, side))
        made.append(_jpeg(small, its_quality))
    lengths = [len(jpeg) for jpeg in made]
    return message({"width": image.width, "height": image.height, "lengths": lengths}, b"".join(made))


def _jpeg(image: Any, quality: int) -> bytes:  # noqa: ANN401 - Pillow's; imaging alone knows it
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)  # without EXIF: where a photo was taken is nobody's business here
    return buffer.getvalue()


if __name__ == "__main__":
    main()
