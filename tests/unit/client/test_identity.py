"""ID tokens: where they come from, when they are renewed, and where they never go."""

import asyncio
import json
import logging
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from sightserve.client import AccessRefused, AsyncClient, Client, IdentityError, InvalidAnswer
from sightserve.client.cloud_run import LookupFailed, Named, service_url
from sightserve.client.identity import Identity, Token, fetch_token


class Tokens:
    """Hands out tokens that differ, and counts them."""

    def __init__(self, clock, life=3600.0):
        self.clock, self.life, self.count = clock, life, 0
        self.error: IdentityError | None = None

    def __call__(self):
        if self.error is not None:
            raise self.error
        self.count += 1
        return Token(f"token {self.count}", self.clock() + self.life)


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def tokens(now):
    return Tokens(lambda: now[0])


@pytest.fixture
def identity(now, tokens):
    return Identity("https://backend.example", fetch=tokens, clock=lambda: now[0])


def test_a_token_from_the_metadata_server_opens_a_private_backend(cloud):
    with Client(cloud.gate.url, auth=Identity(cloud.gate.url, environment=cloud.environment)) as client:
        assert client.model().name == "fake"
        client.info()

    assert sum(path.endswith("/identity") for path in cloud.metadata.asked) == 1


def test_the_asynchronous_client_carries_it_too(cloud):
    async def ask():
        async with AsyncClient(cloud.gate.url, auth=Identity(cloud.gate.url, environment=cloud.environment)) as client:
            return await client.model()

    assert asyncio.run(ask()).name == "fake"


@pytest.mark.parametrize(("forbids", "status"), [(False, 403), (True, 403)])
def test_a_gate_that_stays_shut_is_a_refusal_and_not_a_strange_answer(cloud, forbids, status):
    cloud.gate.forbids = forbids
    auth = Identity(cloud.gate.url, environment=cloud.environment) if forbids else None

    with Client(cloud.gate.url, auth=auth) as client, pytest.raises(AccessRefused) as error:
        client.model()

    assert error.value.status == status
    assert not isinstance(error.value, InvalidAnswer)


def test_a_token_that_the_backend_takes_no_longer_is_replaced_once(cloud):
    with Client(cloud.gate.url, auth=Identity(cloud.gate.url, environment=cloud.environment)) as client:
        client.model()
        cloud.gate.revoked.add(cloud.gate.asked[-1][1])

        client.model()

    used = [token for _, token in cloud.gate.asked]
    assert used[0] == used[1] != used[2]


def test_it_is_renewed_five_minutes_before_its_end(identity, tokens, now):
    first = identity.token()
    now[0] += 3600 - 301
    assert identity.token() == first

    now[0] += 2

    assert identity.token() == "token 2"


def test_when_it_cannot_be_renewed_the_old_one_serves_to_its_end_and_is_not_renewed_at_every_request(
    identity, tokens, now
):
    first = identity.token()
    tokens.error = IdentityError("Google is away.", "Wait.")
    now[0] += 3600 - 200
    assert identity.token() == first
    tokens.error = None
    assert identity.token() == first  # the next try is 30 s after the last
    now[0] += 31
    assert identity.token() == "token 2"

    tokens.error = IdentityError("Google is away.", "Wait.")
    now[0] += 3600

    with pytest.raises(IdentityError, match="Google is away"):
        identity.token()


def test_threads_that_need_one_together_fetch_one(now):
    fetched = []

    def fetch():
        fetched.append(1)
        time.sleep(0.1)
        return Token("token", now[0] + 3600)

    identity = Identity("https://backend.example", fetch=fetch, clock=lambda: now[0])
    together = threading.Barrier(8)

    def ask(_):
        together.wait()
        return identity.token()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {"token"}
    assert len(fetched) == 1


def test_while_one_thread_renews_the_others_go_on_with_what_is_still_good(now):
    renewing, go_on = threading.Event(), threading.Event()
    given = iter([Token("old", now[0] + 3600), Token("new", now[0] + 7200)])

    def fetch():
        token = next(given)
        if token.value == "new":
            renewing.set()
            assert go_on.wait(5)
        return token

    identity = Identity("https://backend.example", fetch=fetch, clock=lambda: now[0])
    identity.token()
    now[0] += 3600 - 200
    with ThreadPoolExecutor(1) as thread:
        renewed = thread.submit(identity.token)
        assert renewing.wait(5)

        meanwhile = identity.token()

        go_on.set()
        assert (meanwhile, renewed.result(5)) == ("old", "new")


@pytest.mark.parametrize("url", ["http://backend.example", "http://10.0.0.1:8000", "ftp://x", "backend"])
def test_it_never_travels_in_the_clear(url):
    with pytest.raises(IdentityError, match="never sent over plain HTTP"):
        Identity(url)


def test_it_goes_to_its_backend_and_to_nobody_else(identity):
    sent = []

    def answer(request):
        sent.append(request.headers.get("authorization"))
        return httpx2.Response(200)

    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=identity) as http:
        http.get("https://backend.example/model")
        http.get("https://elsewhere.example/model")
        http.get("http://backend.example/model")

    assert sent == ["Bearer token 1", None, None]


def test_neither_a_token_nor_the_logs_tell_it(cloud, caplog):
    with (
        caplog.at_level(logging.DEBUG),
        Client(cloud.gate.url, auth=Identity(cloud.gate.url, environment=cloud.environment)) as client,
    ):
        client.model()

    token = cloud.gate.asked[-1][1]
    assert len(token) > 50
    assert token not in caplog.text
    assert "secret" not in repr(Token("secret", 1.0))


def test_a_service_accounts_key_file_gives_one(cloud, tmp_path, service_account):
    """Google's token server is the fake's: a key file names it."""
    token = fetch_token("https://backend.example", {"GOOGLE_APPLICATION_CREDENTIALS": str(service_account)})

    assert token.expires > time.time()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"type": "authorized_user"}, "a person's.*impersonate-service-account"),
        ({"type": "external_account"}, "'external_account' give no ID token"),
        ({"type": "service_account"}, "Google gave no ID token"),
        ("nonsense", "cannot be read"),
        ([], "give no ID token"),
    ],
)
def test_credentials_that_give_none_say_why_and_what_else_would(tmp_path, content, says):
    file = tmp_path / "key.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))

    with pytest.raises(IdentityError, match=says):
        fetch_token("https://backend.example", {"GOOGLE_APPLICATION_CREDENTIALS": str(file)})


def test_without_any_credentials_it_says_what_to_set_and_asks_nobody(cloud):
    with pytest.raises(IdentityError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        fetch_token("https://backend.example", {"HOME": "/dev/null/home"})

    assert cloud.metadata.asked == []


def test_a_slow_metadata_server_is_given_up_on(cloud):
    cloud.metadata.seconds = 2.0

    with pytest.raises(IdentityError, match="no ID token within"):
        fetch_token(cloud.gate.url, cloud.environment, seconds=0.3)


def test_threads_that_wait_for_one_that_does_not_come_hear_of_it_together(now):
    """One after the other they would wait for eight seconds each."""
    fetched = []

    def fetch():
        fetched.append(1)
        time.sleep(0.2)
        raise IdentityError("Google is away.", "Wait.")

    identity = Identity("https://backend.example", fetch=fetch, clock=lambda: now[0])
    together = threading.Barrier(10)

    def ask(_):
        together.wait()
        with pytest.raises(IdentityError, match="away"):
            identity.token()

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(ask, range(10)))

    assert len(fetched) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"type": "impersonated_service_account"},
        {"type": "impersonated_service_account", "source_credentials": None},
        {"type": "impersonated_service_account", "source_credentials": {"type": "authorized_user"}},
        {"type": "impersonated_service_account", "service_account_impersonation_url": 7, "source_credentials": {}},
        {"type": "service_account"},
        {"type": "service_account", "private_key": "none", "client_email": None},
        {},
    ],
)
def test_a_file_with_credentials_that_lacks_parts_is_an_error_of_ours(tmp_path, content):
    (tmp_path / "key.json").write_text(json.dumps(content))
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")}

    with pytest.raises(IdentityError):
        Identity("https://backend.example", environment=environment).token()
    with pytest.raises(LookupFailed):
        service_url(Named("project", "region", "service", "http://127.0.0.1:9"), environment)


def test_it_can_be_sent_to_another_process_without_its_token():
    identity = Identity("https://backend.example", environment={"HOME": "/dev/null/home"})
    identity._token = Token("secret", 1e12)

    copied = pickle.dumps(identity)

    assert b"secret" not in copied
    assert isinstance(pickle.loads(copied), Identity)
