"""Requests that schemathesis makes up from the live OpenAPI document: every answer is as the document says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TAKES_NOTHING = ("POST", "/v2/repository/index")
OPERATIONS = [
    ("POST", "/predict"),
    ("POST", "/predict/batch"),
    ("POST", "/classify/"),
    ("POST", "/v2/models/{name}/infer"),
    ("POST", "/v2/models/{name}/versions/{version}/infer"),
    ("POST", "/hf"),
    ("POST", "/hf/models/{name}"),
    ("POST", "/predictions/{name}"),
    ("POST", "/feedback"),
    ("DELETE", "/feedback/{id}"),
    *(
        ("GET", path)
        for path in (
            *("/", "/model", "/model/samples/{number}", "/metrics", "/health/live", "/health/ready", "/feedback"),
            *(
                "/v2",
                "/v2/health/live",
                "/v2/health/ready",
                "/v2/models/{name}",
                "/v2/models/{name}/versions/{version}",
            ),
            *("/v2/models/{name}/ready", "/v2/models/{name}/config", "/hf/health", "/hf/info", "/ping"),
        )
    ),
    TAKES_NOTHING,
]


@pytest.fixture(scope="module")
def document(backend_url):
    return schemathesis.openapi.from_url(f"{backend_url}/openapi.json")


def test_no_operation_is_left_out(document):
    named = {(o.ok().method.upper(), o.ok().path) for o in document.get_all_operations()}

    assert named == set(OPERATIONS)


MADE = [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
MADE += [
    (*operation, GenerationMode.NEGATIVE)
    for operation in OPERATIONS
    if operation[0] == "POST" and operation != TAKES_NOTHING
]  # the others take nothing


@pytest.mark.parametrize(("method", "path", "mode"), MADE)
def test_every_answer_is_documented(document, method, path, mode):
    """Valid and invalid requests."""
    check_answers(document, method, path, mode)


def check_answers(document, method, path, mode):
    """Ask 30 times; schemathesis' own pytest fixture does not know our pytest yet."""

    @settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=document[path][method].as_strategy(generation_mode=mode))
    def every_answer(case):
        case.call_and_validate(checks=CHECKS)

    every_answer()
