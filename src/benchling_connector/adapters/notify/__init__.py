"""Telling somebody outside: webhook, mail, SNS. Each is imported when it is first used."""

from benchling_connector.domain.channels import Address, ChannelKind
from benchling_connector.domain.notices import Notice

__all__ = ["notify"]


async def notify(address: Address, notice: Notice) -> None:
    """Implements `ports.Notify`."""
    if address.kind is ChannelKind.WEBHOOK:
        from benchling_connector.adapters.notify.webhook import post

        await post(address, notice)
    elif address.kind is ChannelKind.SMTP:
        from benchling_connector.adapters.notify.mail import send_mail

        await send_mail(address, notice)
    else:
        from benchling_connector.adapters.notify.sns import publish

        await publish(address, notice)
