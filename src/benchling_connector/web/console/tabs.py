"""The tabs of a connector's page, and what each of them is drawn with."""

from dataclasses import dataclass

from fastapi import Response

from benchling_connector.domain.connectors import ConnectorView
from benchling_connector.web.console.rendering import show
from benchling_connector.web.console.sentences import sentence_of, wishes_of
from benchling_connector.web.console.visits import Visit

__all__ = ["TABS", "Tab", "header_of", "show_tab"]


@dataclass(frozen=True, slots=True)
class Tab:
    """`name` stands in its URL; that of the first is empty."""

    name: str
    title: str

    def path(self, connector_id: str) -> str:
        """Its permalink."""
        base = f"/connectors/{connector_id}"
        return f"{base}/{self.name}" if self.name else base


INFORMATION = Tab("", "Information")

TABS: tuple[Tab, ...] = (INFORMATION,)
"""In their order. A new one has its routes in `routes/`, and a template that extends
`connector/base.html`."""


def header_of(view: ConnectorView) -> dict[str, object]:
    """What `connector/_header.html` is drawn with."""
    return {"view": view, "sentence": sentence_of(view), "wishes": wishes_of(view)}


def show_tab(
    visit: Visit,
    tab: Tab,
    view: ConnectorView,
    template: str,
    *,
    twin: str,
    status: int = 200,
    **context: object,
) -> Response:
    """A tab's page: the connector's header, the bar of tabs, and the tab's own template."""
    return show(
        visit,
        template,
        title=f"{view.name}: {tab.title}",
        twin=twin,
        status=status,
        tab=tab,
        tabs=TABS,
        **header_of(view),
        **context,
    )
