"""Images: writes what is in one, as a CycloneDX bill of materials (SBOM), to standard output.

Run once while an image is built, with `cyclonedx-bom` installed: `python sbom.py NAME ENVIRONMENT APPLICATION`. Three kinds of
components: Python's packages, by CycloneDX's own tool; the libraries that these bundle, which no package's metadata names (x265
in PyAV's wheels is what makes an image GPL); and Debian's packages of the base.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

_DPKG = Path("/var/lib/dpkg/status")
# libx265-95b96f51.so.215: auditwheel adds the hash, the version is that of the interface
_BUNDLED = re.compile(r"(?P<name>lib.+?)(?:-[0-9a-f]{8})?\.so(?:\.(?P<version>[0-9.]+))?")


def python_packages(environment: Path) -> dict[str, Any]:
    """Return the bill of an environment's packages: the document to which the rest is added."""
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "environment",
        "--output-reproducible",
        "--of",
        "JSON",
        str(environment),
    ]
    bill: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - ours
    return bill


def bundled_libraries(environment: Path) -> Iterator[dict[str, Any]]:
    """Yield the shared libraries that wheels bring along, each once, with the package that has it."""
    for path in sorted(environment.glob("lib/python3*/site-packages/*.libs/*.so*")):
        found = _BUNDLED.fullmatch(path.name)
        package = path.parent.name.removesuffix(".libs")
        yield {
            "type": "library",
            "bom-ref": f"bundled:{package}/{path.name}",
            "name": found["name"] if found else path.name,
            **({"version": found["version"]} if found and found["version"] else {}),
            "properties": [{"name": "sightserve:bundled-in", "value": package}],
        }


def debian_packages(status: Path) -> Iterator[dict[str, Any]]:
    """Yield the packages that dpkg has installed; none where the base is no Debian."""
    paragraphs = status.read_text(encoding="utf-8").split("\n\n") if status.is_file() else []
    for paragraph in paragraphs:
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
            reference = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
            yield {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}


def bill_of_materials(name: str, version: str, environment: Path, status: Path = _DPKG) -> dict[str, Any]:
    """Return the whole document."""
    bill = python_packages(environment)
    bill["components"] = [*bill.get("components", []), *bundled_libraries(environment), *debian_packages(status)]
    bill["metadata"]["component"] = {
        "type": "container",
        "bom-ref": name,
        "name": name,
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return bill


def main() -> None:
    """Write the bill of the image that is being built."""
    name, environment, application = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    (metadata,) = application.glob("sightserve-*.dist-info")
    version = metadata.name.removesuffix(".dist-info").partition("-")[2]
    json.dump(bill_of_materials(name, version, environment), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
