"""A notice as a mail."""

from email.message import EmailMessage
from email.utils import formatdate

import aiosmtplib

from benchling_connector.domain.channels import Address
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.notices import Notice, subject_of, text_of

__all__ = ["send_mail"]

WITHIN_S = 20.0


async def send_mail(address: Address, notice: Notice) -> None:
    """Returns when the server has taken it for every recipient. Raises `TransientError`."""
    content, security = address.content, address.content["security"]
    recipients = content["recipients"]
    assert isinstance(recipients, list)
    try:
        refused, _ = await aiosmtplib.send(
            _message(notice, str(content["sender"]), recipients),
            hostname=str(content["host"]),
            port=int(str(content["port"])),
            use_tls=security == "tls",
            # Asked for, it must be there: nothing falls back to clear text.
            start_tls=security == "starttls",
            username=_text(content.get("user")),
            password=address.secrets.get("password"),
            timeout=WITHIN_S,
        )
    except aiosmtplib.SMTPResponseException as error:
        raise _failed(f"The mail server answered {error.code} to {_step(error)}.") from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise _failed(f"The mail could not be sent ({type(error).__name__}).") from None
    if refused:
        raise _failed(f"The mail server refused {len(refused)} of {len(recipients)} recipients.")


def _message(notice: Notice, sender: str, recipients: list[str]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "".join(one if one.isprintable() else " " for one in subject_of(notice))
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate(localtime=False)
    # The same each time, so that a mailbox shows it once.
    domain = sender.rpartition("@")[2]
    message["Message-ID"] = f"<{notice.notice_id.replace(':', '.')}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text_of(notice))
    return message


def _step(error: aiosmtplib.SMTPResponseException) -> str:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return "the sign-in"
    return "the mail"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _failed(sentence: str) -> TransientError:
    return TransientError("alert-not-delivered", sentence)
