"""deploy/kubernetes: valid, as careful as it says, and true to what the images do."""

import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.conftest import ROOT
from tests.containers.engine import HEALTH

FOLDER = ROOT / "deploy" / "kubernetes"
HALVES = ["backend", "frontend"]
PORTS = {"backend": 8000, "frontend": 8501}
VERSIONS = ["1.30", "1.37"]  # the oldest that it is for (preStop sleep), and the newest whose schemas are at hand

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


@pytest.fixture(scope="module")
def kustomization() -> Manifest:
    return documents(FOLDER / "kustomization.yaml")[0]


@pytest.fixture(scope="module")
def manifests(kustomization: Manifest) -> list[Manifest]:
    return [document for name in kustomization["resources"] for document in documents(FOLDER / name)]


@pytest.fixture(scope="module")
def found(manifests):
    """Return a function that gives the manifest of a kind and a half."""

    def one(kind: str, half: str) -> Manifest:
        (manifest,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == f"sightserve-{half}"]
        return dict(manifest)

    return one


def pod_of(deployment: Manifest) -> tuple[dict[str, str], Manifest, Manifest]:
    """Return a deployment's pod's labels, its spec, and that of its only container."""
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return template["metadata"]["labels"], template["spec"], container


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}  # nothing here needs expressions
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_valid(manifests, version):
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_an_invalid_manifest_would_be_noticed(found):
    """Guards the test above: a misspelt field is an error."""
    broken = found("Service", "backend") | {"spce": {}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_the_kustomization_lists_every_file_and_every_image(kustomization, found):
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}

    assert set(kustomization["resources"]) == files
    images = {pod_of(found("Deployment", half))[2]["image"] for half in HALVES}
    assert {image["name"] for image in kustomization["images"]} == images


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, whose kustomize reads the base")
def test_kustomize_builds_the_base(manifests):
    built = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True).stdout

    rendered = list(yaml.safe_load_all(built))
    assert len(rendered) == len(manifests)
    assert {m["metadata"].get("namespace") for m in rendered if m["kind"] != "Namespace"} == {"sightserve"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, whose kustomize reads the overlay")
def test_the_overlay_in_the_guide_builds_and_names_its_images(tmp_path):
    """docs/deploy.md, followed to the letter: its files, beside the base."""
    guide = (ROOT / "docs" / "deploy.md").read_text()
    files = re.findall(r"^cat > (\S+) <<'END'\n(.*?)^END$", guide, re.MULTILINE | re.DOTALL)
    shutil.copytree(FOLDER, tmp_path / "deploy" / "kubernetes")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    for name, content in files:
        (overlay / name).write_text(content)

    built = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, check=True).stdout

    rendered = list(yaml.safe_load_all(built))
    gateways = {m["kind"]: m for m in rendered if m["apiVersion"].startswith("gateway.networking.k8s.io/")}
    for manifest in rendered:
        if manifest["kind"] not in gateways:  # Kubernetes' own schemas do not have them
            kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)
    images = {pod_of(m)[2]["image"] for m in rendered if m["kind"] == "Deployment"}
    assert images == {f"registry.example/sightserve-{half}:1.0.0" for half in HALVES}
    route, gateway = gateways["HTTPRoute"]["spec"], gateways["Gateway"]
    (rule,) = route["rules"]
    (to,) = rule["backendRefs"]
    assert (to["name"], to["port"]) in {
        (m["metadata"]["name"], m["spec"]["ports"][0]["port"]) for m in rendered if m["kind"] == "Service"
    }
    assert [parent["name"] for parent in route["parentRefs"]] == [gateway["metadata"]["name"]]
    assert gateway["metadata"]["namespace"] == gateways["HTTPRoute"]["metadata"]["namespace"]
    assert route["hostnames"] == [listener["hostname"] for listener in gateway["spec"]["listeners"]]
    assert rule["sessionPersistence"]["type"] == "Cookie"  # a session and its photos live in one pod
    assert rule["timeouts"] == {"request": "0s"}  # none: a page's websocket lasts as long as the page


@pytest.mark.parametrize("half", HALVES)
def test_everything_selects_the_pods_it_is_for_and_no_others(found, half):
    (other,) = set(HALVES) - {half}
    labels, spec, _ = pod_of(found("Deployment", half))
    others, _, _ = pod_of(found("Deployment", other))
    selectors = [
        found("Deployment", half)["spec"]["selector"],
        {"matchLabels": found("Service", half)["spec"]["selector"]},
        found("PodDisruptionBudget", half)["spec"]["selector"],
        found("NetworkPolicy", half)["spec"]["podSelector"],
        *[constraint["labelSelector"] for constraint in spec["topologySpreadConstraints"]],
    ]

    for selector in selectors:
        assert selects(selector, labels)
        assert not selects(selector, others)
    target = found("HorizontalPodAutoscaler", half)["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", f"sightserve-{half}")
    assert "replicas" not in found("Deployment", half)["spec"]


@pytest.mark.parametrize("half", HALVES)
def test_ports_agree_from_the_service_to_the_process(found, half):
    _, _, container = pod_of(found("Deployment", half))
    port = container["ports"][0]
    (service,) = found("Service", half)["spec"]["ports"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}

    assert service["targetPort"] == port["name"]
    assert port["containerPort"] == PORTS[half] == int(environment["PORT"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]


def test_the_web_apps_metrics_are_where_prometheus_is_told_and_for_it_alone(found):
    template = found("Deployment", "frontend")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    annotations = template["metadata"]["annotations"]

    assert str(ports["metrics"]) == environment["SIGHTSERVE_UI_METRICS_PORT"] == annotations["prometheus.io/port"]
    assert all(entry["targetPort"] != "metrics" for entry in found("Service", "frontend")["spec"]["ports"])
    lets_in = [
        rule.get("from")
        for rule in found("NetworkPolicy", "frontend")["spec"]["ingress"]
        if {"port": ports["metrics"], "protocol": "TCP"} in rule["ports"]
    ]
    assert lets_in == [[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]]


def test_the_web_app_asks_the_backends_service(found):
    _, _, container = pod_of(found("Deployment", "frontend"))
    service = found("Service", "backend")
    environment = {variable["name"]: variable["value"] for variable in container["env"]}

    expected = f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert environment["BACKEND"] == expected
    assert found("Service", "frontend")["spec"]["sessionAffinity"] == "ClientIP"  # a session lives in one pod


def test_the_backends_probes_ask_what_the_backend_answers(found, backend_url):
    _, _, container = pod_of(found("Deployment", "backend"))

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        with urllib.request.urlopen(backend_url + container[probe]["httpGet"]["path"], timeout=5) as response:
            assert response.status == 200


def test_the_web_apps_probes_ask_what_its_image_is_tested_with(found):
    _, _, container = pod_of(found("Deployment", "frontend"))

    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {HEALTH["frontend"]}


@pytest.mark.parametrize("half", HALVES)
def test_pods_meet_the_restricted_standard(found, half, manifests):
    _, spec, container = pod_of(found("Deployment", half))
    pod, own = spec["securityContext"], container["securityContext"]

    assert pod["runAsNonRoot"] is True
    assert (pod["runAsUser"], pod["runAsGroup"]) == (10001, 10001)  # as in the image
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False  # a service named sightserve would set SIGHTSERVE_PORT to an address
    assert all(set(volume) <= {"name", "emptyDir"} for volume in spec.get("volumes", []))
    assert container["resources"]["limits"]["memory"]
    (namespace,) = [m for m in manifests if m["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_backend_has_a_limit_of_cpus_since_its_slots_follow_it(found):
    _, _, container = pod_of(found("Deployment", "backend"))

    resources = container["resources"]
    assert resources["limits"]["cpu"] == resources["requests"]["cpu"] == "2"


@pytest.mark.parametrize("half", HALVES)
def test_a_pod_has_the_time_that_its_end_takes(found, half):
    _, spec, container = pod_of(found("Deployment", half))
    environment = {variable["name"]: variable["value"] for variable in container["env"]}

    before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    grace = float(environment.get("SIGHTSERVE_DRAIN_GRACE", 0))
    assert before + grace >= 5  # endpoints and proxies need seconds to hear that it is leaving
    assert spec["terminationGracePeriodSeconds"] >= before + 10  # and the process takes up to 10


def reaches(policies: list[Manifest], sender: dict[str, str], receiver: dict[str, str], port: int) -> bool:
    """Return whether the policies let a pod of this namespace reach another: both ends must allow it."""

    def allowed(direction: str, peers: str, at: dict[str, str], peer: dict[str, str]) -> bool:
        applying = [
            policy["spec"]
            for policy in policies
            if selects(policy["spec"]["podSelector"], at) and direction in policy["spec"]["policyTypes"]
        ]
        rules = [rule for spec in applying for rule in spec.get(direction.lower(), [])]
        return not applying or any(
            (not rule.get("ports") or port in [entry["port"] for entry in rule["ports"]])
            and (peers not in rule or any("podSelector" in p and selects(p["podSelector"], peer) for p in rule[peers]))
            for rule in rules
        )

    return allowed("Egress", "to", sender, receiver) and allowed("Ingress", "from", receiver, sender)


def test_only_the_web_app_reaches_the_backend_and_the_backend_reaches_nobody(manifests, found):
    policies = [manifest for manifest in manifests if manifest["kind"] == "NetworkPolicy"]
    backend, _, _ = pod_of(found("Deployment", "backend"))
    frontend, _, _ = pod_of(found("Deployment", "frontend"))
    stranger = {"app.kubernetes.io/name": "ingress-nginx"}

    assert reaches(policies, frontend, backend, 8000)
    assert reaches(policies, stranger, frontend, 8501)
    assert not reaches(policies, stranger, backend, 8000)
    assert not reaches(policies, backend, backend, 8000)
    assert not reaches(policies, frontend, backend, 22)
    assert not reaches(policies, stranger, frontend, 22)
    assert not reaches(policies, stranger, frontend, 8502)
    assert not reaches(policies, backend, stranger, 443)
    assert not reaches(policies, backend, frontend, 8501)
    assert not reaches(policies, frontend, stranger, 443)


def test_the_web_app_finds_names_whoever_has_them_and_the_backend_asks_for_none(found):
    """No selector matches a name service that is a link-local address or in the host's network, as on GKE."""
    [dns] = [rule for rule in found("NetworkPolicy", "frontend")["spec"]["egress"] if "to" not in rule]

    assert {(entry["port"], entry["protocol"]) for entry in dns["ports"]} == {
        (port, protocol) for port in (53, 5353) for protocol in ("UDP", "TCP")
    }
    assert "egress" not in found("NetworkPolicy", "backend")["spec"]


def test_no_page_shows_an_address_inside_the_cluster(found):
    _, _, container = pod_of(found("Deployment", "frontend"))

    assert {"name": "SIGHTSERVE_UI_PUBLIC_BACKEND", "value": "none"} in container["env"]
