"""Data path: bytes -> [upright uint8 RGB at the model's size] -> session.

The order keeps the work small: format by signature, size by header, then JPEGs are decoded at a reduced DCT scale, crop and
resize happen in one call, and everything that costs per pixel (colour conversion, alpha, orientation) happens afterwards on
the model's few pixels instead of the photo's millions.
"""

import io
import math
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, JpegImagePlugin, UnidentifiedImageError

from sightserve.backend.errors import ImageError, TooManyPixels, UnreadableImage, UnsupportedImageType
from sightserve.backend.slot.pixels import PixelBudget
from sightserve.imaging.formats import MEDIA_TYPES, sniff, webp_canvas
from sightserve.imaging.preflight import preflight
from sightserve.imaging.resize import crop_and_resize

# One decoder thread per request: requests are what runs in parallel (constants of the data path, not settings).
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_PIXELS_IN_FLIGHT: Final = 50_000_000
# Bytes a pixel while decoding, in units of the four that a decoded pixel has (measured): libwebp keeps the last frame, the
# current one and a copy; libavif and libheif keep the planes beside the picture; resizing multiplies alpha in a copy.
_MEMORY: Final = {"WEBP": 4, "AVIF": 2, "HEIF": 2}
_EXIF_ORIENTATION: Final = 0x0112
# How to make each EXIF orientation upright (EXIF 2.32, section 4.6.4): 5 to 8 also swap width and height.
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES: Final = frozenset({5, 6, 7, 8})


@cache
def _take_heif() -> None:
    """Teach Pillow HEIF, at the first one: the library is a tenth of what a slot imports, and most never see such a photo."""
    import pillow_heif  # noqa: PLC0415

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """What the model sees, and what the image was.

    Attributes:
        pixels: uint8 RGB, shape (input height, input width, 3).
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        format: a key of `formats.MEDIA_TYPES`.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    format: str


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes images for one model.

    Attributes:
        width: the model's input width, in pixels.
        height: the model's input height, in pixels.
        crop: which fraction of the largest centred box of the input's shape is kept, 0 < crop <= 1.
        interpolation: a name that `bundle.manifest` allows.
        max_pixels: images whose header announces more are refused before anything is decoded.
        oversampling: a JPEG is decoded at the smallest DCT scale at which the crop still has this many times the model's
            pixels a side; a huge number decodes it in full, to measure what the reduction costs.
        budget: how many pixels may be in memory at once.
    """

    width: int
    height: int
    crop: float
    interpolation: str
    max_pixels: int
    oversampling: float = 1.0
    budget: PixelBudget = field(default_factory=lambda: PixelBudget(_PIXELS_IN_FLIGHT))

    def warm_up(self) -> None:
        """Decode a small JPEG: the first one loads Pillow's plugin, better before the first person waits for it."""
        buffer = io.BytesIO()
        Image.new("RGB", (self.width, self.height)).save(buffer, "JPEG")
        self.decode(buffer.getvalue())

    def decode(self, data: bytes) -> DecodedImage:
        """Return the image at the model's size.

        Raises:
            UnsupportedImageType: no image, or one of a type that is not taken.
            TooManyPixels: the header announces more than `max_pixels`.
            UnreadableImage: truncated or damaged.
        """
        format_name = sniff(data)
        if format_name is None:
            raise UnsupportedImageType(f"not an image of a supported type ({', '.join(MEDIA_TYPES)})")
        preflight(data, format_name)
        if format_name == "HEIF":
            _take_heif()
        try:
            return self._decode(data, format_name)
        except ImageError:
            raise
        except Image.DecompressionBombError as exc:
            raise TooManyPixels(f"the image has more than {self.max_pixels:,} pixels, which is the limit") from exc
        except UnidentifiedImageError as exc:
            raise UnreadableImage(f"the file starts like a {format_name} but is damaged or incomplete") from exc
        except Exception as exc:  # on hostile bytes, Pillow's plugins raise whatever they stumble over
            raise UnreadableImage(f"the {format_name} image is damaged or incomplete") from exc

    def _decode(self, data: bytes, format_name: str) -> DecodedImage:
        if format_name == "WEBP" and (canvas := webp_canvas(data)):
            self._check_size(*canvas)
        with Image.open(io.BytesIO(data), formats=(format_name,)) as image:
            width, height = image.size
            self._check_size(width, height)
            reduced = self._reduce(image) if format_name == "JPEG" else None
            with self.budget.hold(_pixels_in_memory(image)):
                image.load()
                # after load: Pillow and pillow-heif turn some formats (TIFF, HEIF) themselves and then clear the tag
                orientation = _orientation(image)
                swapped = orientation in _SWAPS_SIDES
                if swapped:
                    width, height = height, width
                small = self._crop_and_resize(_resizable(image), reduced, swapped=swapped)
        rgb = _to_rgb(small)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        return DecodedImage(np.asarray(rgb), width, height, format_name)

    def _check_size(self, width: int, height: int) -> None:
        if width < 1 or height < 1:
            raise UnreadableImage("the image has no pixels")
        if width * height > self.max_pixels:
            raise TooManyPixels(f"the image has {width:,} x {height:,} pixels; the limit is {self.max_pixels:,} in all")

    def _reduce(self, image: Image.Image) -> tuple[float, float] | None:
        """Have a JPEG decoded at a reduced DCT scale; return its exact size in reduced pixels, None where it stays whole.

        The reduced picture has a whole number of pixels and the true edge lies somewhere in the last one: a crop that took
        that pixel for a whole one would sit off centre.
        """
        side = math.ceil(max(self.width, self.height) / self.crop * self.oversampling)
        drafted = image.draft(None, (side, side))
        return drafted[1][2:] if drafted else None

    def _crop_and_resize(
        self, image: Image.Image, exact_size: tuple[float, float] | None, *, swapped: bool
    ) -> Image.Image:
        """Centre crop of the model's shape, then resize, in one call; `swapped` when orientation will swap the sides."""
        out_width, out_height = (self.height, self.width) if swapped else (self.width, self.height)
        width, height = exact_size or image.size
        scale = min(width / out_width, height / out_height) * self.crop
        box_width, box_height = out_width * scale, out_height * scale
        box = ((width - box_width) / 2, (height - box_height) / 2, box_width, box_height)
        return crop_and_resize(image, box, (out_width, out_height), self.interpolation)


def _pixels_in_memory(image: Image.Image) -> int:
    """Return how many decoded pixels' memory decoding takes: a progressive JPEG keeps all of its coefficients till its end."""
    if image.info.get("progressive") and isinstance(image, JpegImagePlugin.JpegImageFile):
        scale: int = image.decoderconfig[0] if image.decoderconfig else 1
        return image.width * image.height * scale * scale
    return (
        image.width * image.height * max(_MEMORY.get(image.format or "", 1), 2 if image.mode in {"RGBA", "LA"} else 1)
    )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) where there is none or it is nonsense."""
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a photo with broken metadata is still a photo
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _resizable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose pixels can be averaged: palettes and bits cannot."""
    if image.mode in {"P", "PA", "1", "La", "RGBa"}:
        if image.mode == "1":
            return image.convert("L")
        has_alpha = image.mode != "P" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in {"RGB", "L"} and "transparency" in image.info:  # PNG's single transparent colour
        return image.convert("RGBA")
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return RGB: alpha over white, 16-bit and floating-point grey brought to 8 bits."""
    if image.mode == "RGB":
        return image
    if image.mode in {"RGBA", "LA"}:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in {"I", "F"}:
        return Image.fromarray(_stretch(np.asarray(image, dtype=np.float64))).convert("RGB")
    return image.convert("RGB")


def _stretch(grey: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Map values without a known range, shape (H, W), linearly onto 0 to 255; what is not finite becomes black."""
    finite = np.isfinite(grey)
    if not finite.any():
        raise UnreadableImage("the image has no finite pixel value")
    low, high = float(grey[finite].min()), float(grey[finite].max())
    scaled = (grey - low) / (high - low) if high > low else np.full_like(grey, 0.5)
    return np.where(finite, scaled * 255, 0).round().astype(np.uint8)
