"""Bytes to pixels: formats, colours, orientation, sizes, and everything that is no image."""

import io
import struct
import typing
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from sightserve.bundle.inputs import Interpolation
from sightserve.imaging.decode import Decoder
from sightserve.imaging.errors import TooManyPixels, UnreadableImage, UnsupportedImageType
from sightserve.imaging.formats import MEDIA_TYPES
from sightserve.imaging.geometry import CentreCrop, FitWithin

WHOLE = Decoder(CentreCrop(64, 64), "bicubic", max_pixels=10_000_000)
CROPPED = Decoder(CentreCrop(224, 224, 0.875), "bicubic", max_pixels=10_000_000)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def quadrants() -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right: tells every orientation from every other."""
    image = Image.new("RGB", (128, 128))
    for colour, corner in ((RED, (0, 0)), (GREEN, (64, 0)), (BLUE, (0, 64)), (WHITE, (64, 64))):
        image.paste(colour, (*corner, corner[0] + 64, corner[1] + 64))
    return image


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours of the four quadrants' centres, saturated: 255 where a channel is bright."""
    return [tuple(int(v > 127) * 255 for v in pixels[y, x]) for y, x in ((16, 16), (16, 48), (48, 16), (48, 48))]


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_every_format_becomes_rgb_at_the_models_size(name):
    decoded = WHOLE.decode(encoded(quadrants(), name))

    assert decoded.pixels.shape == (64, 64, 3)
    assert decoded.pixels.dtype == np.uint8
    assert corners(decoded.pixels) == [RED, GREEN, BLUE, WHITE]
    assert (decoded.width, decoded.height, decoded.format) == (128, 128, name)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    tall = quadrants().resize((128, 192))
    stored = encoded(tall, name, exif=exif.tobytes())
    # Pillow's own way to make a photo upright says what is right
    with Image.open(io.BytesIO(encoded(tall, "JPEG", exif=exif.tobytes()))) as image:
        upright = ImageOps.exif_transpose(image)

    decoded = WHOLE.decode(stored)

    assert corners(decoded.pixels) == corners(np.asarray(upright.resize((64, 64))))
    assert (decoded.width, decoded.height) == upright.size


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_a_nonsense_orientation_is_ignored(value):
    exif = Image.Exif()
    exif[0x0112] = value

    decoded = WHOLE.decode(encoded(quadrants(), "JPEG", exif=exif.tobytes()))

    assert corners(decoded.pixels) == [RED, GREEN, BLUE, WHITE]


def test_damaged_exif_does_not_cost_the_photo():
    decoded = WHOLE.decode(encoded(quadrants(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff garbage"))

    assert corners(decoded.pixels) == [RED, GREEN, BLUE, WHITE]


def test_transparency_is_over_white():
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))

    for data in (encoded(clear, "PNG"), encoded(clear, "WEBP", lossless=True), encoded(clear, "GIF")):
        assert (WHOLE.decode(data).pixels == 255).all()


def test_a_transparent_edge_does_not_bleed_its_hidden_colour():
    """Invisible red beside visible white must not turn pink when the two are averaged."""
    image = Image.new("RGBA", (640, 640), (255, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 333, 640))

    assert (WHOLE.decode(encoded(image, "PNG")).pixels >= 254).all()


def test_a_palette_with_a_transparent_entry_is_over_white():
    image = Image.new("P", (64, 64), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])

    assert (WHOLE.decode(encoded(image, "PNG", transparency=1)).pixels == 255).all()
    assert WHOLE.decode(encoded(image, "PNG")).pixels[0, 0].tolist() == [255, 0, 0]


def test_one_transparent_colour_of_an_rgb_png_is_over_white():
    image = Image.new("RGB", (64, 64), RED)

    assert (WHOLE.decode(encoded(image, "PNG", transparency=RED)).pixels == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA"])
def test_every_mode_of_png_and_tiff_gives_grey_for_grey(mode):
    image = Image.new("RGBA", (64, 64), "white").convert("RGBA").convert("LA" if mode == "PA" else "RGB").convert(mode)
    name = "TIFF" if mode == "PA" else "PNG"

    assert (WHOLE.decode(encoded(image, name)).pixels == 255).all()


def test_cmyk_jpeg_keeps_its_colours():
    decoded = WHOLE.decode(encoded(quadrants().convert("CMYK"), "JPEG", quality=95))

    assert corners(decoded.pixels) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_brightness(name):
    image = Image.fromarray(np.full((64, 64), 0x8000, dtype=np.uint16))

    # 0x8000 of 0xFFFF is half: 128 of 255
    assert abs(int(WHOLE.decode(encoded(image, name)).pixels[0, 0, 0]) - 128) <= 1


def test_every_value_of_a_sixteen_bit_png_is_rounded_to_its_own():
    ramp = np.linspace(0, 65535, 64 * 64).round().astype(np.uint16).reshape(64, 64)
    whole = Decoder(FitWithin(64), "bicubic", max_pixels=10_000)

    pixels = whole.decode(encoded(Image.fromarray(ramp), "PNG")).pixels[..., 0]

    assert (pixels == (ramp / 257).round()).all()


def test_the_one_transparent_value_of_a_sixteen_bit_png_is_over_white():
    image = Image.fromarray(np.full((64, 64), 300, dtype=np.uint16))

    assert (WHOLE.decode(encoded(image, "PNG", transparency=300)).pixels == 255).all()
    assert (WHOLE.decode(encoded(image, "PNG", transparency=301)).pixels == 1).all()


def bmp_with_alpha(header_size: int, alpha: int) -> bytes:
    """A BMP of version 4 or 5 (108 or 124 bytes of header), 32 bits, red above blue, with one alpha for all."""
    pixels = (
        bytes([255, 0, 0, alpha]) * 32 + bytes([0, 0, 255, alpha]) * 32
    )  # stored from the bottom row, as blue green red
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", header_size, 8, 8, 1, 32, 3, len(pixels), 2835, 2835, 0, 0) + masks
    header = (info + b"BGRs").ljust(header_size, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + header_size + len(pixels), 0, 0, 14 + header_size) + header + pixels


@pytest.mark.parametrize("header_size", [108, 124])
def test_a_bmp_whose_alpha_is_all_zero_is_opaque(header_size):
    """Programs that know of no alpha leave zeros there; Windows and browsers show such a picture."""
    for alpha in (0, 255):
        pixels = WHOLE.decode(bmp_with_alpha(header_size, alpha)).pixels
        assert (pixels[0, 0].tolist(), pixels[-1, -1].tolist()) == ([255, 0, 0], [0, 0, 255])
    assert WHOLE.decode(bmp_with_alpha(header_size, 128)).pixels[0, 0].tolist() == pytest.approx([255, 127, 127], abs=1)


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "1", "CMYK"])
def test_a_preview_is_what_the_model_sees_in_every_mode(mode):
    """One decoder for both: a preview of the model's size, of a photo of the model's shape, has the model's pixels."""
    image = quadrants().convert(mode) if mode != "LA" else quadrants().convert("L").convert("LA")
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")

    preview = Decoder(FitWithin(64), "bicubic", max_pixels=100_000).decode(data)

    assert (preview.pixels == WHOLE.decode(data).pixels).all()


def test_floating_point_tiff_is_stretched_over_its_range():
    ramp = np.linspace(-3, 5, 64 * 64, dtype=np.float32).reshape(64, 64)

    pixels = WHOLE.decode(encoded(Image.fromarray(ramp), "TIFF")).pixels

    assert pixels[0, 0, 0] <= 1
    assert pixels[-1, -1, 0] >= 254


def test_a_floating_point_tiff_without_a_number_is_refused():
    nothing = np.full((8, 8), np.nan, dtype=np.float32)

    with pytest.raises(UnreadableImage):
        WHOLE.decode(encoded(Image.fromarray(nothing), "TIFF"))


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, GREEN, BLUE)]

    for name in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        options = {"lossless": True} if name == "WEBP" else {}
        data = encoded(frames[0], name, save_all=True, append_images=frames[1:], **options)
        assert corners(WHOLE.decode(data).pixels)[0] == RED, name


def test_a_phones_multi_picture_jpeg_is_a_jpeg():
    data = encoded(quadrants(), "MPO", save_all=True, append_images=[Image.new("RGB", (32, 32))])

    decoded = WHOLE.decode(data)

    assert decoded.format == "JPEG"
    assert corners(decoded.pixels) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 3), (223, 225), (4000, 16)])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_any_shape_fits_the_model(size, name):
    decoded = CROPPED.decode(encoded(Image.new("RGB", size, (10, 200, 30)), name))

    assert decoded.pixels.shape == (224, 224, 3)
    assert np.abs(decoded.pixels.astype(int) - (10, 200, 30)).max() <= 6  # JPEG rounds colours


@pytest.mark.parametrize("interpolation", typing.get_args(Interpolation))
def test_every_interpolation_that_a_manifest_may_name_is_known(interpolation):
    decoder = Decoder(CentreCrop(224, 224, 0.875), interpolation, max_pixels=1_000_000)

    decoded = decoder.decode(encoded(Image.new("RGB", (300, 260), (10, 200, 30)), "PNG"))

    assert (decoded.pixels == (10, 200, 30)).all()


def test_the_crop_is_the_centre():
    """Crop 0.5 of a 100-pixel square keeps pixels 25 to 75: all white, no black."""
    image = Image.new("RGB", (100, 100), "black")
    image.paste("white", (25, 25, 75, 75))

    decoded = Decoder(CentreCrop(10, 10, 0.5), "nearest", 10_000).decode(encoded(image, "PNG"))

    assert (decoded.pixels == 255).all()


def test_a_model_that_is_not_square_gets_its_shape_also_from_a_turned_photo():
    exif = Image.Exif()
    exif[0x0112] = 6

    decoded = Decoder(CentreCrop(96, 64, 1.0), "bicubic", 10_000_000).decode(
        encoded(quadrants(), "JPEG", exif=exif.tobytes())
    )

    assert decoded.pixels.shape == (64, 96, 3)


def test_the_reduced_scale_decode_stays_centred_whatever_the_size_modulo_eight():
    """A white line in the very middle stays there: 2,041 pixels are 255.125 reduced ones, not 256."""
    image = Image.new("L", (2041, 2041))
    image.paste(255, (1000, 0, 1041, 2041))

    columns = CROPPED.decode(encoded(image, "JPEG")).pixels[:, :, 0].astype(float).sum(axis=0)

    assert (columns * np.arange(224)).sum() / columns.sum() == pytest.approx(111.5, abs=0.05)


def test_the_reduced_scale_decode_never_goes_below_what_the_model_needs():
    """The same picture, whichever way it was decoded: within what a JPEG loses anyway."""
    photo = encoded(quadrants().resize((2048, 1536), Image.Resampling.BICUBIC), "JPEG", quality=95)
    full = Decoder(CentreCrop(224, 224, 0.875), "bicubic", 10_000_000, oversampling=1e9)

    difference = np.abs(CROPPED.decode(photo).pixels.astype(int) - full.decode(photo).pixels)

    assert difference.mean() < 1


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7 ...", b"<svg/>", b"GIF88a", b"\x00" * 4096])
def test_what_is_no_image_is_unsupported(data):
    with pytest.raises(UnsupportedImageType):
        WHOLE.decode(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\xff\x0a" + bytes(30), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51" + bytes(30), "JPEG 2000"),
        (b"8BPS\0\x01" + bytes(30), "Photoshop"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<!DOCTYPE html><title>a photo</title>", "a web page"),
        (b"II\x2a\0\x10\0\0\0CR\x02\0" + bytes(30), "camera raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "camera raw"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw"),
        (b"IIRO\x08\0\0\0", "camera raw"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "a video"),
        (b"\0\0\0\x18ftypqt  \0\0\2\0qt  ", "a video"),
        (b"\x1aE\xdf\xa3" + bytes(30), "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"\0\0\0\x14ftypavci\0\0\0\0mif1" + bytes(40), "AVC"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc" + bytes(40), "image sequence"),
        (b"PK\x03\x04" + bytes(30), "zip"),
        (b"P6 8 8 255\n" + bytes(192), "PNM"),
        (b"\0\0\x01\0\x01\0" + bytes(30), "icon"),
        (b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 8, 8, 1, 0, 4) + bytes(60), "BMP"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_kind_that_is_not_taken_is_called_by_its_name(data, words):
    with pytest.raises(UnsupportedImageType, match=words):
        WHOLE.decode(data)


@pytest.mark.parametrize("name", MEDIA_TYPES)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7])
def test_a_truncated_image_is_unreadable(name, kept):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8))
    whole = encoded(noise, name)

    with pytest.raises(UnreadableImage):
        WHOLE.decode(whole[: max(24, int(len(whole) * kept))])


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header announces a size that its data does not have."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (20_000, 1_000), (2**31 - 1, 1)])
def test_a_png_that_announces_too_many_pixels_is_refused_by_its_header(width, height):
    with pytest.raises(TooManyPixels):
        WHOLE.decode(png_of(width, height))


def test_a_webp_that_announces_too_many_pixels_is_refused_before_it_is_opened():
    """16,383 x 16,383 is the largest WebP: opening it would allocate two gigabytes."""
    dimension = (16383 - 1).to_bytes(3, "little")
    body = b"VP8X" + (10).to_bytes(4, "little") + b"\x10\x00\x00\x00" + dimension + dimension
    data = b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body

    with pytest.raises(TooManyPixels):
        WHOLE.decode(data)
