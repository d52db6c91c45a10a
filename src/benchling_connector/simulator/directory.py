"""What a tenant answers beside its resources: users, projects, folders, registries, schemas, apps.

Enough for a connection to be checked and for names to be looked up; read-only and never archived.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchling_connector.simulator.content import COMPANY, Content, Place, Schema

Document = Mapping[str, object]

_SINCE: Final = "2025-03-03T08:00:00.000001+00:00"


@dataclass(frozen=True, slots=True)
class Collection:
    """A small collection: its documents by ID, and the key they stand under in a list."""

    path: str
    answer_key: str
    documents: Mapping[str, Document]
    paginated: bool = True


def directory(content: Content, host: str) -> dict[str, Collection]:
    """All collections by path."""
    organization: Document = {
        "handle": "quillmere",
        "id": content.organization.id,
        "name": COMPANY,
    }
    users: dict[str, Document] = {
        person.id: {
            "apiKeyLastChangedAt": None,
            "email": f"{person.handle}@quillmere.example",
            "handle": person.handle,
            "id": person.id,
            "isSuspended": False,
            "name": person.name,
            "passwordLastChangedAt": None,
        }
        for person in content.people
    }
    registry: Document = {
        "id": content.registry.id,
        "modifiedAt": _SINCE,
        "name": content.registry.name,
        "owner": organization,
    }
    collections = [
        Collection("/api/v2/users", "users", users),
        Collection(
            "/api/v2/projects", "projects", _by_id(content.projects, _project(organization))
        ),
        Collection("/api/v2/folders", "folders", _by_id(content.folders, _folder(content))),
        Collection(
            "/api/v2/registries", "registries", {content.registry.id: registry}, paginated=False
        ),
        Collection("/api/v2/apps", "apps", {content.app.id: _app(content, host)}),
        *_schema_collections(content, organization),
    ]
    return {collection.path: collection for collection in collections}


def _by_id(places: tuple[Place, ...], document: Callable[[Place], Document]) -> dict[str, Document]:
    return {place.id: document(place) for place in places}


def _project(owner: Document) -> Callable[[Place], Document]:
    return lambda place: {
        "archiveRecord": None,
        "id": place.id,
        "name": place.name,
        "owner": owner,
    }


def _folder(content: Content) -> Callable[[Place], Document]:
    return lambda place: {
        "archiveRecord": None,
        "id": place.id,
        "name": place.name,
        "parentFolderId": None,
        "projectId": content.projects[0].id,
    }


def _app(content: Content, host: str) -> Document:
    person = content.people[0]
    return {
        "apiURL": f"{host}/api/v2/apps/{content.app.id}",
        "appDefinition": None,
        "archiveRecord": None,
        "createdAt": _SINCE,
        "creator": {"handle": person.handle, "id": person.id, "name": person.name},
        "description": "Reads what happens here into the data lake",
        "id": content.app.id,
        "modifiedAt": _SINCE,
        "name": content.app.name,
        "webURL": f"{host}/developer/apps/{content.app.id}",
    }


def _schema_collections(content: Content, organization: Document) -> list[Collection]:
    entities: dict[str, Document] = {
        schema.id: {**_schema(schema), **_entity_schema(schema, content)}
        for family, schemas in content.schemas.items()
        if family.startswith("entity.")
        for schema in schemas
    }
    entries: dict[str, Document] = {
        schema.id: {
            **_schema(schema),
            "modifiedAt": _SINCE,
            "prefix": "EXP",
            "registryId": content.registry.id,
            "type": "entry",
        }
        for schema in (*content.schemas["entry"], *content.schemas["stageEntry"])
    }
    owned: dict[str, object] = {"organization": organization, "modifiedAt": _SINCE}
    requests = _owned(content, "request", owned | {"systemName": "request", "type": "request"})
    assay: dict[str, object] = owned | {"systemName": "assay", "derivedFrom": None}
    runs = _owned(
        content,
        "assayRun",
        assay
        | {
            "type": "assay_run",
            "automationInputFileConfigs": [],
            "automationOutputFileConfigs": [],
        },
    )
    results = _owned(content, "assayResult", assay | {"type": "assay_result"})
    return [
        Collection("/api/v2/entity-schemas", "entitySchemas", entities),
        Collection("/api/v2/entry-schemas", "entrySchemas", entries),
        Collection("/api/v2/request-schemas", "requestSchemas", requests),
        Collection("/api/v2/assay-run-schemas", "assayRunSchemas", runs),
        Collection("/api/v2/assay-result-schemas", "assayResultSchemas", results),
    ]


def _owned(content: Content, family: str, more: Document) -> dict[str, Document]:
    return {schema.id: {**_schema(schema), **more} for schema in content.schemas[family]}


def _schema(schema: Schema) -> Document:
    return {
        "archiveRecord": None,
        "fieldDefinitions": [
            {
                "archiveRecord": None,
                "id": f"tsf_{schema.id[-8:]}",
                "isMulti": False,
                "isRequired": False,
                "name": "Notes",
                "type": "long_text",
            }
        ],
        "id": schema.id,
        "name": schema.name,
    }


def _entity_schema(schema: Schema, content: Content) -> Document:
    return {
        "constraint": None,
        "containableType": "ENTITY",
        "containerNameTemplateParts": None,
        "modifiedAt": _SINCE,
        "nameTemplateParts": None,
        "prefix": schema.name[:3].upper(),
        "registryId": content.registry.id,
        "type": schema.family.removeprefix("entity."),
    }
