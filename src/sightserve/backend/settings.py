"""All settings of the backend: one frozen object, read once, passed in.

Precedence: command-line flag > environment (`SIGHTSERVE_*`) > default. `PORT` is honoured too, since Cloud Run and others
set it; `SIGHTSERVE_PORT` wins over it.
"""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sightserve.backend.cpu import cpu_budget
from sightserve.bundle.store import models_directory

NO_PHOTOS: Final = "none"


class Settings(BaseSettings):
    """The backend's settings, validated."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTSERVE_", frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="0: any free", validation_alias=AliasChoices("SIGHTSERVE_PORT", "PORT"))
    ] = 8000
    # a Path would make "./fast", a directory, the same as "fast"
    model: Annotated[
        str | None,
        Field(
            description="accurate (the default) or fast: embedded; the name of one that was added; or a bundle's directory"
        ),
    ] = None
    models_dir: Annotated[Path, Field(description="folder of the models that were added, by name")] = Field(
        default_factory=models_directory
    )
    cpus: Annotated[int, Field(ge=1, description="slots; affinity and cgroup quotas decide when unset")] = Field(
        default_factory=cpu_budget
    )
    # 30 MiB: Cloud Run refuses requests of 32 MiB and more, and multipart adds a little of its own
    max_upload_bytes: Annotated[int, Field(ge=1)] = 30 * 1024 * 1024
    max_pixels: Annotated[int, Field(ge=1, description="of one image: 50 million is what phones make")] = 50_000_000
    max_batch_files: Annotated[int, Field(ge=1)] = 64
    max_pixels_in_flight: Annotated[
        int, Field(ge=0, description="in memory at once, in all slots, at 4 bytes; 0: what the memory leaves for them")
    ] = 0

    deadline_ms: Annotated[
        int | None,
        Field(
            ge=1,
            description="what cannot be answered in this time is refused at once; "
            "unset: 2000, of a slow model as long as 20 inferences, at most 30000",
        ),
    ] = None
    max_queue: Annotated[int, Field(ge=1, description="requests that wait, their bodies whole")] = 1000
    max_queue_bytes: Annotated[
        int,
        Field(ge=0, description="all bodies together, uploads included; 0: an eighth of the memory, at most 256 MiB"),
    ] = 0
    max_uploads: Annotated[int, Field(ge=1, description="requests whose bodies are under way")] = 4096
    batch_size: Annotated[int, Field(ge=0, le=256, description="0: calibrated at start, 1: off, more: fixed")] = 0
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000, description="longest wait for a batch to fill")] = 0.0
    calibrate: Annotated[bool, Field(description="measure at start what is fastest; else the defaults for CPUs")] = True
    threads_when_alone: Annotated[
        int, Field(ge=0, le=16, description="on a request that is alone; 0: up to 4, for models that are small enough")
    ] = 0

    reload: Annotated[
        Literal["asked", "watch"],
        Field(description="load the model again when asked to, or also when its manifest changes"),
    ] = "asked"
    admin: Annotated[bool, Field(description="take POST /admin/reload, with an API key where there are some")] = False

    max_connections: Annotated[int, Field(ge=1, description="open at once, busy or not; the rest get a 503")] = 4096
    header_timeout: Annotated[float, Field(gt=0, description="seconds for a request's headers to arrive")] = 10.0
    # More than the idle timeout of what is before it: a balancer that sends on a connection that has just been closed answers
    # 502. nginx' and Amazon's are 60 s; Google's are 600, and need 620 here.
    keep_alive: Annotated[float, Field(gt=0, description="seconds that a connection may be open between requests")] = (
        75.0
    )
    idle_timeout: Annotated[float, Field(gt=0, description="seconds without a byte of a body")] = 10.0
    body_timeout: Annotated[float, Field(gt=0, description="seconds for a whole body")] = 120.0
    hang_timeout: Annotated[
        float, Field(gt=0, description="seconds after which a slot counts as hung; unset: more for a slow model")
    ] = 30.0
    start_timeout: Annotated[float, Field(gt=0, description="seconds in which a slot has to be ready")] = 120.0
    drain_grace: Annotated[
        float, Field(ge=0, le=8, description="seconds between 'not ready' and closing the port on SIGTERM")
    ] = 1.0

    root_path: Annotated[
        str, Field(pattern=r"^(/[^/?#\s]+)*$", description="where a proxy that strips it has us, such as /api")
    ] = ""
    forwarded_allow_ips: Annotated[
        str, Field(description="comma-separated addresses of proxies whose X-Forwarded-* is believed; *: anybody's")
    ] = ""
    uds: Annotated[Path | None, Field(description="Unix socket to listen on, instead of host and port")] = None
    ssl_certfile: Annotated[Path | None, Field(description="certificate chain, PEM; with ssl_keyfile: TLS")] = None
    ssl_keyfile: Path | None = None

    # NoDecode: a comma-separated list, as everybody writes it, instead of JSON
    feedback_database: Annotated[
        SecretStr | None,
        Field(
            description="keeps answers and what people say of them: sqlite:///feedback.db or "
            "postgresql://user:password@host/name; unset: off"
        ),
    ] = None
    feedback_days: Annotated[int, Field(ge=1, le=36_500, description="after which all of that is deleted")] = 90
    feedback_photos: Annotated[
        str | None,
        Field(
            description="where photos are kept that people give with it: file:///folder or s3://bucket/folder; "
            "none: nowhere; unset: in the database"
        ),
    ] = None

    api_keys: Annotated[tuple[SecretStr, ...], NoDecode, Field(description="comma-separated; none: open to all")] = ()
    rate_limit: Annotated[str | None, Field(description='per API key, such as "100/minute"; needs api_keys')] = None
    allowed_origins: Annotated[
        tuple[str, ...], NoDecode, Field(description="comma-separated, for browsers (CORS)")
    ] = ()
    log_format: Annotated[Literal["auto", "json", "console"], Field(description="auto: console on a terminal")] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    google_cloud_project: Annotated[
        str | None, Field(description="names traces in the log", validation_alias="GOOGLE_CLOUD_PROJECT")
    ] = None

    @model_validator(mode="after")
    def _has_both_halves_of_tls(self) -> "Settings":
        if (self.ssl_certfile is None) != (self.ssl_keyfile is None):
            raise ValueError("ssl_certfile and ssl_keyfile: one is of no use without the other")
        return self

    @field_validator("feedback_photos")
    @classmethod
    def _is_a_place(cls, value: str | None) -> str | None:
        if value in {None, NO_PHOTOS} or re.fullmatch(r"[a-z][a-z0-9+]*://[!-~]+", value):
            return value
        raise ValueError("is no place for photos: write it like file:///folder or s3://bucket/folder, or none")

    @model_validator(mode="after")
    def _keeps_feedback(self) -> Self:
        idle = sorted({"feedback_days", "feedback_photos"} & self.model_fields_set)
        if self.feedback_database is None and idle:
            raise ValueError(f"{idle[0]} is of no use where nothing is kept: set feedback_database too")
        return self

    @field_validator("rate_limit")
    @classmethod
    def _is_a_rate(cls, value: str | None) -> str | None:
        if value is not None:
            from limits import parse  # noqa: PLC0415 - slow to import, and most servers have no rate limit

            try:
                parse(value)
            except ValueError as exc:
                raise ValueError(f'{value!r} is no rate: write it like "100/minute"') from exc
        return value

    @field_validator("api_keys", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        if not words and info.field_name == "api_keys":
            raise ValueError("names no key: name one, or unset it to let everybody in")
        return words

    @model_validator(mode="after")
    def _limits_somebody(self) -> Self:
        if self.rate_limit is not None and not self.api_keys:
            raise ValueError("rate_limit counts for each API key, and there are none: set api_keys too")
        return self
