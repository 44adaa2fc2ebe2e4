"""Where others stand before the server, or it has no port: under a path, behind TLS, with TLS of its own, on a Unix socket."""

import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.hostile import wire
from tests.processes import START_SECONDS, clean_environment, free_port, running, running_backend


@pytest.fixture(scope="module")
def under_a_path(tmp_path_factory):
    log = tmp_path_factory.mktemp("proxied") / "log"
    keys = {"SIGHTSERVE_API_KEYS": "the-key", "SIGHTSERVE_FORWARDED_ALLOW_IPS": "127.0.0.1"}
    with running_backend(log, "--cpus", "1", "--root-path", "/api", **keys) as backend:
        yield backend


def test_the_documentation_names_what_it_loads_by_the_path_that_browsers_know(under_a_path):
    """And without scheme or host: browsers load nothing over HTTP for a page that came over TLS."""
    page = httpx2.get(f"{under_a_path.url}/docs").text

    named = re.findall(r'(?:src|href)="([^"]+)"', page) + re.findall(r"url: '([^']+)'", page)
    assert len(named) == 4
    for address in named:
        assert address.startswith("/api/")
        assert httpx2.get(under_a_path.url + address.removeprefix("/api")).status_code == 200
    assert httpx2.get(f"{under_a_path.url}/openapi.json").json()["servers"] == [{"url": "/api"}]


def test_keys_are_asked_for_under_a_path_as_elsewhere(under_a_path, espresso):
    assert httpx2.get(f"{under_a_path.url}/model").status_code == 401
    assert httpx2.get(f"{under_a_path.url}/health/live").status_code == 200
    answer = httpx2.post(f"{under_a_path.url}/predict", content=espresso, headers={"x-api-key": "the-key"})
    assert answer.json()["prediction"] == "espresso"


@pytest.mark.parametrize("path", ["api", "/api/", "/a b", "/a?b"])
def test_a_path_that_cannot_be_one_is_refused_at_start(tmp_path, path):
    with (
        pytest.raises(AssertionError, match="root_path"),
        running_backend(tmp_path / "log", SIGHTSERVE_ROOT_PATH=path),
    ):
        pass


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    building = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    building = building.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    signed = building.add_extension(names, critical=False).sign(key, hashes.SHA256())
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(signed.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file


def test_it_speaks_tls_itself(tmp_path, espresso):
    cert, key = certificate(tmp_path)
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    environment = {"SSL_CERT_FILE": str(cert), "SIGHTSERVE_SSL_CERTFILE": str(cert), "SIGHTSERVE_SSL_KEYFILE": str(key)}
    environment["SIGHTSERVE_MAX_UPLOAD_BYTES"] = "2000000"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(cert))  # for the client, `wait_for` included
        words = ("serve", "--port", str(port), "--cpus", "1")
        backend = running(*words, health=f"{url}/health/ready", log=tmp_path / "log", **environment)
        with backend, httpx2.Client() as client:
            answers = [client.post(f"{url}/predict", content=espresso).json()["prediction"] for _ in range(2)]
            too_large = client.post(f"{url}/predict", content=bytes(4_000_000)).status_code
            again = client.get(f"{url}/health/live").status_code

    assert answers == ["espresso"] * 2
    assert too_large == 413
    assert again == 200
    assert f"serving on {url}" in (tmp_path / "log").read_text()


def test_half_of_a_certificate_is_refused_at_start(tmp_path):
    with (
        pytest.raises(AssertionError, match="ssl_keyfile"),
        running_backend(tmp_path / "log", SIGHTSERVE_SSL_CERTFILE="cert.pem"),
    ):
        pass


def test_it_listens_on_a_unix_socket_in_the_place_of_one_that_was_left_behind(tmp_path, espresso):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    environment = clean_environment(SIGHTSERVE_UDS=str(path), SIGHTSERVE_LOG_FORMAT="json")
    words = [sys.executable, "-m", "sightserve", "serve", "--cpus", "1"]

    with (tmp_path / "log").open("wb") as log, subprocess.Popen(words, env=environment, stderr=log) as server:
        try:
            deadline = time.monotonic() + START_SECONDS
            while (
                b"Application startup complete" not in (tmp_path / "log").read_bytes() and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as client:
                told = client.post("http://x/predict", content=espresso).json()
        finally:
            server.terminate()

    assert told["prediction"] == "espresso"
    assert server.returncode == 0


def test_an_absolute_target_is_answered_as_its_path(under_a_path):
    """As proxies send it (RFC 9112, section 3.2.2)."""
    port = int(under_a_path.url.rsplit(":", 1)[1])

    (answer,) = wire.answers(wire.exchange(port, wire.get(b"http://elsewhere.example/health/live")))

    assert answer.status == 200
