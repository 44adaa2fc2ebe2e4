"""report, pictures -> [one HTML file that loads nothing from anywhere] -> report.html, beside the model's manifest."""

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sightserve.training.facts import Interval, OfClass, Report, Twins
from sightserve.training.report import words
from sightserve.training.report.charts import curve, matrix
from sightserve.training.report.markup import attribute, bar, figure, listing, paragraph, section, table, text
from sightserve.training.report.pictures import Picture

MOST_MISTAKES: Final = 50
_MOST_TWINS: Final = 24
_MOST_OF_TWINS: Final = 6
_MOST_CLASSES: Final = 200
_MOST_LEFT_OUT: Final = 200

Pictures = Mapping[str, Picture | str]


def shown(report: Report) -> Iterator[str]:
    """Yield the names of the photos that the page shows."""
    yield from (mistake.name for mistake in report.mistakes[:MOST_MISTAKES])
    for twins in report.twins[:_MOST_TWINS]:
        yield from twins.names[:_MOST_OF_TWINS]


def page(report: Report, pictures: Pictures) -> str:
    """Return the page.

    Args:
        report: what was measured.
        pictures: of the photos that are `shown`, by name.
    """
    css = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    # nothing is loaded, nothing runs, nothing is sent: whatever a file or a label is called
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{report.name} {report.version}: how right it is"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy, quote=True)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{attribute(title)}</title><style>{css}</style></head><body>"
        f"{_header(report)}<main>{''.join(_sections(report, pictures))}</main></body></html>\n"
    )


def _header(report: Report) -> str:
    return (
        f'<header><p class="name">{text(report.name)} {text(report.version)}</p><h1>{attribute(words.headline(report))}</h1>'
        f"{bar(report.accuracy.value, report.accuracy.low, report.accuracy.high)}"
        f"{paragraph(words.against_chance(report))}{paragraph(words.learned_from(report), 'small')}</header>"
    )


def _sections(report: Report, pictures: Pictures) -> Iterator[str]:
    yield section("What to do", listing((attribute(each.words) for each in report.advice), "advice"), id_="advice")
    yield section("Classes", _classes(report), id_="classes")
    yield section("What is taken for what", matrix(report), id_="confusion")
    yield section("The mistakes it is surest of", _mistakes(report, pictures), id_="mistakes")
    yield section("Alike, in different classes", _twins(report, pictures), id_="twins")
    yield section("What more photos would bring", curve(report), paragraph(words.more_photos(report)), id_="curve")
    yield section(
        "How sure it is", paragraph(words.calibrated(report)), paragraph(words.none_of_these(report)), id_="sure"
    )
    yield section("Photos that were left out", _left_out(report), id_="left-out")
    yield section("What else was seen", listing(map(attribute, report.notes)), id_="notes")
    yield section("How this was measured", _method(report), id_="method")


def _classes(report: Report) -> str:
    ordered = words.weakest_first(report)
    found = table(
        ("Class", "Photos", "Found", "Right when it says so"),
        map(_class, ordered[:_MOST_CLASSES]),
        kind="classes",
        caption="Found: of a class's photos, how many get its label. In brackets: between what this lies, with 95% confidence.",
    )
    return found + _more(len(ordered) - _MOST_CLASSES, "class", "report.json has all")


def _class(each: OfClass) -> tuple[str, ...]:
    scenes = f' <span class="small">{words.counted(each.scenes, "scene")}</span>' if each.scenes != each.photos else ""
    more = ' <span class="wants">wants more photos</span>' if each.wants_more else ""
    precision = "it never says so" if each.precision is None else _measured(each.precision)
    return f"{text(each.label)}{more}", f"{each.photos:,}{scenes}", _measured(each.recall), precision


def _measured(share: Interval) -> str:
    figures = f'{words.percent(share.value)} <span class="small">({words.between(share)})</span>'
    return f'{bar(share.value, share.low, share.high)}<span class="figures">{figures}</span>'


def _mistakes(report: Report, pictures: Pictures) -> str:
    if not report.mistakes:
        return ""
    figures = "".join(
        figure(
            each.name,
            pictures.get(each.name, "not shown"),
            f'<span class="says">{words.percent(each.probability)} {text(each.predicted)}</span>'
            f"<span>its label: {text(each.label)}</span>",
        )
        for each in report.mistakes[:MOST_MISTAKES]
    )
    lead = paragraph("Often it is the label that is wrong, not the answer: look at these first.")
    return f'{lead}<div class="photos">{figures}</div>'


def _twins(report: Report, pictures: Pictures) -> str:
    if not report.twins:
        return ""
    lead = paragraph(
        "They look alike to it and lie in more than one class. Where it is the same photo, one of its labels is wrong."
    )
    groups = "".join(_group(each, pictures) for each in report.twins[:_MOST_TWINS])
    return lead + groups + _more(len(report.twins) - _MOST_TWINS, "group", "report.json has all")


def _group(twins: Twins, pictures: Pictures) -> str:
    labels = twins.labels if len(twins.labels) == len(twins.names) else ("",) * len(twins.names)
    figures = "".join(
        figure(name, pictures.get(name, "not shown"), f"<span>{text(label)}</span>" if label else "")
        for name, label in list(zip(twins.names, labels, strict=True))[:_MOST_OF_TWINS]
    )
    heading = "" if any(labels) else f"<p>{', '.join(map(text, twins.labels))}</p>"
    more = _more(len(twins.names) - _MOST_OF_TWINS, "photo", "report.json has all")
    return f'{heading}<div class="photos together">{figures}</div>{more}'


def _left_out(report: Report) -> str:
    rows = [(text(each.name), attribute(each.why)) for each in report.left_out[:_MOST_LEFT_OUT]]
    if not rows:
        return ""
    found = table(("Photo", "Why"), rows, kind="left-out", caption="Nothing was learned from these.")
    return found + _more(len(report.left_out) - _MOST_LEFT_OUT, "photo", "report.json has all")


def _method(report: Report) -> str:
    scenes = words.counted(report.scenes, "scene")
    return "".join(
        map(
            paragraph,
            (
                f"{words.counted(report.photos, 'photo')} of {scenes} were dealt into parts. Each part was held back once, "
                "a classifier was made of the others and asked about it: what is told here is of photos that it had not seen.",
                "Photos that look alike, such as those of a burst, are one scene and never on both sides: they are "
                "no proof of one another.",
                "What serves has learned from all parts. It was measured on photos like these: of others, from another camera "
                "or another place, it may know less.",
            ),
        )
    )


def _more(count: int, what: str, where: str) -> str:
    return paragraph(f"And {words.counted(count, what)} more: {where}.", "small") if count > 0 else ""
