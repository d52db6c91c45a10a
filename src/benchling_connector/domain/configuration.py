"""The configuration: one flat vocabulary, the same wherever it is written down.

A pydantic model, so that its JSON Schema can draw forms and references. Reading files and the
environment is not done here (`settings.py`).
"""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    SecretStr,
    field_validator,
    model_validator,
)

__all__ = ["SECRET_KEYS", "Configuration"]

SECRET_KEYS = frozenset({"client_secret"})
"""Every one of them can also be given as `<key>_file`."""

LAKE_SCHEMES = ("file", "s3", "gs", "az")
DATABASE_SCHEMES = ("sqlite", "postgresql")


def _listed(value: object) -> object:
    """A list; from the environment, where there are only strings, a comma-separated one."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Configuration(BaseModel):
    """What one connector needs to know. Keys, defaults and meanings are stable."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    benchling_url: str = Field(
        title="Benchling URL",
        description="Benchling URL with protocol, host and port; the protocol's default port "
        "when none is given.",
        examples=["https://acme.benchling.com"],
    )
    client_id: str = Field(
        title="Client ID",
        description="Client ID of the Benchling app.",
        examples=["1f0e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"],
        min_length=1,
    )
    client_secret: SecretStr = Field(
        title="Client Secret",
        description="Client secret of the Benchling app. While it is empty, `run` waits for it.",
    )
    sqs_url: str = Field(
        title="SQS URL",
        description="URL of the SQS queue, as the SQS console shows it. A host that is not AWS's "
        "own is its own endpoint.",
        examples=["https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events"],
    )
    aws_region: str = Field(
        title="AWS Region",
        description="Region of the queue.",
        examples=["us-east-1"],
        pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$",
    )
    disable_ssl_verification: bool = Field(
        default=False,
        title="Disable SSL Certificate Verification",
        description="Switches TLS verification off for Benchling. Allowed, but a WARNING for as "
        "long as it is on.",
    )
    ca_bundle: Path | None = Field(
        default=None,
        title="CA bundle",
        description="PEM file of certificate authorities that are trusted besides the public ones, "
        "for Benchling, SQS and the lake.",
        examples=["/etc/ssl/acme-authority.pem"],
    )
    sample_result_export_interface_ids: Listed = Field(
        default=(),
        title="Sample Result Export Interface IDs",
        description="Belongs to another connector; accepted, has no effect, warns when set.",
    )
    lake_url: str = Field(
        default="",
        title="Lake URL",
        description="Where RAW files go: `file://`, `s3://bucket/prefix`, `gs://` or `az://`. "
        "Default: the folder `lake` in `data_dir`.",
        examples=["s3://acme-lake/benchling"],
    )
    database_url: str = Field(
        default="",
        repr=False,  # it may hold a password
        title="Database URL",
        description="Ledger and state: `sqlite:///file` or `postgresql://`. Default: the file "
        "`connector.db` in `data_dir`.",
        examples=["postgresql://connector@db.acme.internal/connector"],
    )
    data_dir: Path = Field(
        default=Path("./data"),
        title="Data directory",
        description="Home of the embedded defaults.",
    )
    connector_id: str | None = Field(
        default=None,
        title="Connector ID",
        description="Identity in the ledger and in file metadata; made on the first run and kept "
        "when not given.",
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9._:-]+$",
    )
    connector_name: str = Field(
        default="benchling",
        title="Connector name",
        description="Name shown to people.",
        min_length=1,
        max_length=200,
    )
    event_types: Listed = Field(
        default=("*",),
        title="Event types",
        description="Globs of event types to take; the rest is skipped, counted and acknowledged.",
        examples=[["v2.entry.*", "v2.entity.registered"]],
        min_length=1,
    )
    schema_ids: Listed = Field(
        default=("*",),
        title="Schema IDs",
        description="Globs of schema IDs to take; events without a schema have the schema ID "
        "`none`. The rest is skipped, counted and acknowledged.",
        examples=[["ts_*", "none"]],
        min_length=1,
    )
    events_per_file: int = Field(
        default=10,
        title="Events per file",
        description="Upper bound of events in one RAW file.",
        ge=1,
        le=10,
    )
    api_requests_per_30s: Literal["auto"] | Annotated[int, Field(ge=1, le=100_000)] = Field(
        default="auto",
        title="API requests per 30 s",
        description="Request budget at Benchling. `auto` begins at 300, the documented limit of "
        "one app, and follows the response headers; a number is where it begins and what it "
        "never exceeds.",
    )
    bulk_get_size: int = Field(
        default=100,
        title="Bulk get size",
        description="Upper bound of IDs in one bulk request.",
        ge=1,
        le=1000,
    )
    request_timeout_s: PositiveFloat = Field(
        default=60,
        title="Request timeout",
        description="Seconds that one request to Benchling may take.",
        le=3600,
    )
    event_retention_days: int = Field(
        default=30,
        title="Event retention",
        description="Days that the ledger remembers an event after it was stored. An event that "
        "is delivered again within them is not stored again: Benchling can send it for 14 days, "
        "and the queue can keep what was sent for 14 days more, so 30 is both and a margin. RAW "
        "files and the ledger's records of them stay.",
        ge=16,
        le=36_500,
    )
    http_port: int | None = Field(
        default=None,
        title="HTTP port",
        description="Serves `/healthz`, `/readyz` and `/metrics` (Prometheus) from `run`; off "
        "when not given.",
        ge=0,
        le=65535,
    )

    @field_validator("http_port", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return None if value is False or value in ("off", "") else value

    @field_validator("ca_bundle", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("benchling_url")
    @classmethod
    def _benchling_url(cls, value: str) -> str:
        parts = _url(value, ("https", "http"), "https://acme.benchling.com")
        if parts.username or parts.password:
            raise ValueError("must not hold a user name or password")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"must end after host and port: write {parts.scheme}://{parts.netloc}")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("sqs_url")
    @classmethod
    def _sqs_url(cls, value: str) -> str:
        example = "https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events"
        parts = _url(value, ("https", "http"), example)
        if len([part for part in parts.path.split("/") if part]) < 2:
            raise ValueError(f"must name account and queue, as in {example}")
        return value.strip()

    @field_validator("lake_url")
    @classmethod
    def _lake_url(cls, value: str) -> str:
        if not value:
            return value
        parts = _url(value, LAKE_SCHEMES, "s3://acme-lake/benchling", host=False)
        if parts.scheme == "file" and (parts.netloc not in ("", "localhost") or not parts.path):
            raise ValueError("must be an absolute path after file://, as in file:///srv/lake")
        if parts.scheme != "file" and not parts.netloc:
            raise ValueError(f"must name a bucket, as in {parts.scheme}://acme-lake/benchling")
        return value.rstrip("/") or value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        if not value:
            return value
        if value.startswith("postgres://"):
            value = "postgresql://" + value.removeprefix("postgres://")
        _url(
            value, DATABASE_SCHEMES, "postgresql://connector@db.acme.internal/connector", host=False
        )
        if value.startswith("sqlite:") and (
            not value.startswith("sqlite:///") or value in ("sqlite:///", "sqlite:///:memory:")
        ):
            raise ValueError("must name a file, as in sqlite:////srv/connector.db")
        return value

    @model_validator(mode="after")
    def _defaults_of_data_dir(self) -> Self:
        home = self.data_dir.expanduser().absolute()
        object.__setattr__(self, "data_dir", home)
        if not self.lake_url:
            object.__setattr__(self, "lake_url", (home / "lake").as_uri())
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{home / 'connector.db'}")
        return self


def _url(value: str, schemes: tuple[str, ...], example: str, *, host: bool = True) -> SplitResult:
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        raise ValueError(f"is not a URL; write one as {example}") from None
    if parts.scheme not in schemes:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"must begin with {wanted}, as in {example}")
    if host and not parts.hostname:
        raise ValueError(f"names no host; write it as {example}")
    return parts
