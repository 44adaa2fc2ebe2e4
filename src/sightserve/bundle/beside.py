"""What may lie in a bundle's directory and is no part of the model: it is not served, and goes into no image."""

from typing import Final

REPORT_JSON: Final = "report.json"
REPORT_PAGE: Final = "report.html"  # it shows photos that the model was trained on
BESIDE: Final = frozenset((REPORT_JSON, REPORT_PAGE))
