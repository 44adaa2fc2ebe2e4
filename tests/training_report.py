"""A report such as a training writes, with names that are attacks, and photos to go with it."""

from pathlib import Path

from PIL import Image, ImageDraw

from sightserve.training.facts import Advice, CurvePoint, Interval, Mistake, OfClass, Report, Twins, Unread

HOSTILE = '"><script>document.title="taken"</script><img src=https://tracker.test/x.png>.jpg'
OVERRIDE = "ripe\u202egpj.exe"


def report() -> Report:
    """Return one of three classes: 223 of 237 are right."""
    return Report(
        name="apples",
        version="1",
        base="accurate",
        labels=("ripe", "rotten <b>", "unripe"),
        photos=237,
        scenes=201,
        accuracy=Interval(value=223 / 237, low=0.897, high=0.968),
        chance=100 / 237,
        training_accuracy=0.996,
        classes=(
            OfClass(
                label="ripe", photos=100, scenes=80,
                recall=Interval(value=0.97, low=0.91, high=0.99), precision=Interval(value=0.951, low=0.89, high=0.98),
            ),
            OfClass(
                label="rotten <b>", photos=97, scenes=91,
                recall=Interval(value=90 / 97, low=0.86, high=0.965), precision=Interval(value=0.957, low=0.895, high=0.983),
            ),
            OfClass(label="unripe", photos=40, scenes=30, recall=Interval(value=0.9, low=0.74, high=0.965), wants_more=True),
        ),
        confusion=((97, 2, 1), (5, 90, 2), (0, 4, 36)),
        calibration_before=0.09,
        calibration_after=0.03,
        temperature=1.4,
        least_probability=0.52,
        kept_at_least=0.95,
        mistakes=(
            Mistake(name="rotten/IMG_0012.jpg", label="rotten <b>", predicted="ripe", probability=0.983),
            Mistake(name=f"ripe/{HOSTILE}", label="ripe", predicted="unripe", probability=0.91),
            Mistake(name=f"unripe/{OVERRIDE}", label="unripe", predicted="rotten <b>", probability=0.88),
            Mistake(name="unripe/broken.jpg", label="unripe", predicted="rotten <b>", probability=0.71),
        ),
        twins=(Twins(names=("ripe/a.jpg", "rotten/b.jpg"), labels=("ripe", "rotten <b>")),),
        left_out=(Unread(name="ripe/notes\x1b[2J.jpg", why="no image: it is a PDF"),),
        curve=(
            CurvePoint(photos=10, accuracy=0.78), CurvePoint(photos=20, accuracy=0.85),
            CurvePoint(photos=40, accuracy=0.91), CurvePoint(photos=79, accuracy=0.94),
        ),
        expected_at_double=0.96,
        views=("mirror", "crop"),
        advice=(
            Advice(code="check_labels", words="Look at the surest mistakes first: 3 of 14 look like wrong labels."),
            Advice(code="more_photos", words="Take more photos of unripe: it has 40, and 2 in 20 are not found."),
        ),
        notes=("Labels that differ by case were joined: Ripe, ripe.",),
        corrections=12,
        seconds=17.4,
    )  # fmt: skip


def draw(folder: Path) -> dict[str, Path]:
    """Draw the photos of the report, but one that is no image, and return their paths by name."""
    colours = {"ripe": "#c62828", "rotten": "#6d4c41", "unripe": "#7cb342"}
    paths = {}
    names = [each.name for each in report().mistakes] + list(report().twins[0].names)
    for number, name in enumerate(names):
        path = folder / f"{number}.jpg"
        image = Image.new("RGB", (640, 480) if number % 2 else (360, 480), "#dfe7d8")
        ImageDraw.Draw(image).ellipse((40, 60, 320, 340), fill=colours[name.split("/")[0]])
        image.save(path)
        paths[name] = path
    paths["unripe/broken.jpg"].write_bytes(b"no image at all")
    return paths
