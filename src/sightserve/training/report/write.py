"""report -> [its files in a bundle's directory] -> terminal, web app, browser."""

from collections.abc import Mapping
from pathlib import Path

from sightserve.bundle.beside import REPORT_JSON, REPORT_PAGE, keep_out_of_images
from sightserve.training.facts import Report
from sightserve.training.report.page import page, shown
from sightserve.training.report.pictures import pictures


def write(directory: Path, report: Report, paths: Mapping[str, Path]) -> None:
    """Write what was measured, for programs and for people.

    Args:
        directory: of a bundle.
        report: what was measured.
        paths: of the photos, by the names under which the report knows them.
    """
    (directory / REPORT_JSON).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    text = page(report, pictures(shown(report), paths))
    (directory / REPORT_PAGE).write_text(text, encoding="utf-8")
    keep_out_of_images(directory)
