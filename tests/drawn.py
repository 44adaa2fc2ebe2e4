"""Photos of our own to train on: biscuits with five, six or eight corners, baked on a light tray or a dark one."""

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SHAPES = ("five corners", "six corners", "eight corners")
_SIDE = 320  # px
_CORNERS = dict(zip(SHAPES, (5, 6, 8), strict=True))


def biscuit(shape: str, seed: int, *, dark: bool = False) -> Image.Image:
    """Return a photo of a biscuit: where, how large, how brown and how crumbly is chance's, by the seed; it is hard to tell."""
    chance = Random(f"{shape} {seed} {dark}")
    noise = np.random.default_rng(chance.getrandbits(32))
    tray, dough = ((46, 44, 52), (150, 104, 58)) if dark else ((206, 204, 198), (196, 148, 92))
    picture = Image.new("RGB", (_SIDE, _SIDE), tray)
    draw = ImageDraw.Draw(picture)
    for _ in range(chance.randint(0, 12)):  # crumbs
        at, size = (chance.random() * _SIDE, chance.random() * _SIDE), chance.uniform(2, 9)
        draw.ellipse((*at, at[0] + size, at[1] + size), fill=_near(dough, chance))
    radius = chance.uniform(55, 105)
    centre = (chance.uniform(radius, _SIDE - radius), chance.uniform(radius, _SIDE - radius))
    outline = _outline(shape, centre, radius, chance)
    shade = [(x + 7, y + 9) for x, y in outline]
    draw.polygon(shade, fill=tuple(part // 2 for part in tray))
    draw.polygon(outline, fill=_near(dough, chance))
    for _ in range(chance.randint(3, 14)):  # chocolate
        angle, far = chance.uniform(0, 2 * math.pi), chance.uniform(0, radius * 0.5)
        x, y, size = centre[0] + far * math.cos(angle), centre[1] + far * math.sin(angle), chance.uniform(4, 11)
        draw.ellipse((x, y, x + size, y + size), fill=(70, 42, 26))
    picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(0.5, 2.0)))
    light = noise.normal(0, 9, (_SIDE, _SIDE, 1)) + np.linspace(-25, 25, _SIDE)[None, :, None] * chance.uniform(-1, 1)
    return Image.fromarray(np.clip(np.asarray(picture, dtype=np.float32) + light, 0, 255).astype(np.uint8))


def fill(folder: Path, of_each: int, *, first: int = 0, dark: bool = False, shapes: Sequence[str] = SHAPES) -> Path:
    """Write so many photos of each shape into a folder for each, and return the folder."""
    for shape in shapes:
        (folder / shape).mkdir(parents=True, exist_ok=True)
        for seed in range(first, first + of_each):
            path = folder / shape / f"{'dark' if dark else 'light'}-{seed:03d}.jpg"
            biscuit(shape, seed, dark=dark).save(path, quality=88)
    return folder


def _near(colour: tuple[int, int, int], chance: Random) -> tuple[int, int, int]:
    red, green, blue = (max(0, min(255, part + chance.randint(-18, 18))) for part in colour)
    return red, green, blue


def _outline(shape: str, centre: tuple[float, float], radius: float, chance: Random) -> list[tuple[float, float]]:
    corners, turned = _CORNERS[shape], chance.uniform(0, 2 * math.pi)
    points = []
    for corner in range(corners):
        far = radius * chance.uniform(0.94, 1.06)
        angle = turned + 2 * math.pi * corner / corners
        points.append((centre[0] + far * math.cos(angle), centre[1] + far * math.sin(angle)))
    return points
