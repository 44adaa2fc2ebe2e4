"""Pixels of any mode and any colours -> [8-bit sRGB over white], on the few pixels that are left after resizing."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from sightserve.imaging import cicp, containers, grey, icc


@dataclass(frozen=True, slots=True)
class Description:
    """What a file says of its colours; nothing where they are sRGB.

    Attributes:
        profile: an ICC profile.
        colours: the same by numbers.
    """

    profile: bytes | None = None
    colours: cicp.Colours | None = None


def described(image: Image.Image, data: bytes) -> Description:
    """Return what the file says of the colours of this opened image.

    HDR by code points comes first, since a profile cannot say it; in PNG any code points do (PNG, third edition, section 4.3).
    """
    profile, points = image.info.get("icc_profile"), None
    if image.format == "PNG":
        points = containers.png_code_points(data)
    elif image.format in {"AVIF", "HEIF"}:
        points = containers.heif_code_points(data)
    elif profile:
        points = icc.coding(profile)
    colours = cicp.from_code_points(*points) if points else None
    if colours and (colours.hdr or image.format == "PNG" or not profile):
        return Description(colours=None if colours.usual else colours)
    if isinstance(profile, bytes) and profile:
        return Description(profile)
    if image.format == "PNG" and "srgb" not in image.info and ("gamma" in image.info or "chromaticity" in image.info):
        colours = cicp.from_png(image.info.get("gamma"), image.info.get("chromaticity"))
        return Description(colours=None if colours.usual else colours)
    return Description()


def resizable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose pixels can be averaged: palettes and bits cannot, 16 bits only slowly."""
    if image.mode in {"P", "PA", "1", "La", "RGBa"}:
        if image.mode == "1":
            return image.convert("L")
        has_alpha = image.mode != "P" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode in {"RGB", "L"} and "transparency" in image.info:  # PNG's single transparent colour
        return image.convert("RGBA")
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert(
            "RGB"
        )  # programs that know of no alpha leave zeros there, and Windows and browsers show it opaque
    return image


def to_rgb(image: Image.Image, description: Description) -> Image.Image:
    """Return 8-bit sRGB, alpha over white."""
    alpha = None
    if image.mode in {"RGBA", "LA"}:
        alpha = image.getchannel("A")
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
    if image.mode == "LAB":
        image = _lab_to_rgb(image)
    elif description.profile:
        image = icc.to_srgb(image, description.profile)
    if image.mode != "RGB":  # Pillow would copy it
        image = image.convert("RGB")
    if description.colours:
        image = cicp.to_srgb(image, description.colours)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8-bit grey, with PNG's single transparent value as alpha."""
    values = np.asarray(image)
    shown = Image.fromarray(grey.known_range(values, 16))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        shown.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return shown


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415 - such a photo is rare

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)
