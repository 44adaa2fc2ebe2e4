"""API keys, rate limits, CORS and security headers."""

import httpx2
import pytest
from tests.processes import running_backend


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    log = tmp_path_factory.mktemp("guarded") / "log"
    environment = {
        "SIGHTSERVE_API_KEYS": "first-key, second-key,third-key",
        "SIGHTSERVE_RATE_LIMIT": "5/minute",
        "SIGHTSERVE_ALLOWED_ORIGINS": "https://app.example",
    }
    with running_backend(log, **environment) as backend:
        yield backend


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer second-key"},
        {"x-api-key": "second-key"},
        {"x-api-key": "first-key", "authorization": "Bearer an.id.token"},
    ],
)
def test_each_of_several_keys_lets_in(guarded, espresso, headers):
    assert httpx2.post(f"{guarded.url}/predict", content=espresso, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}, {"authorization": "Basic first-key"}, {"x-api-key": "first-ke"}],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict"),
        ("GET", "/model"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("POST", "/feedback"),
        ("DELETE", "/feedback/x"),
    ],
)
def test_without_a_key_nothing_is_told(guarded, headers, method, path):
    answer = httpx2.request(method, guarded.url + path, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/health/live",
        "/health/ready",
        "/v2/health/live",
        "/v2/health/ready",
        "/hf/health",
        "/ping",
        "/docs",
        "/openapi.json",
    ],
)
def test_probes_and_documentation_need_no_key(guarded, path):
    assert httpx2.get(guarded.url + path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2"),
        ("GET", "/v2/models/m"),
        ("POST", "/v2/models/m/infer"),
        ("POST", "/hf"),
        ("PUT", "/predictions/m"),
    ],
)
def test_other_protocols_tell_nothing_without_a_key_either(guarded, method, path):
    answer = httpx2.request(method, guarded.url + path)

    assert answer.status_code == 401
    assert {*answer.json()} in ({"error"}, {"code", "type", "message"})


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_affected(guarded):
    answers = [httpx2.get(f"{guarded.url}/model", headers={"x-api-key": "third-key"}) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert httpx2.get(f"{guarded.url}/model", headers={"x-api-key": "first-key"}).status_code == 200


def test_browsers_of_an_allowed_origin_may_ask_and_others_may_not(guarded):
    def preflight(origin: str) -> httpx2.Response:
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-api-key",
        }
        return httpx2.options(f"{guarded.url}/predict", headers=headers)

    assert preflight("https://app.example").headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in preflight("https://other.example").headers


def test_cors_is_off_unless_configured(backend_url):
    answer = httpx2.get(backend_url, headers={"origin": "https://app.example"})

    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_answer_carries_security_headers(backend_url):
    for path in ("/", "/docs", "/nothing", "/health/live"):
        headers = httpx2.get(backend_url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


def test_keys_are_not_in_the_log(guarded):
    assert "first-key" not in guarded.log.read_text()


@pytest.mark.parametrize("rate", ["lots", "10 per fortnight"])
def test_a_rate_that_is_none_is_explained_at_start(tmp_path, rate):
    with (
        pytest.raises(AssertionError, match="is no rate"),
        running_backend(tmp_path / "log", SIGHTSERVE_API_KEYS="k", SIGHTSERVE_RATE_LIMIT=rate),
    ):
        pass
