"""A photo as a browser can show it: upright, of bounded size, whatever the file's format."""

import io

import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
_MOST_PIXELS = 50_000_000


def preview(photo: bytes, longest_side: int = 1024) -> bytes | None:
    """Return a JPEG of the photo with at most `longest_side` pixels a side, or None where it cannot be shown."""
    try:
        with Image.open(io.BytesIO(photo), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            image.draft("RGB", (longest_side, longest_side))  # JPEGs: decode no more than is shown
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((longest_side, longest_side))
            buffer = io.BytesIO()
            _on_white(upright).save(buffer, "JPEG", quality=88)
            return buffer.getvalue()
    except Exception:  # noqa: BLE001 - a stranger's file: Pillow raises whatever it stumbles over, and the page goes on
        return None


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in {"RGBA", "LA", "PA", "P"}:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
