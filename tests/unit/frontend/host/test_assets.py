"""Streamlit's scripts as browsers take them, and the page before any of them has run."""

import asyncio
import gzip

import brotli
import httpx2
import pytest
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, PlainTextResponse

from sightserve.frontend.host import assets
from sightserve.frontend.host.assets import PRELOADED, ROOT, Assets, accepted, preloaded

SCRIPT = min(ROOT.glob("static/js/index.*.js"))
NAME = SCRIPT.relative_to(ROOT).as_posix()


async def streamlit(scope, receive, send):
    """What is behind: its page everywhere, and whatever else it is asked for as a word."""
    page = (ROOT / "index.html").read_text()
    answer = (
        PlainTextResponse("behind") if "static/" in scope["path"] else HTMLResponse(page, headers={"etag": '"new"'})
    )
    if any(name == b"if-none-match" for name, _ in scope["headers"]):
        answer = PlainTextResponse(status_code=304)
    await answer(scope, receive, send)


def raw(path, encoding, method="GET", app=streamlit, **headers):
    """The answer, and its body as it was sent."""

    async def ask():
        transport = httpx2.ASGITransport(app=Assets(app, name="Sight & Serve"))
        async with (
            httpx2.AsyncClient(transport=transport, base_url="http://app") as client,
            client.stream(method, path, headers={"accept-encoding": encoding, **headers}) as answer,
        ):
            return answer, b"".join([chunk async for chunk in answer.aiter_raw()])

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("encoding", "unpack"), [("gzip, deflate, br, zstd", brotli.decompress), ("gzip", gzip.decompress)]
)
@pytest.mark.parametrize("below", ["", "/tools/sight"])
def test_a_script_comes_compressed_and_is_the_same_script(encoding, unpack, below):
    answer, body = raw(f"{below}/{NAME}", encoding)

    assert unpack(body) == SCRIPT.read_bytes()
    assert len(body) < SCRIPT.stat().st_size / 3
    assert answer.headers["content-length"] == str(len(body))
    assert answer.headers["vary"] == "accept-encoding"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("encoding", ["", "identity", "br;q=0, gzip;q=0", "zstd"])
def test_who_takes_nothing_compressed_gets_what_is_behind(encoding):
    _, body = raw(f"/{NAME}", encoding)

    assert body == b"behind"


def test_a_part_of_a_file_is_not_ours_to_cut():
    _, body = raw(f"/{NAME}", "br", range="bytes=0-9")

    assert body == b"behind"


@pytest.mark.parametrize(
    "path", ["/static/js/none.js", "/static/js/../../index.html", "/static/js/%2e%2e/x.js", "/static/js/"]
)
def test_nothing_is_read_but_what_was_found(path):
    _, body = raw(path, "")

    assert body in {b"behind", (ROOT / "index.html").read_bytes()} or b"Loading" in body


def test_a_head_has_the_length_and_no_body():
    answer, body = raw(f"/{NAME}", "br", method="HEAD")

    assert body == b""
    assert int(answer.headers["content-length"]) > 1000


def test_each_file_is_compressed_once_however_many_ask_at_once(monkeypatch):
    made = []
    compress = assets._compress

    def counted(name, read, encoding):
        made.append(name)
        return compress(name, read, encoding)

    monkeypatch.setattr(assets, "_compress", counted)

    async def ask():
        transport = httpx2.ASGITransport(app=Assets(streamlit, name="x"))
        async with httpx2.AsyncClient(transport=transport, base_url="http://app") as client:
            answers = [client.get(f"/{NAME}", headers={"accept-encoding": "br"}) for _ in range(5)]
            return [answer.content for answer in await asyncio.gather(*answers)]

    assert set(asyncio.run(ask())) == {SCRIPT.read_bytes()}
    assert len(made) == 1


@pytest.mark.parametrize("path", ["/", "/batch", "/tools/sight/about"])
def test_the_page_says_its_name_before_any_script_has_run(path):
    answer, body = raw(path, "")

    page = body.decode()
    assert "<title>Sight &amp; Serve</title>" in page
    assert "<p>Sight &amp; Serve</p><p>Loading" in page
    assert answer.headers["content-length"] == str(len(body))
    assert page.count('rel="modulepreload"') > len(PRELOADED)


@pytest.mark.parametrize(("encoding", "unpack"), [("br", brotli.decompress), ("gzip", gzip.decompress)])
def test_a_page_that_streamlit_would_compress_is_filled_too(encoding, unpack):
    """It compresses those of every path but the root's, and answers 304 to who has one."""
    asked = {"accept": "text/html,*/*;q=0.8", "if-none-match": '"old"'}

    answer, body = raw("/batch", encoding, app=GZipMiddleware(streamlit, minimum_size=100), **asked)

    assert b"Loading" in unpack(body)
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == (encoding, "accept-encoding")
    assert answer.headers["content-length"] == str(len(body))
    assert "etag" not in answer.headers


def test_every_script_that_is_named_beforehand_is_there():
    """Streamlit names its scripts anew with each version: then this list is looked at again (tests/e2e/test_light.py)."""
    files = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("static/*/*")}

    assert len(preloaded(files)) == len(PRELOADED)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip, deflate, br", "br"), ("gzip", "gzip"), ("", ""), ("*", "br"), ("br;q=0, *", "gzip"), ("GZIP;Q=0.5", "gzip"),
        ("br;q=0.0", ""), ("br;q=x", "br"), ("br;q=1.2.3", "br"), (",,;", ""), ("identity", ""),
    ],
)  # fmt: skip
def test_what_a_browser_takes_is_read_as_it_is_written(header, wanted):
    assert accepted(header) == wanted
