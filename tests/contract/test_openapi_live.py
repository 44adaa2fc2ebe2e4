"""Requests that schemathesis makes up from the live OpenAPI document: every answer is as the document says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
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


@pytest.fixture
def live(backend_url):
    return schemathesis.openapi.from_url(f"{backend_url}/openapi.json")


schema = schemathesis.pytest.from_fixture("live")


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case):
    case.call_and_validate(checks=CHECKS)
