"""Deploying: [what somebody wants, checked] -> steps -> shown or carried out.

Every value here becomes a word of a command line, so each is matched whole against what Google allows; nothing else gets in.
"""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sightserve.deploy.model import Model
from sightserve.deploy.variables import Variables

HALVES: Final = ("backend", "frontend")
MODEL_VARIABLE: Final = "SIGHTSERVE_MODEL"
ANYWHERE: Final = "global"  # where Cloud Build builds for every project; some may use six of its regions only

# https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin
_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z]{2,14}(-[a-z]{2,14}){1,2}[0-9]{1,2}")
# "-frontend" is added, and a service account's name has at most 30 letters
_PREFIX: Final = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IMAGE: Final = re.compile(
    r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)+"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_MEMORY: Final = re.compile(r"([1-9][0-9]{0,4})(Mi|Gi)")
# vCPUs -> the least memory that Cloud Run gives them (https://cloud.google.com/run/docs/configuring/services/cpu), MiB;
# the second generation's environment wants 512 MiB at least
_LEAST_MEMORY: Final = {1: 512, 2: 512, 4: 2048, 6: 4096, 8: 4096}
_MOST_CONCURRENCY: Final = 1000
_MOST_INSTANCES: Final = 1000

# At 32 requests at once for each vCPU, the last of them is answered within 0.5 s with photos of ordinary size, and within the
# deadline of 2 s when all are of 12 megapixels: docs/deploy.md has the sum. More would wait in one instance while another could
# be started.
CONCURRENCY_PER_CPU: Final = 32
# By `backend.ram`: the programs (0.4 GiB on 2 vCPUs), bodies that wait (an eighth), and the largest photo within the limits.
# tests/unit/loadtest/analysis/test_capacity.py holds it to what `sightserve capacity` says.
_BACKEND_MEMORY: Final = {1: "1536Mi", 2: "1536Mi", 4: "2Gi", 6: "4Gi", 8: "4Gi"}


class InvalidOption(ValueError):
    """A value cannot be used; the message names it and says what it needs to be."""


class Builder(StrEnum):
    """What makes the images."""

    CLOUD_BUILD = "cloud-build"
    DOCKER = "docker"
    PODMAN = "podman"
    BUILDAH = "buildah"


@dataclass(frozen=True, slots=True)
class Size:
    """What one half gets.

    Attributes:
        cpu: vCPUs of an instance.
        memory: of an instance, such as 1Gi.
        concurrency: requests that an instance works on at once, at most.
        least, most: instances.
    """

    cpu: int
    memory: str
    concurrency: int
    least: int
    most: int

    @property
    def mebibytes(self) -> int:
        """The memory as a number."""
        size = _MEMORY.fullmatch(self.memory)
        return 0 if size is None else int(size[1]) * (1024 if size[2] == "Gi" else 1)

    def __post_init__(self) -> None:
        if self.cpu not in _LEAST_MEMORY:
            raise InvalidOption(f"{self.cpu} vCPUs: Cloud Run gives {', '.join(map(str, _LEAST_MEMORY))}")
        if not self.mebibytes:
            raise InvalidOption(f"memory {self.memory!r}: write it like 512Mi or 2Gi")
        if self.mebibytes < _LEAST_MEMORY[self.cpu]:
            raise InvalidOption(f"memory {self.memory}: {self.cpu} vCPUs need at least {_LEAST_MEMORY[self.cpu]}Mi")
        if not 1 <= self.concurrency <= _MOST_CONCURRENCY:
            raise InvalidOption(f"concurrency {self.concurrency}: 1 to {_MOST_CONCURRENCY}")
        if not 0 <= self.least <= self.most or not 1 <= self.most <= _MOST_INSTANCES:
            raise InvalidOption(f"instances {self.least} to {self.most}: 0 to {_MOST_INSTANCES}, the least first")


def backend_size(
    cpu: int = 2, memory: str | None = None, concurrency: int | None = None, least: int = 0, most: int = 10
) -> Size:
    """Return a backend's size; what is not said follows from the vCPUs."""
    return Size(
        cpu, memory or _BACKEND_MEMORY.get(cpu, "4Gi"), concurrency or min(CONCURRENCY_PER_CPU * cpu, 1000), least, most
    )


# A visitor's page keeps one request open as long as it is open, so that concurrency is the number of pages. One costs
# 0.2 MiB beside the 0.2 GiB of the app itself (docs/web-app.md); the rest of the memory is for uploads. Cloud Run starts
# another instance at 60 % of it, so that a page finds room in its own instance for what it uploads (docs/deploy.md).
FRONTEND_SIZE: Final = Size(cpu=1, memory="2Gi", concurrency=250, least=0, most=3)


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be deployed, and where.

    Attributes:
        project: the Google Cloud project's id (not its name or number).
        region: such as europe-west1.
        prefix: what everything that is made is called after: PREFIX-backend, PREFIX-frontend, and the repository PREFIX.
        tag: of the images.
        source: the root of this repository.
        builder: what makes the images.
        private_frontend: whether the web app too lets in only who has a right to it.
        backend_image: an image to deploy in place of one built here.
        model: a model of one's own that the backend's image gets; None: the embedded one.
        build_region: where Cloud Build builds: a region, or global.
        backend_env, frontend_env: variables for a half's environment, beside those that are always set.
    """

    project: str
    region: str
    prefix: str = "sightserve"
    tag: str = "latest"
    source: Path = Path()
    builder: Builder = Builder.CLOUD_BUILD
    private_frontend: bool = False
    backend_image: str | None = None
    model: Model | None = None
    backend: Size = field(default_factory=backend_size)
    frontend: Size = FRONTEND_SIZE
    build_region: str = ANYWHERE
    backend_env: Variables = ()
    frontend_env: Variables = ()

    def __post_init__(self) -> None:
        _check(
            "project", self.project, _PROJECT, "6 to 30 lower-case letters, digits and hyphens: its id, not its name"
        )
        _check("region", self.region, _REGION, "a region such as europe-west1")
        _check("prefix", self.prefix, _PREFIX, "2 to 20 lower-case letters, digits and hyphens")
        _check("tag", self.tag, _TAG, "up to 128 letters, digits, dots, hyphens and underscores")
        if self.build_region != ANYWHERE:
            _check("build region", self.build_region, _REGION, f"{ANYWHERE} or a region such as europe-west1")
        if str(self.source).startswith("-"):
            raise InvalidOption(f"source {str(self.source)!r}: it would be taken for a flag; write ./ before it")
        if self.backend_image is not None:
            _check(
                "backend image",
                self.backend_image,
                _IMAGE,
                "an image's address such as HOST/PROJECT/REPOSITORY/NAME:TAG",
            )
        if self.model is not None:
            if any(name == MODEL_VARIABLE for name, _ in self.backend_env):
                raise InvalidOption(f"{MODEL_VARIABLE} and a model: say one of them")
            _check("tag", self._model_tag(self.model), _TAG, "shorter: the model's digest is added to it")

    @property
    def registry(self) -> str:
        """The host that keeps the images."""
        return f"{self.region}-docker.pkg.dev"

    @property
    def bucket(self) -> str:
        """The address of the bucket that has the builds' sources and logs."""
        return f"gs://{self.project}-{self.prefix}-builds"

    def image(self, half: str) -> str:
        """Return the address of a half's image, as it is deployed."""
        if half == "backend" and self.model is not None:
            return f"{self.repository}/{half}:{self._model_tag(self.model)}"
        return self.built(half)

    def built(self, half: str) -> str:
        """Return the address of a half's image before a model comes into it."""
        if half == "backend" and self.backend_image is not None:
            return self.backend_image
        return f"{self.repository}/{half}:{self.tag}"

    @property
    def repository(self) -> str:
        """The address below which the images are."""
        return f"{self.registry}/{self.project}/{self.prefix}"

    def _model_tag(self, model: Model) -> str:
        # another model is another image, and so is the same one on top of another image than the one that is built here
        base = "" if self.backend_image is None else hashlib.sha256(self.backend_image.encode()).hexdigest()[:12] + "-"
        return f"{self.tag}-model-{base}{model.digest}"

    def service(self, half: str) -> str:
        """Return the name of a half's service; an account that works for it is called the same."""
        return f"{self.prefix}-{half}"

    def account(self, half: str) -> str:
        """Return the address of the account that a half runs as."""
        return f"{self.service(half)}@{self.project}.iam.gserviceaccount.com"


def _check(name: str, value: str, pattern: re.Pattern[str], needs: str) -> None:
    if pattern.fullmatch(value) is None:
        raise InvalidOption(f"{name} {value!r}: it needs to be {needs}")
