"""Deploying: ... -> carried out -> [seen to work]: a photo through the deployed backend, and the web app's health."""

import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2

import sightserve
from sightserve.client import AccessRefused, Client, ClientError
from sightserve.client.identity import Identity, Token
from sightserve.deploy.cloud_run import address_of, caller, identity_token
from sightserve.deploy.options import Options
from sightserve.deploy.run import CommandFailed, Execute, execute, value_of
from sightserve.deploy.steps import wrapped

PHOTO: Final = Path(sightserve.__file__).parent / "frontend" / "samples" / "espresso.jpg"
_TIMEOUT: Final = httpx2.Timeout(60.0)  # the first request starts an instance
_TOKEN_SECONDS: Final = 3000.0  # they live an hour


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen to work.

    Attributes:
        label: what the deployed backend says that the photo shows.
        model: that answered, name and version.
        seconds: from asking to the answer, the start of an instance included.
        backend, frontend: the addresses.
    """

    label: str
    probability: float
    model: str
    seconds: float
    backend: str
    frontend: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who deploys, as far as a private service wants to know."""

    account: str
    run: Execute = field(repr=False)

    def identity(self, url: str) -> Identity:
        """Return what says who asks, for this service."""

        def fetch() -> Token:
            return Token(value_of(identity_token(self.account, url), self.run), time.time() + _TOKEN_SECONDS)

        return Identity(url, fetch=fetch)


def check(options: Options, run: Execute = execute) -> Checked:
    """Classify a photo through the deployed backend, as the account that deploys, and ask the web app for its health.

    Raises:
        CommandFailed: something does not work; says what to do.
    """
    backend, frontend = (value_of(address_of(options, half), run) for half in ("backend", "frontend"))
    who = Caller(value_of(caller(), run).splitlines()[0], run)
    began = time.monotonic()
    try:
        with Client(backend, timeout=_TIMEOUT, auth=who.identity(backend), source="command") as client:
            answer = client.predict(PHOTO, top_k=1)
    except AccessRefused as exc:
        raise CommandFailed(
            f"The backend is there, but lets {who.account} not in ({exc.status}), so that it could not be tried.",
            f"The web app may work all the same: open {frontend}. To try the backend yourself, take the role"
            f" roles/run.invoker on {options.service('backend')}.",
        ) from exc
    except ClientError as exc:
        raise CommandFailed(f"The backend at {backend} does not work: {exc}", _log_of(options, "backend")) from exc
    seconds = time.monotonic() - began
    answering = f"{answer.model.name} {answer.model.version}"
    if options.model is not None and answering != f"{options.model.name} {options.model.version}":
        raise CommandFailed(
            f"The backend answers with {answering}, not with {options.model.name} {options.model.version}.",
            _log_of(options, "backend"),
        )
    try:
        auth = who.identity(frontend) if options.private_frontend else None
        httpx2.get(f"{frontend}/_stcore/health", timeout=_TIMEOUT, auth=auth).raise_for_status()
    except (httpx2.HTTPError, ClientError) as exc:
        raise CommandFailed(f"The web app at {frontend} does not answer: {exc}", _log_of(options, "frontend")) from exc
    return Checked(answer.prediction, answer.probability, answering, seconds, backend, frontend)


def as_shell(options: Options) -> str:
    """Return the same check as lines for bash."""
    health = '"$FRONTEND_URL/_stcore/health"'
    token = shlex.join(identity_token("a person's", ""))
    bearer = '-H "Authorization: Bearer $TOKEN"'
    return "\n".join(
        (
            "# At last: a photo through the backend, as you, and the web app's health",
            f'BACKEND_URL="$({wrapped(address_of(options, "backend"))})"',
            f'FRONTEND_URL="$({wrapped(address_of(options, "frontend"))})"',
            f'TOKEN="$({token})"  # as a service account: add --audiences="$BACKEND_URL"',
            f'curl -sS --fail-with-body {bearer} -F file=@{shlex.quote(str(PHOTO))} "$BACKEND_URL/predict?top_k=1"',
            f"curl -sS --fail {bearer + ' ' if options.private_frontend else ''}{health}",
            'echo; echo "$FRONTEND_URL"',
            "",
        )
    )


def _log_of(options: Options, half: str) -> str:
    return (
        f"Its log says why: gcloud run services logs read {options.service(half)} --region={options.region}"
        f" --project={options.project}"
    )
