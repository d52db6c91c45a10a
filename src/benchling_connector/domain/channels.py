"""Where alerts are sent: kinds of channels, and what each has to be told."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["FIELDS", "Address", "Channel", "ChannelKind", "Field", "address_of"]


class ChannelKind(StrEnum):
    """How a notice goes out."""

    WEBHOOK = "webhook"
    SMTP = "smtp"
    SNS = "sns"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to: what may be shown, and what may not."""

    kind: ChannelKind
    content: Mapping[str, object]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, without its secrets but their names. `wanted`: kinds of alerts; None, all."""

    channel_id: str
    name: str
    kind: ChannelKind
    content: Mapping[str, object]
    secrets: tuple[str, ...]
    wanted: tuple[str, ...] | None
    enabled: bool
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a channel has to be told. `checked` gives the value as it is kept, or raises
    ValueError with a sentence. Without a default it is required; None as default is nothing.
    """

    name: str
    meaning: str
    checked: Callable[[object], object]
    required: bool = True
    default: object = None
    secret: bool = False


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("It must be text.")
    if len(value) > 2_000 or not value.isprintable():
        raise ValueError("It must be one line of at most 2,000 characters.")
    return value.strip()


def _url(value: object) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise ValueError("It must begin with https:// or http:// and name a host.")
    return text


def _host(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", text):
        raise ValueError("It must be the name or address of a host.")
    return text


def _port(value: object) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = 0
    if isinstance(value, bool) or not 1 <= port <= 65_535:
        raise ValueError("It must be a number from 1 to 65535.")
    return port


def _security(value: object) -> str:
    if value not in ("starttls", "tls", "none"):
        raise ValueError("It must be starttls, tls or none.")
    return str(value)


def _address(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", text) or not text.isascii():
        raise ValueError(f"{text[:80]!r} is no mail address.")
    return text


def _addresses(value: object) -> list[str]:
    some = value.split(",") if isinstance(value, str) else value
    if not isinstance(some, list) or not 1 <= len(some) <= 50:
        raise ValueError("It must be a list of 1 to 50 mail addresses.")
    return [_address(one) for one in some]


def _topic(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?", text
    ):
        raise ValueError("It must be a topic's ARN: arn:aws:sns:us-east-1:123456789012:alerts.")
    return text


FIELDS: dict[ChannelKind, tuple[Field, ...]] = {
    ChannelKind.WEBHOOK: (
        Field("url", "Where to POST to; often it is a secret itself.", _url, secret=True),
        Field("secret", "What notices are signed with.", _text, required=False, secret=True),
    ),
    ChannelKind.SMTP: (
        Field("host", "The mail server.", _host),
        Field("port", "Its port.", _port, required=False, default=587),
        Field(
            "security",
            "`starttls`, `tls` from the first byte, or `none`.",
            _security,
            required=False,
            default="starttls",
        ),
        Field("sender", "Mail address that notices come from.", _address),
        Field("recipients", "Mail addresses that they go to.", _addresses),
        Field("user", "Who signs in; nobody without.", _text, required=False),
        Field("password", "Its password.", _text, required=False, secret=True),
    ),
    ChannelKind.SNS: (Field("topic_arn", "ARN of the topic.", _topic),),
}
"""By kind, in the order of a form."""


def address_of(kind: ChannelKind, given: Mapping[str, object]) -> Address:
    """What is kept of what was given. Raises `InvalidConfiguration`, which names each field."""
    fields = {one.name: one for one in FIELDS[kind]}
    wrong = [
        FieldProblem(name, "There is no such field.", f"There are: {', '.join(fields)}.")
        for name in given
        if name not in fields
    ]
    content: dict[str, object] = {}
    secrets: dict[str, str] = {}
    for field in fields.values():
        value = given.get(field.name, field.default)
        if value is None or value == "":
            if field.required:
                wrong.append(FieldProblem(field.name, "It is missing.", field.meaning))
            continue
        try:
            checked = field.checked(value)
        except ValueError as error:
            wrong.append(FieldProblem(field.name, str(error), ""))
            continue
        if field.secret:
            secrets[field.name] = str(checked)
        else:
            content[field.name] = checked
    if wrong:
        raise InvalidConfiguration(wrong)
    if "url" in secrets:
        content["host"] = urlsplit(secrets["url"]).hostname
    return Address(kind, content, secrets)
