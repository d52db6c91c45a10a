"""No text in an event leads a request to another host than the configured one."""

import re

from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from benchling_connector.adapters.benchling.reader import target_of
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, decode
from benchling_connector.domain.plan import plan, single
from tests.unit.samples import body, detail

TENANT = "https://acme.benchling.com:8443"
TRAP = "trap.example"

schemes = st.sampled_from(["https://", "http://", "//", "\\\\", "/\\", "https:", "HTTP://", ""])
users = st.sampled_from(["", "acme.benchling.com@", "acme.benchling.com:8443@", "u:p@", "%40", "@"])
hosts = st.sampled_from(
    [
        TRAP,
        f"{TRAP}:443",
        "acme.benchling.com",
        f"acme.benchling.com\\@{TRAP}",
        f"acme.benchling.com#@{TRAP}",
        f"acme.benchling.com?@{TRAP}",
        f"acme.benchling.com.{TRAP}",
        "tr\u0430p.example",
        "trap\u3002example",
        "[::1]:80",
        "[",
        "",
    ]
)
steps = st.sampled_from(
    [
        "api", "v2", "v2-alpha", "dna-sequences", "novelties", "seq_1", "..", ".", "", "%2e%2e",
        "%2f", "%5c", "\\", f"@{TRAP}", f"%2f%2f{TRAP}", f"{TRAP}:443", "a;b", "a?b", "a#b", "%",
    ]
)  # fmt: skip
paths = st.lists(steps, max_size=7).map("/".join)
urls = st.builds(lambda *parts: "".join(parts), schemes, users, hosts, paths) | st.text()
ids = st.sampled_from(["seq_1", f"//{TRAP}/x", f"@{TRAP}", f"..\\{TRAP}", f"http://{TRAP}", ".."])
texts = ids | st.text(min_size=1, max_size=30)


@given(url=urls, entity_id=texts, registry=texts, registered=texts)
@example(f"https://{TRAP}/api/v2/dna-sequences/seq_1", "seq_1", "r", "e")
@example(f"https://{TRAP}/api/v2/novelties/seq_1/", "seq_1", "r", "e")
@example(f"https://{TRAP}/api/v2/novelties/%40{TRAP}", f"@{TRAP}", "r", "e")
@example("", f"//{TRAP}/", f"//{TRAP}", f"http://{TRAP}/")
def test_whatever_an_entity_names_the_configured_host_alone_is_asked(
    url: str, entity_id: str, registry: str, registered: str
) -> None:
    resource = {
        "id": entity_id,
        "apiURL": url,
        "webURL": url,
        "registryId": registry,
        "entityRegistryId": registered,
    }
    found = decode(
        body(detail(event_type="v2.entity.registered", key="entity", resource=resource)), catalog()
    )
    if not isinstance(found, Event) or not found.resource.readable:
        return
    calls = [*plan([found.resource], catalog(), 10), single(found.resource, catalog())]
    for call in calls:
        asked = URL(TENANT + target_of(call), encoded=True)
        assert str(asked.origin()) == TENANT
        assert (asked.user, asked.password) == (None, None)
        # One collection of the API below the host, whatever the rest is.
        assert re.match(r"/api/v[0-9]+(-alpha|-beta)?/[A-Za-z0-9-]+[/:?]?", asked.raw_path)
        assert not {"..", "."} & set(asked.raw_path.split("/"))


@given(resource_id=texts, family=st.sampled_from(sorted(catalog().event_types)))
def test_whatever_an_id_holds_the_configured_host_alone_is_asked(
    resource_id: str, family: str
) -> None:
    known = catalog().event_types[family]
    found = decode(
        body(detail(event_type=family, key=known.payload_key, resource={"id": resource_id})),
        catalog(),
    )
    if not isinstance(found, Event) or not found.resource.readable:
        return
    for call in plan([found.resource], catalog(), 10):
        asked = URL(TENANT + target_of(call), encoded=True)
        assert str(asked.origin()) == TENANT
        assert asked.raw_path.startswith("/api/v")
        assert not {"..", "."} & set(asked.raw_path.split("/"))
