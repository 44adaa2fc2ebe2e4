"""All settings of the backend: one frozen object, read once, passed in.

Precedence: command-line flag > environment (`SIGHTSERVE_*`) > default. `PORT` is honoured too, since Cloud Run and others
set it; `SIGHTSERVE_PORT` wins over it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sightserve.backend.cpu import cpu_budget


class Settings(BaseSettings):
    """The backend's settings, validated."""

    model_config = SettingsConfigDict(
        env_prefix="SIGHTSERVE_", frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="0: any free", validation_alias=AliasChoices("SIGHTSERVE_PORT", "PORT"))
    ] = 8000
    model: Annotated[Path | None, Field(description="directory of a model bundle; the embedded model when unset")] = (
        None
    )
    cpus: Annotated[int, Field(ge=1, description="slots; affinity and cgroup quotas decide when unset")] = Field(
        default_factory=cpu_budget
    )
    # 30 MiB: Cloud Run refuses requests of 32 MiB and more, and multipart adds a little of its own
    max_upload_bytes: Annotated[int, Field(ge=1)] = 30 * 1024 * 1024
    max_pixels: Annotated[int, Field(ge=1, description="of one image: 50 million is what phones make")] = 50_000_000
    max_batch_files: Annotated[int, Field(ge=1)] = 64
    log_format: Annotated[Literal["auto", "json", "console"], Field(description="auto: console on a terminal")] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
