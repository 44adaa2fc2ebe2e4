"""report -> [its page, in a bundle's directory, from where it gets into no image] -> browser."""

from collections.abc import Mapping
from pathlib import Path

from sightserve.bundle.beside import REPORT_PAGE, keep_out_of_images
from sightserve.training.facts import Report
from sightserve.training.report.page import page, shown
from sightserve.training.report.pictures import pictures


def write(directory: Path, report: Report, paths: Mapping[str, Path]) -> None:
    """Write what was measured, for people, with pictures.

    Args:
        directory: of a bundle.
        report: what was measured.
        paths: of the photos, by the names under which the report knows them.
    """
    text = page(report, pictures(shown(report), paths))
    (directory / REPORT_PAGE).write_text(text, encoding="utf-8")
    keep_out_of_images(directory)
