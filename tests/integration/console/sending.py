"""What somebody does on the console's pages: signs in, and sends forms."""

import re

import httpx

from benchling_connector.domain.access import Role
from benchling_connector.domain.connectors import ConnectorView, NewConnector
from tests.people import PASSWORD, ROOT, People

__all__ = ["connector", "csrf_of", "sign_in", "submit"]


async def sign_in(people: People, client: httpx.AsyncClient, role: Role) -> None:
    await people.services.accounts.create(ROOT, role.value, role, password=PASSWORD)
    form = {"name": role.value, "password": PASSWORD}
    answer = await client.post("/signin", data=form)
    assert answer.status_code == 303, answer.text


async def connector(people: People, name: str = "lab", **more: object) -> ConnectorView:
    return await people.services.registry.create(ROOT, NewConnector(name, **more))  # type: ignore[arg-type]


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def submit(client: httpx.AsyncClient, page: str, path: str, **form: str) -> httpx.Response:
    """As the browser does that shows the page."""
    shown = await client.get(page)
    return await client.post(path, data={"csrf": csrf_of(shown), **form})
