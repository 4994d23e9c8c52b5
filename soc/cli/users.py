"""``soc users``: the console's accounts from the host, for when nobody can sign in; every change is in the audit first."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import now, to_iso
from soc.errors import SettingsError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.console.auth import Users


@click.group()
def users() -> None:
    """The console's accounts, from the host.

    \b
    Example:
      soc users list
    """


@users.command(name="list")
@config_option
@format_option
def list_users(config: Path | None, output_format: str | None) -> None:
    """List every account: roles, organizations, kind, state, when it last signed in.

    \b
    Example:
      soc users list
    """
    from soc.console.auth import Users
    from soc.console.sessions import SignIns

    data_dir = settings_of(config).data_dir
    seen = SignIns(data_dir).all()
    rows = [
        {
            "name": user.name,
            "kind": user.kind,
            "roles": list(user.roles),
            "organizations": list(user.organizations),
            "state": "disabled" if user.disabled else "spent" if user.spent else "active",
            "signed_in": to_iso(seen[user.name]) if user.name in seen else "",
        }
        for user in Users(data_dir).all().values()
    ]
    print_rows(rows, output_format, ("name", "kind", "roles", "organizations", "state", "signed_in"))


def _roles(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--role", "roles", multiple=True, required=True, help="One or more.")(command)


def _organizations(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--organization", "organizations", multiple=True, help="Limit it to this unit of the register. [default: all]"
    )(command)


@users.command()
@click.argument("name")
@_roles
@_organizations
@config_option
def add(name: str, roles: tuple[str, ...], organizations: tuple[str, ...], config: Path | None) -> None:
    """Add a person's account and print its password, this once.

    \b
    Example:
      soc users add lan.nt --role analyst --organization so-yte
    """
    _add(settings_of(config), name, roles, organizations, "person")


@users.command(name="break-glass")
@click.argument("name")
@_roles
@config_option
def break_glass(name: str, roles: tuple[str, ...], config: Path | None) -> None:
    """Make or seal anew an account for emergencies and print its password for the sealed envelope.

    It is good for one sign-in, which needs a reason, lasts an hour ([privacy] break_glass_minutes) and is told to people.

    \b
    Example:
      soc users break-glass khan-cap-1 --role lead --role approver
    """
    from soc.console.auth import Users

    settings = settings_of(config)
    found = Users(settings.data_dir).all().get(name)
    if found is None:
        _add(settings, name, roles, (), "break_glass")
        return
    if found.kind != "break_glass":
        raise SettingsError([f"{name} is a person's account"])
    password = _change(settings, name, "reset", "sealed anew", lambda known: known.reset_password(name))
    print_json({"name": name, "kind": "break_glass", "password": password})


def _add(
    settings: Settings,
    name: str,
    roles: tuple[str, ...],
    organizations: tuple[str, ...],
    kind: Literal["person", "break_glass"],
) -> None:
    detail = f"{kind}: {', '.join(roles)}; {', '.join(organizations) or 'everything'}"
    password = _change(settings, name, "add", detail, lambda known: known.add(name, roles, organizations, kind))
    print_json({"name": name, "kind": kind, "password": password})


@users.command()
@click.argument("name")
@config_option
def reset(name: str, config: Path | None) -> None:
    """Give an account a new password and print it, this once; its sessions and tokens end.

    \b
    Example:
      soc users reset lan.nt
    """
    settings = settings_of(config)
    print_json(
        {"name": name, "password": _change(settings, name, "reset", "", lambda known: known.reset_password(name))}
    )


@users.command()
@click.argument("name")
@config_option
def disable(name: str, config: Path | None) -> None:
    """Close an account: it cannot sign in, and what is signed in is out.

    \b
    Example:
      soc users disable lan.nt
    """
    _change(settings_of(config), name, "disable", "", lambda known: known.set_disabled(name, disabled=True) or "")


def _change(settings: Settings, name: str, what: str, detail: str, change: "Callable[[Users], str]") -> str:
    """Record a change, then make it.

    Raises:
        SettingsError: it is refused; that is recorded too.
        UnavailableError: it cannot be recorded, so it is not made.
    """
    from soc.app import open_bus
    from soc.audit.chain import Entry
    from soc.console.auth import AccountError, Users
    from soc.console.i18n import Texts
    from soc.pipeline.audit_record import record

    require_installation(settings)

    async def told(act: str, said: str) -> None:
        bus = open_bus(settings)
        try:
            await record(bus, Entry(now(), actor(), act, f"user/{name}", said))
        finally:
            await bus.close()

    run_async(told(f"account_{what}", detail))
    try:
        return change(Users(settings.data_dir))
    except AccountError as error:
        run_async(told(f"account_{what}_refused", error.reason))
        raise SettingsError([f"{Texts('en', 'UTC')(error.reason)} {name}"]) from error


COMMANDS = (users,)
