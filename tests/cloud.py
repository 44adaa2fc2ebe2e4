"""A small Google Cloud on this machine: a metadata server, the Cloud Run API, and a private backend behind a gate."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from google.auth.compute_engine import _metadata
from tests.fake_backend import FakeBackend, fake_backend
from tests.fakes.cloud_run import FakeCloudRun, fake_cloud_run
from tests.fakes.gate import FakeGate, fake_gate
from tests.fakes.metadata import FakeMetadata, fake_metadata

SERVICE = "sightserve-backend"


@dataclass
class Cloud:
    metadata: FakeMetadata
    api: FakeCloudRun
    gate: FakeGate
    backend: FakeBackend

    @property
    def environment(self) -> dict[str, str]:
        """What is set in a container on Cloud Run; the endpoint is all that a real one does not have."""
        return {
            "K_SERVICE": "sightserve-frontend",
            "GCE_METADATA_HOST": self.metadata.host,
            "SIGHTSERVE_CLOUD_ENDPOINT": self.api.url,
            "HOME": "/dev/null/home",  # whose credentials are not the test's
        }


@contextmanager
def running_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The backend is deployed, private, and found."""
    with (
        fake_metadata() as metadata,
        fake_cloud_run() as api,
        fake_backend() as backend,
        fake_gate(backend.url) as gate,
    ):
        api.services[SERVICE] = gate.url
        # google-auth reads GCE_METADATA_HOST when it is imported, which in this process was long ago
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", metadata.host)
        yield Cloud(metadata, api, gate, backend)
