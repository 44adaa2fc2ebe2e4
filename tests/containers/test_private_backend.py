"""The web app's image as on Cloud Run: it finds a private backend by itself, and says who it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect
from tests.conftest import SAMPLES
from tests.containers.engine import Container, running_container, wait_until_ready
from tests.fakes.cloud_run import FakeCloudRun, fake_cloud_run
from tests.fakes.gate import FakeGate, fake_gate
from tests.fakes.metadata import FakeMetadata, fake_metadata

pytestmark = [pytest.mark.containers, pytest.mark.browser, pytest.mark.timeout(1500)]

IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/identity"


@dataclass
class Cloud:
    """A small Google Cloud, whose only service is the backend's container behind a gate."""

    metadata: FakeMetadata
    api: FakeCloudRun
    gate: FakeGate

    @property
    def settings(self) -> dict[str, str]:
        """Project, region and service name; the rest says that Google Cloud is here, which on Google Cloud goes by itself."""
        return {
            "SIGHTSERVE_CLOUD_PROJECT": "my-project",
            "SIGHTSERVE_CLOUD_REGION": "europe-west1",
            "SIGHTSERVE_CLOUD_SERVICE": "mine",
            "SIGHTSERVE_CLOUD_ENDPOINT": self.api.url,
            "K_SERVICE": "sightserve-frontend",
            "GCE_METADATA_HOST": self.metadata.host,
        }


@pytest.fixture
def cloud(backend: Container) -> Iterator[Cloud]:
    with fake_metadata() as metadata, fake_cloud_run() as api, fake_gate(backend.url) as gate:
        api.services["mine"] = gate.url
        yield Cloud(metadata, api, gate)


def upload(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)  # its first page: imports
    page.locator("input.files").set_input_files([SAMPLES / "espresso.jpg"])
    page.get_by_role("button", name=re.compile("Classify")).click()


def test_project_region_and_name_are_all_it_takes_to_classify_through_a_private_backend(cloud, page, artifacts):
    with running_container("frontend", **cloud.settings) as frontend:
        wait_until_ready("frontend", frontend)

        page.goto(frontend.url)
        upload(page)

        expect(page.get_by_role("heading", name="espresso", exact=True)).to_be_visible()
        page.goto(frontend.url + "/about")
        expect(page.get_by_text("It is the Cloud Run service mine")).to_be_visible()
        expect(page.get_by_text("with an ID token from Google")).to_be_visible()
        page.screenshot(path=artifacts / "container-private.png")
        logs = frontend.logs()
    assert cloud.gate.refused == []
    assert "/predict" in [path.partition("?")[0] for path, _ in cloud.gate.asked]
    assert cloud.metadata.asked.count(IDENTITY) == 1  # one token for all that was asked
    (looked,) = cloud.api.asked
    assert looked.partition("?")[0] == "/v2/projects/my-project/locations/europe-west1/services/mine"
    assert "Traceback" not in logs
    assert cloud.gate.asked[0][1] not in logs


def test_without_an_identity_the_page_says_that_it_is_not_let_in_and_what_to_do(cloud, page, artifacts):
    with running_container("frontend", SIGHTSERVE_IDENTITY="never", **cloud.settings) as frontend:
        wait_until_ready("frontend", frontend)

        page.goto(frontend.url)
        upload(page)

        expect(page.get_by_text("The classifier does not let this app in")).to_be_visible()
        page.screenshot(path=artifacts / "container-refused.png")
        page.goto(frontend.url + "/about")
        expect(page.get_by_text("roles/run.invoker")).to_be_visible()
        expect(page.get_by_text("SIGHTSERVE_IDENTITY=always")).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
        page.screenshot(path=artifacts / "container-refused-about.png")
    assert {status for _, status in cloud.gate.refused} == {403}
    assert len(cloud.gate.refused) == len(cloud.gate.asked)
    assert IDENTITY not in cloud.metadata.asked
