"""Photos of apples, drawn: three classes that a network which never saw them can tell apart, and a few traps."""

import random
import shutil
from pathlib import Path

from PIL import Image, ImageDraw

CLASSES = ("ripe", "rotten", "unripe")
HOSTILE = "\x1b[2Junripe.jpg"
_COLOURS = {"ripe": (200, 40, 40), "rotten": (105, 70, 45), "unripe": (120, 185, 60)}


def draw(folder: Path, count: int, *, seed: int = 1) -> None:
    """Draw so many photos of each class, each into the folder of its name."""
    chance = random.Random(seed)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            apple(kind, chance).save(folder / kind / f"IMG_{number:04}.jpg", quality=90)


def apple(kind: str, chance: random.Random) -> Image.Image:
    """Draw one, before something."""
    ground = tuple(chance.randint(90, 230) for _ in range(3))
    image = Image.new("RGB", (chance.choice((320, 360, 400)), chance.choice((240, 320))), ground)
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, side = chance.randrange(image.width), chance.randrange(image.height), chance.randint(5, 60)
        pen.rectangle((x, y, x + side, y + side), fill=_near(ground, chance))
    x, y, radius = chance.randint(90, image.width - 90), chance.randint(90, image.height - 90), chance.randint(50, 80)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_near(_COLOURS[kind], chance))
    for _ in range(12 if kind == "rotten" else 0):
        a, b = x + chance.randint(-radius // 2, radius // 2), y + chance.randint(-radius // 2, radius // 2)
        pen.ellipse((a - 6, b - 6, a + 6, b + 6), fill=(50, 30, 20))
    pen.line((x, y - radius, x + 8, y - radius - 20), fill=(70, 50, 20), width=5)
    return image


def set_traps(folder: Path) -> None:
    """Add a photo that lies in two classes, one whose name steers terminals and is in the wrong class, and one that is none."""
    shutil.copy(folder / "ripe" / "IMG_0000.jpg", folder / "rotten" / "IMG_9000.jpg")
    apple("unripe", random.Random(99)).save(folder / "ripe" / HOSTILE)
    (folder / "ripe" / "notes.jpg").write_text("no photo")


def _near(colour: tuple[int, ...], chance: random.Random) -> tuple[int, ...]:
    return tuple(min(255, max(0, value + chance.randint(-25, 25))) for value in colour)
