"""What is believed of a request's headers: ids, traces, hosts."""

import pytest

from sightserve.backend.http.middleware import read_head

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("name", "value", "trace"),
    [
        ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        ("traceparent", f"cc-{TRACE}-00f067aa0ba902b7-01-what-a-later-version-adds", TRACE),
        ("traceparent", f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
        ("traceparent", f"00-{TRACE}-00f067aa0ba902b7", None),
        ("traceparent", 'x"}\n{"severity": "ERROR"}', None),
        ("x-cloud-trace-context", f"{TRACE}/123;o=1", TRACE),
        ("x-cloud-trace-context", TRACE, TRACE),
        ("x-cloud-trace-context", "a" * 30_000, None),
        ("x-cloud-trace-context", "../../etc", None),
    ],
)
def test_a_trace_is_one_or_nothing(name, value, trace):
    assert read_head([(name.encode(), value.encode())]).trace == trace


@pytest.mark.parametrize(
    ("version", "headers", "right"),
    [
        ("1.1", [(b"host", b"a")], True),
        ("1.1", [(b"host", b"")], True),
        ("1.1", [], False),
        ("1.0", [], True),
        ("1.0", [(b"host", b"a"), (b"host", b"a")], False),
        ("1.1", [(b"host", b"a"), (b"host", b"b")], False),
        ("1.1", [(b"host", b"a/b")], False),
        ("1.1", [(b"host", b"user@a")], False),
        ("1.0", [(b"transfer-encoding", b"chunked")], False),
        ("2.0", [(b"host", b"a")], False),
    ],
)
def test_what_must_be_refused_is(version, headers, right):
    assert (read_head(headers).wrong(version) is None) is right
