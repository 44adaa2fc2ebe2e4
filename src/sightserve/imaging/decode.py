"""A stranger's bytes -> [an upright 8-bit RGB picture of a bounded size]: a model's input, or a preview.

The order keeps the work small: format by signature, size by header, then JPEGs are decoded at a reduced DCT scale, crop and
resize happen in one call, and everything that costs per pixel (colour conversion, alpha, orientation) happens afterwards on
the few pixels that are left instead of the photo's millions.
"""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from sightserve.imaging import heif, jpeg, tiff
from sightserve.imaging.colour import Description, described, resizable, to_rgb
from sightserve.imaging.errors import ImageError, TooManyPixels, UnreadableImage, UnsupportedImageType
from sightserve.imaging.formats import MEDIA_TYPES, sniff, untaken, webp_canvas
from sightserve.imaging.geometry import Geometry, Padding
from sightserve.imaging.memory import pixels_in_memory, webp_pixels_in_memory
from sightserve.imaging.orientation import SWAPS_SIDES, orientation, upright
from sightserve.imaging.preflight import preflight
from sightserve.imaging.resize import crop_and_resize

_SCALES: Final = (8, 4, 2, 1)  # at which libjpeg decodes a picture without ever making the larger one
_EXACT_WHOLE: Final = 2_000_000  # pixels of a JPEG that costs little to decode in full
_EXACT_OVERSAMPLING: Final = 2.0
_EXACT_MOST: Final = 8  # times the result's pixels, that a photo may have before the result is cut out of it


Hold = Callable[[int], AbstractContextManager[None]]


def _granted(_pixels: int) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A picture, and what the file was.

    Attributes:
        image: upright, RGB, of the size that the geometry gives.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        format: a key of `formats.MEDIA_TYPES`.
    """

    image: Image.Image
    width: int
    height: int
    format: str

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture as uint8 RGB, shape (height, width, 3)."""
        return np.asarray(self.image)


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes strangers' files into pictures of one geometry.

    Attributes:
        geometry: which part of a photo, and how large.
        interpolation: a name that `resize` knows.
        max_pixels: images whose header announces more are refused before anything is decoded.
        oversampling: a JPEG is decoded at the smallest DCT scale that still has this many times the result's pixels a side; a
            huge number decodes it in full, to measure what the reduction costs.
        exact: do it as the frameworks do that networks are trained with, to the last bit where that costs little: JPEGs in full
            unless they are large, then at twice the result's pixels a side, and Pillow resizes. For networks that nobody has
            looked at with our faster ways.
        antialias: see `resize.crop_and_resize`.
        hold: entered, with the number of pixels in memory, while an image is decoded: where more than one process does.
    """

    geometry: Geometry
    interpolation: str
    max_pixels: int
    oversampling: float = 1.0
    exact: bool = False
    antialias: bool = True
    hold: Hold = _granted

    def warm_up(self) -> None:
        """Decode a small JPEG: the first one loads Pillow's plugin, better before the first person waits for it."""
        buffer = io.BytesIO()
        Image.new("RGB", (32, 32)).save(buffer, "JPEG")
        self.decode(buffer.getvalue())

    def decode(self, data: bytes, threads: int = 1) -> DecodedImage:
        """Return the picture.

        Args:
            data: the file.
            threads: that may work on it; pictures are what runs in parallel, so more than one only where this one is alone.

        Raises:
            UnsupportedImageType: no image, or one of a type that is not taken.
            TooManyPixels: the header announces more than `max_pixels`.
            UnreadableImage: truncated or damaged.
        """
        format_name = sniff(data)
        if format_name is None:
            kind = untaken(data)
            raise UnsupportedImageType(
                f"{f'{kind} is' if kind else 'this is'} not an image of a supported type ({', '.join(MEDIA_TYPES)})"
            )
        preflight(data, format_name)
        try:
            return self._decode(data, format_name, threads)
        except ImageError:
            raise
        except MemoryError as exc:
            raise TooManyPixels("decoding the image takes more memory than there is for it: send it smaller") from exc
        except Image.DecompressionBombError as exc:
            raise TooManyPixels(f"the image has more than {self.max_pixels:,} pixels, which is the limit") from exc
        except UnidentifiedImageError as exc:
            raise UnreadableImage(f"the file starts like a {format_name} but is damaged or incomplete") from exc
        except Exception as exc:  # on hostile bytes, Pillow's plugins raise whatever they stumble over
            raise UnreadableImage(f"the {format_name} image is damaged or incomplete") from exc

    def _decode(self, data: bytes, format_name: str, threads: int) -> DecodedImage:
        if format_name == "WEBP" and (canvas := webp_canvas(data)):
            self._check_size(*canvas)
            with self.hold(webp_pixels_in_memory(*canvas)):  # Pillow takes it to open it
                return self._opened(data, format_name, threads, _granted)
        return self._opened(data, format_name, threads, self.hold)

    def _opened(self, data: bytes, format_name: str, threads: int, hold: Hold) -> DecodedImage:
        layout = None
        if format_name == "TIFF":
            layout = tiff.layout(data)
            tiff.teach()
        elif format_name == "HEIF":
            heif.prepare(data, threads)
        AvifImagePlugin.DEFAULT_MAX_THREADS = threads
        with Image.open(io.BytesIO(data), formats=(format_name,)) as image:
            width, height = image.size
            self._check_size(width, height)
            if format_name == "HEIF" and (stored := heif.thumbnail(data, image, self.geometry)):
                image, data = stored  # noqa: PLW2901
            reduced = self._reduce(image) if format_name == "JPEG" else None
            with hold(pixels_in_memory(image, data)):
                if format_name == "JPEG":
                    jpeg.load(image, data)
                else:
                    image.load()
                turned = orientation(image)
                description = described(image, data)
                swapped = turned in SWAPS_SIDES
                if swapped:
                    width, height = height, width
                averaged = tiff.eight_bits(image, layout) if layout else image
                if self.exact and image.width * image.height <= _EXACT_WHOLE:
                    # first, where that costs little: offsets are rounded, which from the other side is another pixel; and a
                    # mean of colours is another colour
                    averaged = to_rgb(resizable(upright(averaged, turned)), description)
                    description, turned, swapped = Description(), 1, False
                small, padding = self._crop_and_resize(resizable(averaged), reduced, swapped=swapped)
        picture = upright(to_rgb(small, description), turned)
        return DecodedImage(_padded(picture, padding) if padding else picture, width, height, format_name)

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
        if self.exact and image.width * image.height <= _EXACT_WHOLE:
            return None
        oversampling = max(self.oversampling, _EXACT_OVERSAMPLING) if self.exact else self.oversampling
        # a JPEG that is to be turned has its sides swapped, and its scale may be a little smaller or larger: take the smaller
        possible = min(self.geometry.place(*size).scale for size in (image.size, image.size[::-1])) / oversampling
        scale = next((scale for scale in _SCALES if scale <= possible), 1)
        drafted = image.draft(None, (image.width // scale, image.height // scale))
        return drafted[1][2:] if drafted else None

    def _crop_and_resize(
        self, image: Image.Image, exact_size: tuple[float, float] | None, *, swapped: bool
    ) -> tuple[Image.Image, Padding | None]:
        """Take the geometry's part and resize it, in one call; `swapped` when orientation will swap the sides."""
        width, height = exact_size or image.size
        placed = self.geometry.place(height, width) if swapped else self.geometry.place(width, height)
        box, size, whole = placed.box, placed.size, placed.resized
        if swapped:
            box, size = (box[1], box[0], box[3], box[2]), (size[1], size[0])
            whole = whole and (whole[1], whole[0])
        resized = partial(crop_and_resize, image, exact=self.exact, antialias=self.antialias)
        # in two steps, as frameworks do it, it is rounded the same; of a very long photo that would be a large picture
        if self.exact and whole and whole[0] * whole[1] <= _EXACT_MOST * size[0] * size[1]:
            left, top = round(box[0] * whole[0] / width), round(box[1] * whole[1] / height)
            made = resized((0.0, 0.0, width, height), whole, self.interpolation)
            return made.crop((left, top, left + size[0], top + size[1])), placed.padding
        return resized(box, size, self.interpolation), placed.padding


def _padded(picture: Image.Image, padding: Padding) -> Image.Image:
    whole = Image.new("RGB", padding.size, padding.colour)
    whole.paste(picture, padding.at)
    return whole
