"""`gatehouse migrate`: bring the schema to this code's revision, before the new code serves."""

import asyncio
from typing import Annotated

import typer

from app.cli.development import furnished
from app.cli.environment import refuse
from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.store.audit_roles import UnknownRole, grant
from app.store.migrate import behind, head, upgrade

_SHADOWS = (
    "{} may make temporary tables, which can hide those of the log: let the owner of the database run "
    "REVOKE TEMPORARY ON DATABASE … FROM PUBLIC."
)
_AGAIN = (
    "What is migrated stays so: run this again, as the owner of the schema (GATEHOUSE_DATABASE__OWNER_URL), "
    "once nobody holds its tables."
)
_SILENT = "the database does not answer."
_NOT_OVER_TLS = (
    "the database does not answer, or not over TLS with a certificate that can be verified: see "
    "GATEHOUSE_DATABASE__TLS_CA and GATEHOUSE_DATABASE__TLS."
)


def migrate(
    app_role: Annotated[
        str | None, typer.Option(metavar="NAME", help="Grant this role what the service needs, and no more.")
    ] = None,
) -> None:
    """Bring the database's schema up to date. Safe to run twice, and from several places at once."""
    if app_role is not None and not app_role.strip():
        refuse("--app-role: name the role that the service runs as.")
    with furnished() as settings:
        owner = settings.database.of_owner
        try:
            if is_behind(owner):
                asyncio.run(upgrade(owner))
            if app_role:
                _grant(owner, app_role)
        except DatabaseUnavailable as problem:
            refuse(f"{problem.detail or 'The database does not answer.'} {_AGAIN}")
        print(f"The schema is at revision {head()}.")


def _grant(owner: DatabaseSettings, role: str) -> None:
    try:
        tight = asyncio.run(grant(owner, role))
    except UnknownRole:
        refuse(f"--app-role: there is no role {role!r} beside the owner; make it with CREATE ROLE first.")
    print(f"{role} may use every table, and only add to the audit log.")
    if not tight:
        typer.echo(_SHADOWS.format(role), err=True)


def is_behind(settings: DatabaseSettings) -> bool:
    """Say whether the schema is older than this code; refuse, with a sentence, if the database does not answer."""
    try:
        return asyncio.run(behind(settings))
    except DatabaseUnavailable as problem:
        verified = settings.tls_mode == "verify-full"
        refuse(f"GATEHOUSE_DATABASE__URL: {problem.detail or (_NOT_OVER_TLS if verified else _SILENT)}")
    except ValueError as fault:
        refuse(str(fault))
