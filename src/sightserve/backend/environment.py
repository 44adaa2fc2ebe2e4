"""What the environment says of the server, read so that a mistake ends the start instead of opening the server.

A name that nobody knows is a setting that somebody believes in: `SIGHTSERVE_RATELIMIT` limits nothing, and nothing else
would say so.
"""

from collections.abc import Mapping
from typing import Any, Final

from sightserve.backend.settings import Settings

_PREFIX: Final = "SIGHTSERVE_"
_KEYS: Final = "SIGHTSERVE_API_KEYS"
_CLIENTS_KEY: Final = "SIGHTSERVE_API_KEY"
# What the other half, the clients and the tools read; `up` and a container hand one environment to all of them.
_OF_OTHERS: Final = frozenset(
    _PREFIX + name
    for name in (
        "API_KEY", "BENCH_LOCK", "CACHE", "CLOUD_ENDPOINT", "CLOUD_PROJECT", "CLOUD_REGION", "CLOUD_SERVICE", "IDENTITY",
        "LOADTEST", "PHOTOS", "VERSION", "WITHOUT_GCLOUD",
    )
)  # fmt: skip
_PREFIXES_OF_OTHERS: Final = (_PREFIX + "UI_",)


class InvalidEnvironment(ValueError):
    """The environment asks for what there is not, or means something else than it says; the message names the variable."""


def settings_from(environment: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Return the server's settings.

    Args:
        environment: that of this process, which `Settings` reads.
        flags: what the command line says; None where it says nothing.

    Raises:
        InvalidEnvironment: a name that nobody knows, or keys that protect nothing.
        pydantic.ValidationError: a value that cannot be.
    """
    check(environment)
    return Settings(**{name: value for name, value in flags.items() if value is not None})


def check(environment: Mapping[str, str]) -> None:
    """Raise InvalidEnvironment for a name that nobody knows, and for keys that protect nothing."""
    ours = {_PREFIX + name.upper() for name in Settings.model_fields}
    links = _service_links(environment)
    for name in sorted(environment):
        word = name.upper()  # pydantic takes them in any case
        if not word.startswith(_PREFIX) or word.startswith((*_PREFIXES_OF_OTHERS, *links)):
            continue
        if word not in ours | _OF_OTHERS:
            raise InvalidEnvironment(_unknown(name, ours | _OF_OTHERS))
    given = {name.upper(): value for name, value in environment.items()}
    if _KEYS in given and not given[_KEYS].strip(" ,"):
        raise InvalidEnvironment(f"{_KEYS} names no key: name one, or unset it to let everybody in")
    if given.get(_CLIENTS_KEY) and _KEYS not in given:
        raise InvalidEnvironment(
            f"{_CLIENTS_KEY} is what a client sends, and protects nothing here: "
            f"set {_KEYS} to the keys that this server takes, or unset both to let everybody in"
        )


def _service_links(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the names begin with by which Kubernetes tells every pod of a service called `sightserve-SOMETHING`."""
    marker = "_SERVICE_HOST"
    services = [name.removesuffix(marker) for name in environment if name.endswith(marker)]
    return tuple(f"{service}_{word}" for service in services for word in ("SERVICE_", "PORT"))


def _unknown(name: str, known: set[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for the message

    # without what all have in common, which would make every two of them alike
    words = [word.removeprefix(_PREFIX) for word in known]
    nearest = get_close_matches(name.upper().removeprefix(_PREFIX), sorted(words), n=1)
    return f"{name} is no setting" + (f": did you mean {_PREFIX}{nearest[0]}?" if nearest else "")
