"""What a file says of its colours is what is seen: profiles, code points, gammas; and nothing where it says sRGB."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from sightserve.imaging import cicp, containers, icc
from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import FitWithin

AS_IT_IS = Decoder(FitWithin(1024), "bicubic", max_pixels=10_000_000)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3, BT2020, SRGB = 12, 9, 1
LINEAR, SRGB_CURVE, PQ, HLG = 8, 13, 16, 18


def picture() -> np.ndarray:
    """Every mixture of eight steps of red, green and blue, in blocks, shape (64, 128, 3)."""
    steps = np.linspace(0, 255, 8).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(16, 32, 3)
    return cube.repeat(4, axis=0).repeat(4, axis=1)


def saved(pixels: np.ndarray, name: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, name, **options)
    return buffer.getvalue()


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def s15(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def profile(colorants: np.ndarray, gamma: float, points: tuple[int, int] | None = None) -> bytes:
    """An ICC profile (version 2) of a matrix, shape (3, 3) from RGB to XYZ of D50, and one gamma."""
    xyz = [b"XYZ \0\0\0\0" + b"".join(s15(value) for value in column) for column in colorants.T]
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + s15(0.9642) + s15(1.0) + s15(0.8249)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    bodies = {b"desc": text, b"wtpt": white, b"rXYZ": xyz[0], b"gXYZ": xyz[1], b"bXYZ": xyz[2]}
    bodies |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    if points:
        bodies[b"cicp"] = b"cicp\0\0\0\0" + bytes([*points, 0, 1])
    table, data = struct.pack(">I", len(bodies)), b""
    start = 128 + 4 + 12 * len(bodies)
    for name, body in bodies.items():
        table += struct.pack(">4sII", name, start + len(data), len(body))
        data += body.ljust(-(-len(body) // 4) * 4, b"\0")
    head = struct.pack(">I4sI4s4s4s", start + len(data), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ").ljust(
        36, b"\0"
    )
    return (head + b"acsp").ljust(68, b"\0") + (s15(0.9642) + s15(1.0) + s15(0.8249)).ljust(60, b"\0") + table + data


SRGB_D50 = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]])
SWAPPED = profile(SRGB_D50[:, [1, 2, 0]], 2.2)


def light(pixels: np.ndarray) -> np.ndarray:
    signal = pixels / 255
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def signal(linear: np.ndarray) -> np.ndarray:
    linear = linear.clip(0, 1)
    return (
        (np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255)
        .round()
        .astype(np.uint8)
    )


def difference(data: bytes, right: np.ndarray) -> float:
    return float(np.abs(AS_IT_IS.decode(data).pixels.astype(int) - right.astype(int)).max())


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF", "HEIF"])
def test_a_profile_that_swaps_the_channels_swaps_them(name):
    """The channels are green, blue and red: every format carries the profile, lossy ones the colours of large areas."""
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [128, 200, 60]]], np.uint8)
    pixels = colours.repeat(32, axis=0).repeat(32, axis=1)
    lossless: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True},
        "JPEG": {"quality": 95, "subsampling": 0},
        "AVIF": {"quality": 95},
    }

    found = AS_IT_IS.decode(saved(pixels, name, icc_profile=SWAPPED, **lossless.get(name, {}))).pixels

    right = pixels[..., [2, 0, 1]]
    assert np.abs(found[16::32, 16::32].astype(int) - right[16::32, 16::32]).max() <= 14


def test_a_linear_profile_is_undone():
    linear = (light(picture()) * 255).round().astype(np.uint8)

    found = AS_IT_IS.decode(saved(linear, icc_profile=profile(SRGB_D50, 1.0))).pixels

    assert np.abs(found.astype(int) - signal(linear / 255)).max() <= 3


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P"])
def test_a_profile_is_applied_to_every_mode_and_alpha_is_left(mode):
    image = Image.fromarray(picture()).convert("RGBA")
    image.putalpha(128)
    image = image.convert("RGB").convert("P") if mode == "P" else image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", icc_profile=profile(SRGB_D50, 1.0))
    opaque = np.asarray(image.convert("RGB"))
    seen = signal(opaque / 255).astype(float)
    right = seen if mode in {"L", "P"} else seen * (128 / 255) + 255 * (1 - 128 / 255)

    assert np.abs(AS_IT_IS.decode(buffer.getvalue()).pixels - right).max() <= 4


def test_a_profile_that_says_srgb_changes_nothing():
    for other in (SRGB_PROFILE, profile(SRGB_D50, 2.2)):
        assert difference(saved(picture(), icc_profile=other), picture()) <= (0 if other is SRGB_PROFILE else 8)


def test_an_srgb_profile_is_known_the_second_time_by_its_hash():
    AS_IT_IS.decode(saved(picture(), icc_profile=SRGB_PROFILE))
    image = Image.fromarray(picture())

    assert icc.to_srgb(image, SRGB_PROFILE) is image


@pytest.mark.parametrize(
    "broken",
    [
        b"x",
        b"\0" * 200,
        SRGB_PROFILE[:100],
        SRGB_PROFILE[:300],
        SRGB_PROFILE.replace(b"XYZ ", b"ZYX "),
        bytes(5 * 2**20),
    ],
    ids=["a byte", "zeros", "its head", "half", "other names", "huge"],
)
def test_a_broken_or_huge_profile_does_not_cost_the_photo(broken):
    assert difference(saved(picture(), "TIFF", icc_profile=broken), picture()) == 0


def test_a_profile_of_another_kind_of_image_is_ignored():
    grey = SRGB_PROFILE.replace(b"RGB ", b"GRAY", 1)

    assert difference(saved(picture(), icc_profile=grey), picture()) == 0


def test_few_transforms_are_kept():
    image = Image.fromarray(picture())
    for gamma in np.linspace(1, 3, 40):
        icc.to_srgb(image, profile(SRGB_D50, float(gamma)))

    assert len(icc._known) <= 8


def test_code_points_of_png_are_applied():
    p3 = np.linalg.inv(cicp._to_srgb_primaries(cicp._PRIMARIES[P3]).astype(float))
    stored = signal(light(picture()) @ p3.T)

    data = with_chunk(saved(stored), b"cICP", bytes([P3, SRGB_CURVE, 0, 1]))

    assert difference(data, picture()) <= 4


def test_code_points_of_png_come_before_its_profile():
    data = with_chunk(saved(picture(), icc_profile=SWAPPED), b"cICP", bytes([SRGB, SRGB_CURVE, 0, 1]))

    assert difference(data, picture()) == 0


@pytest.mark.parametrize("points", [(0, 0), (255, 255), (2, 2), (1, 1), (1, 13), (1, 6)])
def test_unknown_and_ordinary_code_points_change_nothing(points):
    assert difference(with_chunk(saved(picture()), b"cICP", bytes([*points, 0, 1])), picture()) == 0


@pytest.mark.parametrize("body", [b"", b"\x09", b"\x09\x10", bytes(1000)])
def test_a_code_point_chunk_of_another_length_does_not_cost_the_photo(body):
    assert AS_IT_IS.decode(with_chunk(saved(picture()), b"cICP", body)).pixels.shape == (64, 128, 3)


def test_gamma_and_chromaticities_of_png_are_applied():
    linear = (light(picture()) * 255).round().astype(np.uint8)

    assert difference(with_chunk(saved(linear), b"gAMA", struct.pack(">I", 100_000)), signal(linear / 255)) <= 3

    p3 = [round(value * 100_000) for value in (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)]
    matrix = np.linalg.inv(cicp._to_srgb_primaries(cicp._PRIMARIES[P3]).astype(float))
    stored = signal(light(picture()) @ matrix.T)
    assert difference(with_chunk(saved(stored), b"cHRM", struct.pack(">8I", *p3)), picture()) <= 4


@pytest.mark.parametrize("gamma", [0, 1, 45_455, 45_000, 2**31 - 1, 2**32 - 1])
def test_the_usual_gamma_and_nonsense_change_nothing(gamma):
    assert difference(with_chunk(saved(picture()), b"gAMA", struct.pack(">I", gamma)), picture()) == 0


def test_srgb_in_a_png_comes_before_its_gamma():
    data = with_chunk(with_chunk(saved(picture()), b"gAMA", struct.pack(">I", 100_000)), b"sRGB", b"\0")

    assert difference(data, picture()) == 0


@pytest.mark.parametrize(
    "values", [[0] * 8, [1] * 8, [2**32 - 1] * 8, [31270, 32900, 64000, 33000, 64000, 33000, 15000, 6000]]
)
def test_chromaticities_that_make_no_sense_do_not_cost_the_photo(values):
    assert difference(with_chunk(saved(picture()), b"cHRM", struct.pack(">8I", *values)), picture()) == 0


def as_pq(pixels: np.ndarray, white: float) -> np.ndarray:
    """An sRGB picture as PQ with BT.2020's primaries, its white at so many cd/m2."""
    matrix = np.linalg.inv(cicp._to_srgb_primaries(cicp._PRIMARIES[BT2020]).astype(float))
    return (cicp.light_to_pq((light(pixels) @ matrix.T).clip(0) * white) * 255).round().astype(np.uint8)


def test_pq_whose_white_is_that_of_an_ordinary_screen_is_the_ordinary_picture():
    data = with_chunk(saved(as_pq(picture(), 203)), b"cICP", bytes([BT2020, PQ, 0, 1]))

    assert np.abs(AS_IT_IS.decode(data).pixels.astype(int) - picture()).mean() < 4  # PQ of 8 bits has coarse steps


def test_brighter_than_white_is_rolled_off_and_not_clipped():
    grey = np.linspace(0, 1000, 256)[None].repeat(64, axis=0)
    stored = (cicp.light_to_pq(grey)[..., None].repeat(3, axis=2) * 255).round().astype(np.uint8)

    row = AS_IT_IS.decode(with_chunk(saved(stored), b"cICP", bytes([BT2020, PQ, 0, 1]))).pixels[0, :, 1].astype(int)

    assert (np.diff(row) >= 0).all()
    assert row[-1] >= 250
    assert 150 < row[52] < 240  # 203 cd/m2
    assert len(set(row[52:150])) > 10


def test_hlg_keeps_its_order_and_its_white():
    stored = np.arange(256, dtype=np.uint8)[None, :, None].repeat(64, axis=0).repeat(3, axis=2)

    row = AS_IT_IS.decode(with_chunk(saved(stored), b"cICP", bytes([BT2020, HLG, 0, 1]))).pixels[0, :, 1].astype(int)

    assert (np.diff(row) >= 0).all()
    assert row[0] == 0
    assert row[-1] >= 250
    assert 150 < row[191] < 245  # 75 % is what an SDR picture calls white


def test_hue_survives_the_roll_off():
    stored = (cicp.light_to_pq(np.full((64, 64, 3), (900.0, 300.0, 90.0))) * 255).round().astype(np.uint8)
    stored[:8] = 255 * 0.75

    red, green, blue = AS_IT_IS.decode(with_chunk(saved(stored), b"cICP", bytes([SRGB, PQ, 0, 1]))).pixels[40, 40] / 255

    assert red > green > blue
    assert light(np.array(green * 255)) / light(np.array(red * 255)) == pytest.approx(1 / 3, rel=0.2)


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_code_points_of_avif_and_heif_are_applied(name):
    bright = np.full((64, 64, 3), 148, np.uint8)  # PQ of 203 cd/m2, about
    data = with_nclx(saved(bright, name, quality=95), SRGB, PQ)

    assert containers.heif_code_points(data) == (SRGB, PQ)
    assert AS_IT_IS.decode(data).pixels.mean() > 240
    assert abs(AS_IT_IS.decode(saved(bright, name, quality=95)).pixels.mean() - 148) < 3


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_any_damage_to_the_boxes_is_no_error(name):
    whole = saved(picture(), name)
    chance = np.random.default_rng(0)
    for _ in range(500):
        data = bytearray(whole[: int(chance.integers(8, 700))])
        data[int(chance.integers(0, len(data)))] = int(chance.integers(0, 256))
        containers.heif_code_points(bytes(data))


def test_a_profile_that_names_pq_is_tone_mapped():
    named = profile(SRGB_D50, 1.0, points=(BT2020, PQ))

    found = AS_IT_IS.decode(saved(as_pq(picture(), 203), "TIFF", icc_profile=named)).pixels

    assert icc.coding(named) == (BT2020, PQ)
    assert np.abs(found.astype(int) - picture()).mean() < 4


def test_cmyk_without_a_profile_and_with_a_broken_one_are_the_same():
    cmyk = Image.fromarray(picture()).convert("CMYK")
    buffers = [io.BytesIO(), io.BytesIO()]
    cmyk.save(buffers[0], "TIFF")
    cmyk.save(buffers[1], "TIFF", icc_profile=SRGB_PROFILE)

    assert (AS_IT_IS.decode(buffers[0].getvalue()).pixels == AS_IT_IS.decode(buffers[1].getvalue()).pixels).all()


def test_a_table_of_cmyk_is_looked_up():
    """A profile whose table makes everything a middle grey but paper, which is white, and black ink."""
    image = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    image.paste((0, 0, 0, 0), (0, 0, 16, 32))
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", icc_profile=cmyk_profile())

    pixels = AS_IT_IS.decode(buffer.getvalue()).pixels.astype(int)

    assert (pixels[:, 4] >= 253).all()
    assert np.abs(pixels[:, 28] - 119).max() <= 4  # L* 50


def cmyk_profile() -> bytes:
    """A LUT of two steps a channel from CMYK to Lab: L* 100 for paper, 0 with black ink, else 50, no colour."""
    grid = np.full((16, 3), 128, np.uint8)
    grid[:, 0] = 127
    grid[0, 0], grid[1::2, 0] = 255, 0
    identity = b"".join(s15(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + grid.tobytes() + ramp * 3
    white = b"XYZ \0\0\0\0" + s15(0.9642) + s15(1.0) + s15(0.8249)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    bodies = {b"desc": text, b"wtpt": white, b"A2B0": table}
    index, data = struct.pack(">I", len(bodies)), b""
    start = 128 + 4 + 12 * len(bodies)
    for name, body in bodies.items():
        index += struct.pack(">4sII", name, start + len(data), len(body))
        data += body.ljust(-(-len(body) // 4) * 4, b"\0")
    head = struct.pack(">I4sI4s4s4s", start + len(data), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ").ljust(
        36, b"\0"
    )
    return (head + b"acsp").ljust(68, b"\0") + (s15(0.9642) + s15(1.0) + s15(0.8249)).ljust(60, b"\0") + index + data
