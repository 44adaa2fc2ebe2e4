"""Which process loads what: the server's touches no pixel, whatever it is sent."""

import httpx2
from tests.conftest import SAMPLES
from tests.processes import free_port, running

DECODERS = {"numpy", "PIL", "pillow_heif", "pi_heif", "onnxruntime", "av", "cykooz_resizer"}


def test_the_servers_process_never_loads_what_decodes_or_infers(tmp_path):
    log = tmp_path / "log"
    url = f"http://127.0.0.1:{(port := free_port())}"
    photo = (SAMPLES / "cat.jpg").read_bytes()

    server = running(
        *("serve", "--port", str(port)),
        health=f"{url}/health/ready",
        log=log,
        python=["-X", "importtime"],
        SIGHTSERVE_FEEDBACK_DATABASE=f"sqlite:///{tmp_path}/feedback.db",
    )
    with server:
        first = httpx2.post(f"{url}/predict", files={"file": photo})
        said = {"id": first.json()["id"], "verdict": "right"}
        answers = [
            first,
            httpx2.post(f"{url}/feedback", data=said, files={"photo": photo}, timeout=30),
            httpx2.post(f"{url}/predict", content=photo[:2000]),
            httpx2.post(f"{url}/predict/batch", files=[("file", photo), ("file", b"no photo")]),
            httpx2.post(f"{url}/hf", content=photo),
            httpx2.post(
                f"{url}/v2/models/efficientnet-lite2-int8/infer",
                content=photo,
                headers={"inference-header-content-length": "0"},
            ),
            httpx2.get(f"{url}/metrics"),
            httpx2.get(f"{url}/openapi.json"),
        ]

    assert [answer.status_code for answer in answers] == [200, 201, 422, 200, 200, 200, 200, 200]
    # "import time:  self [us] | cumulative | imported package", indented by depth; slots do not inherit the flag
    lines = [line for line in log.read_text().splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[1].strip() for line in lines}
    assert {"fastapi", "sightserve.backend.scheduler.slots"} <= loaded
    assert not DECODERS & {name.partition(".")[0] for name in loaded}
    assert not {name for name in loaded if f"{name}.".startswith("sightserve.backend.slot.")}
