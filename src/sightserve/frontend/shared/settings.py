"""All settings of the web app: one frozen object, read once from the environment (`SIGHTSERVE_UI_*`), passed in."""

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from difflib import get_close_matches
from functools import cache

_PREFIX = "SIGHTSERVE_UI_"
MIB = 1024 * 1024
_LAST_PORT = 65535
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_GOES = 60  # seconds in which what belongs to a session that has ended goes
_CLOUD_RUN = {
    "max_video_mb": 100,
    "total_video_mb": 512,  # its disk is memory
}


class InvalidSetting(ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The web app's settings, with the unit in the name where there is one.

    Attributes:
        max_upload_mb: of one photo, MiB.
        session_upload_mb: of all that one session has in memory, MiB.
        total_upload_mb: of all that all sessions have in memory, MiB.
        session_seconds: for which a session is kept after its page was closed: a phone that sleeps comes back to its page.
        max_video_mb: of one video, MiB; 100 on Cloud Run.
        total_video_mb: of all videos on the disk, labelled ones included, and of photos to learn from, MiB; 512 on Cloud Run.
        max_video_minutes: of one video.
        videos: that are read or written at once, by all sessions together.
        max_photos: in one batch.
        parallel: requests that one batch has under way at once.
        total_parallel: requests that all batches have under way at once.
        wait_seconds: how long a backend that is starting is waited for.
        allowed_hosts: host names that the app answers to, separated by commas; any where it is empty.
        base_path: where a proxy that does not strip it has the app, such as /tools/sight; its root where it is empty.
        public_backend: the backend's address as people reach it, for the curl line; where it is found when empty; "none"
            where people do not reach it.
        teach: whether there is a page that makes classifiers of people's photos, for the person who runs the app.
        metrics_port: where Prometheus finds the metrics, at the address of the app; 0: nowhere.
    """

    max_upload_mb: int = 30
    session_upload_mb: int = 256
    total_upload_mb: int = 1024
    session_seconds: int = 120
    max_video_mb: int = 200
    total_video_mb: int = 2048
    max_video_minutes: int = 60
    videos: int = 2
    max_photos: int = 1000
    parallel: int = 4
    total_parallel: int = 16
    wait_seconds: int = 90
    allowed_hosts: str = ""
    base_path: str = ""
    public_backend: str = ""
    teach: bool = False
    metrics_port: int = 0

    @property
    def max_upload_bytes(self) -> int:
        """The most bytes of one file."""
        return self.max_upload_mb * MIB

    @property
    def gone_after(self) -> str:
        """In how many minutes after a page was closed nothing of it is left, in words.

        Beside `session_seconds`: until the clock looks, what is under way is answered, and garbage is collected.
        """
        minutes = -(-(self.session_seconds + _GOES) // 60)
        return f"{minutes} minutes"

    @property
    def hosts(self) -> list[str]:
        """The host names that the app answers to; any where the list is empty."""
        return [host.strip() for host in self.allowed_hosts.split(",") if host.strip()]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the log is written; the same variables hold for the backend.

    Attributes:
        format: `json`, `console`, or `auto`: console on a terminal.
        level: the least that is written.
    """

    format: str = "auto"
    level: str = "info"


_LOG_WORDS = {"format": ("auto", "json", "console"), "level": ("debug", "info", "warning", "error")}


def read_log_settings(environment: Mapping[str, str]) -> LogSettings:
    """Return what `SIGHTSERVE_LOG_FORMAT` and `SIGHTSERVE_LOG_LEVEL` say.

    Raises:
        InvalidSetting: one of them is no word that there is.
    """
    values = {}
    for what, words in _LOG_WORDS.items():
        name = f"SIGHTSERVE_LOG_{what.upper()}"
        if text := environment.get(name, ""):
            if text not in words:
                raise InvalidSetting(f"{name} is {text!r}: it needs to be one of {', '.join(words)}")
            values[what] = text
    return LogSettings(**values)


def read_settings(environment: Mapping[str, str]) -> UiSettings:
    """Return the settings that the environment asks for.

    Raises:
        InvalidSetting: a number is none, or is less than 1 where 0 says nothing; or a name is no setting, which would be
            silently without effect.
    """
    _refuse_unknown(environment)
    values: dict[str, int | str] = {**_CLOUD_RUN} if environment.get("K_SERVICE") else {}
    for field in fields(UiSettings):
        name = _PREFIX + field.name.upper()
        text = environment.get(name, "").strip()
        if text:
            values[field.name] = _value(name, text, field)
    read = UiSettings(**values)  # type: ignore[arg-type]
    if read.metrics_port > _LAST_PORT:
        raise InvalidSetting(f"{_PREFIX}METRICS_PORT is {read.metrics_port}: ports end at {_LAST_PORT}")
    return read


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {_PREFIX + field.name.upper() for field in fields(UiSettings)}
    links = {
        name.removesuffix("SERVICE_HOST") for name in environment if name.endswith("_SERVICE_HOST")
    }  # Kubernetes's
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in known and not name.startswith(tuple(links)):
            nearest = get_close_matches(
                name.removeprefix(_PREFIX).lower(), [field.name for field in fields(UiSettings)], n=1
            )
            raise InvalidSetting(
                f"{name} is no setting" + (f": did you mean {_PREFIX}{nearest[0].upper()}?" if nearest else "")
            )


def _value(name: str, text: str, field: "Field[int | str]") -> int | str:
    if field.type is bool:
        return _switch(name, text)
    return _number(name, text, least=1 if field.default else 0) if field.type is int else text


def _switch(name: str, text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise InvalidSetting(f"{name} is {text!r}: it needs to be 1 (on) or 0 (off)")
    return _SWITCH[text.lower()]


def _number(name: str, text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise InvalidSetting(f"{name} is {text!r}: it needs to be a whole number, {least} or more")
    return int(text)


@cache
def settings() -> UiSettings:
    """Return this process's settings: the environment is read when they are first asked for, and then never again."""
    return read_settings(os.environ)
