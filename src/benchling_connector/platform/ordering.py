"""Carrying out an order: as a command, or as the new version that it brings."""

from datetime import datetime

from benchling_connector.domain.access import Caller
from benchling_connector.domain.commands import Action, Command
from benchling_connector.domain.orders import Order
from benchling_connector.platform.commands import Commands
from benchling_connector.platform.configurations import Configurations
from benchling_connector.platform.once import Once

__all__ = ["carry_out"]


async def carry_out(
    commands: Commands,
    configurations: Configurations,
    caller: Caller,
    connector_id: str,
    order: Order,
    *,
    expires_at: datetime | None = None,
    one: Once | None = None,
) -> Command:
    """The command. An UPDATE_CONFIG with a configuration saves it first, as a version.

    Raises as `Configurations.save` and `Commands.create`.
    """
    config = order.config if order.action == Action.UPDATE_CONFIG else None
    if config is not None:
        saved = await configurations.save(caller, connector_id, config, one=one)
        if saved.command_id is not None:
            return await commands.get(saved.command_id)
        order = Order(order.action, {"version": saved.version})
    return await commands.create(caller, connector_id, order, expires_at=expires_at, one=one)
