"""Whatever somebody has an image in -> [bytes that the backend reads, and a name], without losing anything of it."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import PIL.Image

_AS_PNG: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_CHANNELS: Final = (1, 3, 4)


@runtime_checkable
class Array(Protocol):
    """Anything that NumPy takes for an array: its own, PyTorch's on the CPU, JAX's."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the protocol's own
        """Return it as a NumPy array."""


Image: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO | PIL.Image.Image | Array"


def read_image(image: Image) -> tuple[bytes, str | None]:
    """Return an image's bytes and, where it has one, its name.

    Args:
        image: an encoded image as bytes, as a path or as an open binary file (read from where it stands); a PIL image; or an
            array of (height, width), (height, width, 1), 3 (red, green, blue: not OpenCV's order) or 4 (and opacity)
            channels, of bytes (0 to 255), of 16-bit numbers (one channel), of truth values, or of floating-point numbers
            (0 to 1).

    Raises:
        OSError: the file cannot be read.
        TypeError: it is nothing of that.
        ValueError: an array of another shape, type or range.
    """
    if isinstance(image, bytes):
        return image, None
    if isinstance(image, bytearray | memoryview):
        return bytes(image), None
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        return path.read_bytes(), path.name
    thing: Any = image
    if callable(getattr(image, "read", None)):
        return _read_file(thing)
    if hasattr(image, "getexif") and hasattr(image, "save"):  # PIL's, which need not be installed to find out
        return _encoded(thing), None
    if isinstance(image, Array):
        return _encoded(_picture(image)), None
    raise TypeError(f"an image is bytes, a path, a binary file, a PIL image or an array, not {type(image).__name__}")


def _read_file(file: BinaryIO) -> tuple[bytes, str | None]:
    data = file.read()
    if not isinstance(data, bytes):
        raise TypeError("the file is open as text: open it with mode 'rb'")
    name = getattr(file, "name", None)
    return data, Path(name).name if isinstance(name, str) else None


def _encoded(picture: "PIL.Image.Image") -> bytes:
    """Return a PIL image as PNG, or as TIFF where PNG has no such pixels; with its orientation and colour profile."""
    stream = io.BytesIO()
    profile = picture.info.get("icc_profile")
    if picture.mode in {"F", "I"}:
        picture.save(stream, "TIFF", compression="tiff_adobe_deflate")
        return stream.getvalue()
    if picture.mode not in _AS_PNG:
        if picture.mode == "CMYK":
            profile = None  # it describes inks, which the conversion leaves behind
        exif = picture.getexif()
        picture = picture.convert("RGBA" if picture.mode in {"PA", "La", "RGBa"} else "RGB")
    else:
        exif = picture.getexif()
    # its own compression is quick, and the way to a backend is rarely what one waits for
    picture.save(stream, "PNG", compress_level=1, exif=exif, icc_profile=profile)
    return stream.getvalue()


def _picture(array: Array) -> "PIL.Image.Image":
    try:
        import numpy as np  # noqa: PLC0415 - who has an array has it, and the client works without
        import PIL.Image  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise TypeError(f"to send an array, {exc.name} is needed: pip install numpy pillow") from exc
    pixels: Any = np.asarray(array)
    shape = pixels.shape
    if pixels.ndim not in {2, 3} or 0 in shape or (pixels.ndim == 3 and shape[2] not in _CHANNELS):  # noqa: PLR2004
        raise ValueError(f"an array's shape is (height, width) or (height, width, 1, 3 or 4), not {shape}")
    if pixels.ndim == 3 and shape[2] == 1:  # noqa: PLR2004
        pixels = pixels[:, :, 0]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif np.issubdtype(pixels.dtype, np.floating):
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError("an array of floating-point numbers goes from 0 to 1")
        pixels = np.rint(pixels * 255).astype(np.uint8)
    elif pixels.dtype == np.uint16 and pixels.ndim == 2:  # noqa: PLR2004
        pass
    elif pixels.dtype != np.uint8:
        raise ValueError(
            f"an array has bytes, truth values, floating-point or, in grey, 16-bit numbers: not {pixels.dtype}"
        )
    return PIL.Image.fromarray(np.ascontiguousarray(pixels))
