"""The versions of each connector's configuration: saved, found, restored; secrets encrypted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import configurations
from benchling_connector.database.tables import connectors
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.commands import Action
from benchling_connector.domain.configuration import SECRET_KEYS
from benchling_connector.domain.errors import NotFound, Refused
from benchling_connector.domain.records import storable
from benchling_connector.domain.versions import (
    Difference,
    Version,
    difference_of,
    secrets_shown,
)
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.drafts import Draft, Own, draft
from benchling_connector.platform.once import Once, note, recall
from benchling_connector.platform.registry import row_of
from benchling_connector.platform.sending import send
from benchling_connector.platform.vault import Vault
from benchling_connector.platform.versions import require_free, told, version_row

__all__ = ["Configurations", "Saved"]


@dataclass(frozen=True, slots=True)
class Saved:
    """The version that holds now, and the command that told the workers. Not `changed`: what was
    saved holds already."""

    version: int
    changed: bool
    command_id: str | None = None


class Configurations:
    """Every method raises `NotFound` (`connector-unknown`), and `ConfigurationError`
    (`secrets-undecryptable`) where secrets are needed and the key is lost."""

    def __init__(self, desk: Desk, vault: Vault, database_url: str) -> None:
        self._desk = desk
        self._vault = vault
        self._database_url = database_url

    async def save(
        self,
        caller: Caller,
        connector_id: str,
        given: Mapping[str, object],
        *,
        reason: str | None = None,
        expected: int | None = None,
        one: Once | None = None,
    ) -> Saved:
        """A new version of what is given; secrets left out or empty stay as they are.

        The workers are told. `expected` is the version that the sender has seen, 0 for none. What
        came with the same idempotency key is saved once. Raises `InvalidConfiguration`, and
        `Refused` (`configuration-changed`, `queue-taken`, `idempotency-key-reused`).
        """
        async with self._desk.exclusively() as connection:
            row = await row_of(connection, connector_id)
            command_id = await recall(connection, one)
            if command_id is not None:
                return Saved(row["config_version"] or 0, changed=False, command_id=command_id)
            now = await self._current(connection, row)
            kept = self._secrets(connector_id, now)
            if expected is not None and expected != (row["config_version"] or 0):
                raise self._changed(row["config_version"], now, given, kept)
            made = draft(given, kept, self._own(row))
            if now is not None and self._is_same(now, made, kept):
                return Saved(now["version"], changed=False)
            return await self._append(connection, caller, row, made, reason=reason, one=one)

    async def restore(
        self, caller: Caller, connector_id: str, version: int, reason: str | None = None
    ) -> Saved:
        """An earlier version once more, as a new one. Raises `NotFound`
        (`configuration-version-unknown`), `InvalidConfiguration` and `Refused` (`queue-taken`)."""
        async with self._desk.exclusively() as connection:
            row = await row_of(connection, connector_id)
            then = await version_row(connection, connector_id, version)
            if then is None:
                raise NotFound("configuration-version-unknown")
            kept = self._secrets(connector_id, then)
            made = draft(json.loads(then["content"]), kept, self._own(row))
            now = await self._current(connection, row)
            if now is not None and self._is_same(now, made, self._secrets(connector_id, now)):
                return Saved(now["version"], changed=False)
            return await self._append(
                connection, caller, row, made, reason=reason, restored_from=version
            )

    async def check(
        self, caller: Caller, connector_id: str, given: Mapping[str, object] | None
    ) -> Draft:
        """What is given with the secrets that are kept, or what holds if nothing is given.

        Changes nothing, but is in the audit: it decides where the secrets that are kept are sent.
        Raises `InvalidConfiguration` and `Refused` (`queue-taken`, `connector-not-configured`).
        """
        async with self._desk.writing() as connection:
            row = await row_of(connection, connector_id)
            now = await self._current(connection, row)
            if given is None:
                if now is None:
                    raise Refused("connector-not-configured")
                given = json.loads(now["content"])
            made = draft(given, self._secrets(connector_id, now), self._own(row))
            await require_free(connection, connector_id, made.queue)
            changes = self._difference(now, made)
            deed = Deed(
                caller,
                "configuration.tested",
                connector_id,
                old={one.key: one.old for one in changes},
                new={one.key: one.new for one in changes},
            )
            await self._desk.record(connection, deed)
            return made

    async def get(self, connector_id: str, version: int | None = None) -> Version:
        """One version, or the one that holds. Raises `NotFound`
        (`configuration-version-unknown`)."""
        async with self._desk.reading() as connection:
            row = await row_of(connection, connector_id)
            wanted = row["config_version"] if version is None else version
            found = await version_row(connection, connector_id, wanted) if wanted else None
            if found is None:
                raise NotFound("configuration-version-unknown")
            before = await version_row(connection, connector_id, found["version"] - 1)
            return told(found, before)

    async def history(
        self, connector_id: str, *, limit: int | None = None, before: int | None = None
    ) -> Sequence[Version]:
        """The versions, newest first, from the one before `before`."""
        async with self._desk.reading() as connection:
            await row_of(connection, connector_id)
            columns = configurations.c
            query = select(configurations).where(columns.connector_id == connector_id)
            if before is not None:
                query = query.where(columns.version < before)
            query = query.order_by(columns.version.desc())
            if limit is not None:
                query = query.limit(limit + 1)  # the one before the last tells its difference
            rows = (await connection.execute(query)).mappings().all()
        pairs = zip_longest(rows, rows[1:])
        found = [told(row, earlier) for row, earlier in pairs]
        return found if limit is None else found[:limit]

    async def content(
        self, connector_id: str, version: int | None = None, *, secrets: bool = False
    ) -> dict[str, object]:
        """All keys and values of a version, or of the one that holds; empty when none does.

        With `secrets` those are among them in the clear: for the connector itself, and nobody
        else. Raises `NotFound` (`configuration-version-unknown`).
        """
        async with self._desk.reading() as connection:
            row = await row_of(connection, connector_id)
            wanted = row["config_version"] if version is None else version
            found = await version_row(connection, connector_id, wanted) if wanted else None
        if found is None and version is not None:
            raise NotFound("configuration-version-unknown")
        if found is None:
            return {}
        content: dict[str, object] = json.loads(found["content"])
        return {**content, **self._secrets(connector_id, found)} if secrets else content

    async def _current(self, connection: AsyncConnection, row: RowMapping) -> RowMapping | None:
        if row["config_version"] is None:
            return None
        return await version_row(connection, row["connector_id"], row["config_version"])

    async def _append(
        self,
        connection: AsyncConnection,
        caller: Caller,
        row: RowMapping,
        made: Draft,
        *,
        reason: str | None,
        restored_from: int | None = None,
        one: Once | None = None,
    ) -> Saved:
        connector_id, moment = row["connector_id"], self._desk.now()
        await require_free(connection, connector_id, made.queue)
        columns = configurations.c
        last = select(func.max(columns.version)).where(columns.connector_id == connector_id)
        version = (await connection.scalar(last) or 0) + 1
        before = await self._current(connection, row)
        sealed, fingerprints = self._sealed(connector_id, made)
        reason = reason and storable(reason)
        await connection.execute(
            insert(configurations).values(
                connector_id=connector_id,
                version=version,
                created_at=moment,
                created_by=storable(caller.name),
                reason=reason,
                content=json.dumps(made.content),
                secrets=json.dumps(sealed),
                fingerprints=json.dumps(fingerprints),
                restored_from=restored_from,
            )
        )
        await connection.execute(
            update(connectors)
            .where(connectors.c.connector_id == connector_id)
            .values(config_version=version, queue=made.queue, updated_at=moment)
        )
        body = {"version": version}
        sent = await send(self._desk, connection, caller, connector_id, Action.UPDATE_CONFIG, body)
        changes = self._difference(before, made)
        deed = Deed(
            caller,
            "configuration.saved" if restored_from is None else "configuration.restored",
            connector_id,
            subject=f"version {version}",
            old={one.key: one.old for one in changes},
            new={one.key: one.new for one in changes},
            reason=reason,
        )
        await self._desk.record(connection, deed)
        await note(self._desk, connection, one, sent.command_id)
        return Saved(version, changed=True, command_id=sent.command_id)

    def _own(self, row: RowMapping) -> Own:
        return Own(row["connector_id"], row["name"], self._database_url)

    def _secrets(self, connector_id: str, row: RowMapping | None) -> dict[str, str]:
        """The secrets of a version in the clear."""
        sealed: dict[str, str] = {} if row is None else json.loads(row["secrets"])
        return {key: self._vault.unseal(value, connector_id, key) for key, value in sealed.items()}

    def _sealed(self, connector_id: str, made: Draft) -> tuple[dict[str, str], dict[str, str]]:
        secrets = made.secrets.items()
        sealed = {key: self._vault.seal(value, connector_id, key) for key, value in secrets}
        return sealed, self._fingerprints(made.secrets)

    def _difference(self, before: RowMapping | None, made: Draft) -> Sequence[Difference]:
        wanted = {**made.content, **secrets_shown(self._fingerprints(made.secrets))}
        return difference_of({} if before is None else told(before, None).shown(), wanted)

    def _fingerprints(self, secrets: Mapping[str, str]) -> dict[str, str]:
        return {key: self._vault.fingerprint(value) for key, value in secrets.items()}

    def _is_same(self, now: RowMapping, made: Draft, secrets: Mapping[str, str]) -> bool:
        content = json.loads(now["content"])
        return content == json.loads(json.dumps(made.content)) and secrets == made.secrets

    def _changed(
        self,
        version: int | None,
        now: RowMapping | None,
        given: Mapping[str, object],
        kept: Mapping[str, str],
    ) -> Refused:
        """What holds now against what was to be saved; a secret's value is told by neither."""
        holds = {} if now is None else told(now, None).shown()
        secrets = self._fingerprints(kept)
        wanted = dict(given)
        for key in kept:
            value = wanted.pop(key, None)
            if isinstance(value, str) and value.strip():
                secrets[key] = self._vault.fingerprint(value)
        for key in SECRET_KEYS & wanted.keys():
            del wanted[key]
        difference = difference_of(holds, {**wanted, **secrets_shown(secrets)})
        return Refused(
            "configuration-changed",
            details={"version": version, "difference": [one.told() for one in difference]},
        )
