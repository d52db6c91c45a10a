"""Keeps the audit append-only: the database itself refuses to change or remove an entry.

Whoever owns the database can drop these triggers; then it is the chain of hashes that tells.
The same text for new databases and for those that are upgraded.
"""

from sqlalchemy import Connection

__all__ = ["protect"]

_WORD = "the audit is append-only"

_SQLITE = (
    *(
        f"""CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit
        BEGIN SELECT RAISE(ABORT, '{_WORD}'); END"""
        for what in ("UPDATE", "DELETE")
    ),
    # What replaces a row deletes the old one without asking the trigger above.
    f"""CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
    WHEN NEW.number IS NOT (SELECT number + 1 FROM audit_head)
    BEGIN SELECT RAISE(ABORT, '{_WORD}'); END""",  # noqa: S608 - a text of ours
    f"""CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
    WHEN NEW.number IS NOT OLD.number + 1
    BEGIN SELECT RAISE(ABORT, '{_WORD}'); END""",
    f"""CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
    BEGIN SELECT RAISE(ABORT, '{_WORD}'); END""",
    f"""CREATE TRIGGER audit_head_alone BEFORE INSERT ON audit_head
    WHEN EXISTS (SELECT 1 FROM audit_head)
    BEGIN SELECT RAISE(ABORT, '{_WORD}'); END""",  # noqa: S608 - a text of ours
)

_POSTGRESQL = (
    f"""CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_WORD}'; END $$""",
    f"""CREATE FUNCTION audit_in_order() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.number IS DISTINCT FROM (SELECT number + 1 FROM audit_head) THEN
            RAISE EXCEPTION '{_WORD}';
        END IF;
        RETURN NEW;
    END $$""",  # noqa: S608 - a text of ours
    f"""CREATE FUNCTION audit_head_alone() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF EXISTS (SELECT 1 FROM audit_head) THEN
            RAISE EXCEPTION '{_WORD}';
        END IF;
        RETURN NEW;
    END $$""",  # noqa: S608 - a text of ours
    f"""CREATE FUNCTION audit_head_forward() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.number IS DISTINCT FROM OLD.number + 1 THEN
            RAISE EXCEPTION '{_WORD}';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_in_order()""",
    """CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_forward()""",
    """CREATE TRIGGER audit_head_alone BEFORE INSERT ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_alone()""",
    """CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)


def protect(connection: Connection) -> None:
    """Makes the triggers. The tables are there, and the head has its row."""
    statements = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    for statement in statements:
        connection.exec_driver_sql(statement)
