"""Accounts: made, given roles and passwords, disabled; never deleted: the audit names them."""

from dataclasses import dataclass

from sqlalchemy import RowMapping, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.connection import exclusively
from benchling_connector.database.platform_tables import accounts
from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.accounts import Account, account_name, require_good_password
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import Refused
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.passwords import Passwords
from benchling_connector.platform.sessions import end_all

__all__ = ["Accounts", "Identity", "account_of"]

_BY_ID = select(accounts).where(accounts.c.account_id == bindparam("wanted"))
_BY_NAME = select(accounts).where(accounts.c.name == bindparam("wanted"))


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody as an OIDC issuer names them. `issuer` and `subject` stay, the rest may change."""

    issuer: str
    subject: str
    name: str
    email: str | None
    role: Role


class Accounts:
    """Those of one platform. What asks for an account that there is not gives None."""

    def __init__(self, desk: Desk, passwords: Passwords) -> None:
        self._desk = desk
        self._passwords = passwords

    async def all(self) -> tuple[Account, ...]:
        """By name, those that are disabled, too."""
        async with self._desk.reading() as connection:
            rows = await connection.execute(select(accounts).order_by(accounts.c.name))
            return tuple(account_of(row) for row in rows.mappings())

    async def get(self, account: str) -> Account | None:
        """By its ID or its name."""
        async with self._desk.reading() as connection:
            return await _find(connection, account)

    async def create(
        self,
        caller: Caller,
        name: str,
        role: Role,
        *,
        password: str | None = None,
        email: str | None = None,
        reason: str | None = None,
    ) -> Account:
        """A new account; without a password it is for those who sign in elsewhere.

        Raises `Refused` (`account-name-invalid`, `account-name-taken`, `password-refused`).
        """
        name = account_name(name)
        if password is not None:
            require_good_password(name, password)
        hashed = None if password is None else await self._passwords.hash(password)
        async with exclusively(self._desk.engine) as connection:
            if await _find(connection, name) is not None:
                raise Refused("account-name-taken", f"There is an account {name!r} already.")
            account_id = await self._insert(
                connection, caller, name=name, role=role, email=_email(email), password_hash=hashed
            )
            made = await _get(connection, account_id)
            new = {"name": name, "role": role, "email": email, "password": password is not None}
            await self._desk.record(
                connection, Deed(caller, "account.created", subject=name, new=new, reason=reason)
            )
            return made

    async def change_role(
        self, caller: Caller, account: str, role: Role, reason: str | None = None
    ) -> Account | None:
        """Ends its sessions. Raises `Refused` (`account-last-admin`)."""
        async with exclusively(self._desk.engine) as connection:
            found = await _find(connection, account)
            if found is None or found.role is role:
                return found
            await _require_other_admin(connection, found)
            deed = Deed(
                caller,
                "account.role_changed",
                subject=found.name,
                old={"role": found.role},
                new={"role": role},
                reason=reason,
            )
            return await self._change(connection, found, deed, role=role)

    async def set_password(
        self, caller: Caller, account: str, password: str, reason: str | None = None
    ) -> Account | None:
        """Ends its sessions. Raises `Refused` (`password-refused`)."""
        found = await self.get(account)
        if found is None:
            return None
        require_good_password(found.name, password)
        hashed = await self._passwords.hash(password)
        async with self._desk.writing() as connection:
            deed = Deed(caller, "account.password_set", subject=found.name, reason=reason)
            return await self._change(connection, found, deed, password_hash=hashed)

    async def disable(
        self, caller: Caller, account: str, reason: str | None = None
    ) -> Account | None:
        """Its sessions end, its tokens work no more. Raises `Refused` (`account-last-admin`)."""
        async with exclusively(self._desk.engine) as connection:
            found = await _find(connection, account)
            if found is None or found.disabled_at is not None:
                return found
            await _require_other_admin(connection, found)
            deed = Deed(caller, "account.disabled", subject=found.name, reason=reason)
            return await self._change(connection, found, deed, disabled_at=self._desk.now())

    async def enable(
        self, caller: Caller, account: str, reason: str | None = None
    ) -> Account | None:
        """It may sign in again."""
        async with self._desk.writing() as connection:
            found = await _find(connection, account)
            if found is None or found.disabled_at is None:
                return found
            deed = Deed(caller, "account.enabled", subject=found.name, reason=reason)
            return await self._change(connection, found, deed, disabled_at=None)

    async def of_identity(self, caller: Caller, identity: Identity) -> Account:
        """The account of somebody who signed in at an OIDC issuer, made the first time.

        Its role is the one that the issuer gives. Raises `Refused` (`account-last-admin`).
        """
        async with exclusively(self._desk.engine) as connection:
            query = select(accounts).where(
                accounts.c.issuer == identity.issuer, accounts.c.subject == identity.subject
            )
            row = (await connection.execute(query)).mappings().one_or_none()
            if row is None:
                return await self._make_for(connection, caller, identity)
            found = account_of(row)
            if found.role is identity.role or found.disabled_at is not None:
                return found
            await _require_other_admin(connection, found)
            deed = Deed(
                caller,
                "account.role_changed",
                subject=found.name,
                old={"role": found.role},
                new={"role": identity.role},
                reason="The issuer's claim says so.",
            )
            return await self._change(connection, found, deed, role=identity.role)

    async def _make_for(
        self, connection: AsyncConnection, caller: Caller, identity: Identity
    ) -> Account:
        """An account of its own: a name that is taken belongs to somebody else."""
        name, number = identity.name, 1
        while await _find(connection, name) is not None:
            number += 1
            name = f"{identity.name}-{number}"
        account_id = await self._insert(
            connection,
            caller,
            name=name,
            role=identity.role,
            email=_email(identity.email),
            issuer=identity.issuer,
            subject=identity.subject,
        )
        new = {"name": name, "role": identity.role, "issuer": identity.issuer}
        deed = Deed(caller, "account.created", subject=name, new=new)
        await self._desk.record(connection, deed)
        return await _get(connection, account_id)

    async def _insert(self, connection: AsyncConnection, caller: Caller, **values: object) -> str:
        account_id = self._desk.new_id()
        try:
            await connection.execute(
                insert(accounts).values(
                    account_id=account_id,
                    created_at=self._desk.now(),
                    created_by=caller.name,
                    **values,
                )
            )
        except IntegrityError:
            raise Refused("account-name-taken") from None
        return account_id

    async def _change(
        self, connection: AsyncConnection, found: Account, deed: Deed, **values: object
    ) -> Account:
        await connection.execute(
            update(accounts).where(accounts.c.account_id == found.account_id).values(**values)
        )
        await end_all(connection, found.account_id)
        await self._desk.record(connection, deed)
        return await _get(connection, found.account_id)


def account_of(row: RowMapping) -> Account:
    """One row."""
    return Account(
        account_id=row["account_id"],
        name=row["name"],
        email=row["email"],
        role=Role(row["role"]),
        has_password=row["password_hash"] is not None,
        issuer=row["issuer"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        signed_in_at=row["signed_in_at"],
        disabled_at=row["disabled_at"],
    )


async def _find(connection: AsyncConnection, account: str) -> Account | None:
    """By its ID, else by its name."""
    row = (await connection.execute(_BY_ID, {"wanted": storable(account)})).mappings().one_or_none()
    if row is None:
        try:
            name = account_name(account)
        except Refused:
            return None
        row = (await connection.execute(_BY_NAME, {"wanted": name})).mappings().one_or_none()
    return None if row is None else account_of(row)


async def _get(connection: AsyncConnection, account_id: str) -> Account:
    found = await connection.execute(_BY_ID, {"wanted": account_id})
    return account_of(found.mappings().one())


def _email(email: str | None) -> str | None:
    return None if email is None else storable(email)


async def _require_other_admin(connection: AsyncConnection, account: Account) -> None:
    """Whoever asks holds the lock that all hold who change a role or disable."""
    if account.role is not Role.ADMIN or account.disabled_at is not None:
        return
    others = await connection.scalar(
        select(func.count()).where(
            accounts.c.role == Role.ADMIN,
            accounts.c.disabled_at.is_(None),
            accounts.c.account_id != account.account_id,
        )
    )
    if not others:
        sentence = f"{account.name!r} is the last administrator who can still sign in."
        raise Refused("account-last-admin", sentence)
