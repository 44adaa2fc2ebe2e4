"""Pictures as people send them, over real HTTP: the right answer or the right refusal, kind by kind.

The kinds are made here from a photo that ships. `cases.csv`, in a folder beside the project (or where SIGHTSERVE_CASES
says), has more of them, as other programs write them.
"""

import csv
import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

CASES = Path(os.environ.get("SIGHTSERVE_CASES", Path(__file__).parents[3] / "shared" / "cases"))
_CLOSE = 0.12  # of a probability, for the same photo after another way of rounding its colours
_CLOSE_LOSSY = 0.25  # where an encoder has lost some of it too


@pytest.fixture
def http(backend_url):
    with httpx2.Client(base_url=backend_url, timeout=30) as client:
        yield client


def answer(http: httpx2.Client, data: bytes) -> dict[str, float]:
    response = http.post("/predict", content=data, headers={"content-type": "application/octet-stream"})
    assert response.status_code == 200, response.text
    return {row["label"]: row["probability"] for row in response.json()["top_k"]}


def assert_same_answer(http: httpx2.Client, data: bytes, right: bytes, within: float = _CLOSE) -> None:
    found, wanted = answer(http, data), answer(http, right)
    label = next(iter(wanted))
    assert next(iter(found)) == label
    assert found[label] == pytest.approx(wanted[label], abs=within)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def photo(cat: bytes) -> Image.Image:
    return Image.open(io.BytesIO(cat)).convert("RGB")


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, metadata=None, **options)
    return buffer.getvalue()


def light(pixels: np.ndarray) -> np.ndarray:
    signal = pixels / 255
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "int32", "float32"])
def test_deep_grey_is_the_grey_photo(http, photo, order, kind):
    grey = np.asarray(photo.convert("L"))
    stretched = ((grey.astype(float) - grey.min()) * (255 / (grey.max() - grey.min()))).round()
    if kind == "float32":
        samples = (stretched / 255).astype(kind)
    else:
        limits = np.iinfo(kind)
        samples = (stretched * ((float(limits.max) - float(limits.min)) // 255) + float(limits.min)).astype(kind)

    right = encoded(Image.fromarray(stretched.astype(np.uint8)), "PNG")

    assert_same_answer(http, tiff(samples, byteorder=order, compression="zlib"), right)


@pytest.mark.parametrize("order", "<>")
def test_sixteen_bits_in_planes_are_the_photo(http, photo, order):
    planes = np.moveaxis(np.asarray(photo), -1, 0).astype(np.uint16) * 257

    data = tiff(np.ascontiguousarray(planes), byteorder=order, photometric="rgb", planarconfig="separate")

    assert_same_answer(http, data, encoded(photo, "PNG"))


def test_pq_is_the_photo(http, photo):
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    power = (light(np.asarray(photo)) @ to_2020.T * 203 / 10_000) ** (2610 / 16384)
    signal = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    data = encoded(Image.fromarray((signal * 255).round().astype(np.uint8)), "PNG")
    chunk = struct.pack(">I", 4) + b"cICP\x09\x10\x00\x01" + struct.pack(">I", zlib.crc32(b"cICP\x09\x10\x00\x01"))

    assert_same_answer(http, data[:33] + chunk + data[33:], encoded(photo, "PNG"))


def test_linear_light_is_the_photo(http, photo):
    linear = (light(np.asarray(photo)) * 65535).round().astype(np.uint16)
    data = encoded(Image.fromarray((linear >> 8).astype(np.uint8)), "PNG")
    chunk = struct.pack(">I", 4) + b"gAMA" + struct.pack(">I", 100_000)
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))

    assert_same_answer(http, data[:33] + chunk + data[33:], encoded(photo, "PNG"))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_whole_without_its_last_bytes_and_half_of_one_is_not(http, photo, progressive):
    data = encoded(photo, "JPEG", quality=90, progressive=progressive)
    video = b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 500

    for whole in (data[:-2], data + video, data[:-2] + b"SEFH" * 8):
        assert answer(http, whole) == answer(http, data)
    for part in (data[: len(data) // 2], data[: len(data) // 2] + b"\xff\xd9"):
        response = http.post("/predict", content=part, headers={"content-type": "image/jpeg"})
        assert (response.status_code, response.json()["code"]) == (422, "unreadable_image")


def test_an_srgb_profile_changes_no_answer(http, photo):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert answer(http, encoded(photo, "PNG", icc_profile=profile)) == answer(http, encoded(photo, "PNG"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda photo: encoded(photo, "JPEG2000"), "JPEG 2000"),
        (lambda photo: encoded(photo, "PDF"), "PDF"),
        (lambda photo: encoded(photo, "ICO"), "icon"),
        (lambda photo: tiff(np.asarray(photo).astype(np.float32), photometric="rgb"), "floating-point"),
        (lambda photo: tiff(np.asarray(photo), photometric="rgb", bigtiff=True, byteorder=">"), "BigTIFF"),
    ],
)
def test_a_valid_file_of_another_kind_is_called_by_its_name_and_not_damaged(http, photo, make, words):
    response = http.post("/predict", content=make(photo), headers={"content-type": "application/octet-stream"})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_image_type")
    assert words in response.json()["detail"]


def cases() -> list[dict[str, str]]:
    table = CASES / "cases.csv"
    if not table.is_file():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not cases(), reason="needs a folder of cases: set SIGHTSERVE_CASES")
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["file"])
def test_a_case_has_its_answer(http, case):
    data = (CASES / case["file"]).read_bytes()
    if case["answer_of"]:
        within = _CLOSE_LOSSY if case["file"].endswith((".jpg", ".avif")) else _CLOSE
        assert_same_answer(http, data, (CASES / case["answer_of"]).read_bytes(), within)
        return
    response = http.post("/predict", content=data, headers={"content-type": "application/octet-stream"})
    assert response.json()["code"] == case["code"]
