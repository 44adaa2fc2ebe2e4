"""Runs images as a careful operator would: nobody's user, a root file system that cannot be written, no capabilities."""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import free_port

# As in containers/compose.yaml and deploy/kubernetes, and no writable /tmp either.
CAREFUL = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]
IMAGES = {"backend": "localhost/sightserve-backend", "frontend": "localhost/sightserve-frontend"}
HEALTH = {"backend": "/health/ready", "frontend": "/_stcore/health"}
START_SECONDS = 30
TENTATIVE = 0x40  # IFA_F_TENTATIVE, linux/if_addr.h
# Its errors about systemd's timers for health checks are not shown: there may be no systemd, and tests ask by themselves.
PODMAN = ["podman", "--log-level", "fatal"]


@dataclass(frozen=True)
class Container:
    name: str
    url: str
    started: float  # time.monotonic() just before the engine was asked

    def logs(self) -> str:
        done = run_podman("logs", self.name)
        return done.stdout + done.stderr

    def stop(self, seconds: int) -> tuple[float, int]:
        """SIGTERM, then SIGKILL after so many seconds; return how long it took (s) and the exit code (137: killed)."""
        before = time.monotonic()
        podman("stop", "--time", str(seconds), self.name)
        took = time.monotonic() - before
        return took, int(podman("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def is_healthy(self) -> bool:
        """Run the image's own health check once."""
        return run_podman("healthcheck", "run", self.name).returncode == 0

    def python(self, code: str) -> str:
        """Run code inside, beside what runs there already."""
        return podman("exec", self.name, "python", "-c", code)


def environment() -> dict[str, str]:
    """This environment, with Podman's settings for these tests."""
    return os.environ | {"CONTAINERS_CONF": str(Path(__file__).with_name("containers.conf"))}


def run_podman(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PODMAN, *words], env=environment(), capture_output=True, text=True, check=False)


def podman(*words: str) -> str:
    done = run_podman(*words)
    assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


@contextmanager
def running_container(half: str, *words: str, flags: tuple[str, ...] = (), **settings: str) -> Iterator[Container]:
    """Run an image on a free port of loopback's, given by PORT, until the block ends; return at once."""
    port = free_port()
    name = f"sightserve-test-{half}-{os.getpid()}-{port}"
    variables = [word for key, value in {"PORT": str(port), **settings}.items() for word in ("--env", f"{key}={value}")]
    started = time.monotonic()
    way = ["--detach", "--name", name, "--network=host", *CAREFUL, *variables, *flags]
    podman("run", *way, IMAGES[half], *words)
    container = Container(name, f"http://127.0.0.1:{port}", started)
    try:
        yield container
    finally:
        podman("rm", "--force", "--time", "2", name)


def wait_until_ready(half: str, container: Container) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(container.url + HEALTH[half], timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{half} not ready after {START_SECONDS} s:\n{container.logs()}")


def wait_until_addresses_settle() -> None:
    """Wait until no interface of this machine is about to get an address.

    Chromium drops whatever it is loading when an address comes (ERR_NETWORK_CHANGED), and a page whose scripts are dropped
    stays empty. An interface gets its IPv6 address a second or two after it came up: until then the address is tentative,
    while the machine asks whether another has it (RFC 4862, 5.4).
    """
    table = Path("/proc/net/if_inet6")  # address, index, prefix length, scope, flags, name (Linux, net/ipv6/addrconf.c)
    deadline = time.monotonic() + START_SECONDS
    while table.is_file() and any(int(line.split()[4], 16) & TENTATIVE for line in table.read_text().splitlines()):
        assert time.monotonic() < deadline, table.read_text()
        time.sleep(0.05)
    time.sleep(0.5)  # until the browser has heard of the last one


def layer_sizes(image: str, folder: Path) -> dict[str, int]:
    """Return an image's layers and their uncompressed sizes in bytes, the base's first."""
    podman("push", "--quiet", image, f"dir:{folder}")
    manifest = json.loads((folder / "manifest.json").read_text())
    config = json.loads((folder / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    sizes = [(folder / layer["digest"].removeprefix("sha256:")).stat().st_size for layer in manifest["layers"]]
    return dict(zip(config["rootfs"]["diff_ids"], sizes, strict=True))


def inspect(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(podman("image", "inspect", image))[0]
    return found
