"""A small Google Cloud for what finds and calls the backend."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.cloud import Cloud, running_cloud
from tests.fakes.servers import Handler, id_token, serving


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with running_cloud(monkeypatch) as running:
        yield running


@pytest.fixture
def service_account(tmp_path: Path) -> Iterator[Path]:
    """A service account's key file whose token server is here: it gives ID tokens for whatever audience was signed for."""

    class TokenServer(Handler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            claims = json.loads(base64.urlsafe_b64decode(form["assertion"][0].split(".")[1] + "=="))
            self.give(200, {"id_token": id_token(claims["target_audience"], time.time() + 3600)})

    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with serving(TokenServer) as url:
        file = tmp_path / "account.json"
        file.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "client_email": "a@b.iam.gserviceaccount.com",
                    "private_key_id": "1",
                    "private_key": key.decode(),
                    "token_uri": f"{url}/token",
                    "project_id": "my-project",
                }
            )
        )
        yield file
