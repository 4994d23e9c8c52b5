"""``soc audit``: chains verified, heads signed and sent, lines searched, who did what; restores declared and countersigned."""

import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soc.cli.operate import require_installation
from soc.cli.output import actor, config_option, format_option, print_json, print_rows, run_async, settings_of
from soc.clock import Micros, now, to_iso
from soc.errors import SettingsError, UnavailableError
from soc.settings import Settings

if TYPE_CHECKING:
    from soc.audit.chain import Head
    from soc.pipeline.auditing import Verified


@click.group()
def audit() -> None:
    """The audit chains: who did what, and whether anybody changed it afterwards."""


def _head_option(command: Any) -> Any:
    return click.option(
        "--head",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Heads that were kept elsewhere: what was sent off this host, or what this command printed before.",
    )(command)


def _key_option(command: Any) -> Any:
    return click.option(
        "--key",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="The public key (`soc audit key`) that the heads must be signed with.",
    )(command)


@audit.command()
@config_option
@_head_option
@_key_option
def verify(config: Path | None, head: Path | None, key: Path | None) -> None:
    """Verify every hash chain of acts; exit code 1 says what was done to which line.

    An edited, deleted, moved or forged line shows by itself. With --head, which another host keeps, a chain that was cut short or
    written anew since shows too, also when an administrator did it. What is printed holds the heads.

    \b
    Example:
      soc audit verify --head /mnt/audit/heads-SOC-0-20261123T090000000000Z.json --key soc-audit.pub
    """
    if key is not None and head is None:
        raise SettingsError(["--key checks the signature of --head; name that too"])
    settings = settings_of(config)
    require_installation(settings)
    found = run_async(_verify(settings, _kept(head, key)))
    print_json(found)
    for one in found:
        if one.fault or one.declared:
            click.echo(f"{one.chain}: {one.fault or one.declared}", err=True)
    if faults := [chain for chain in found if chain.fault]:
        _tell(settings, faults)
        raise click.exceptions.Exit(1)


def _tell(settings: Settings, faults: "list[Verified]") -> None:
    """Record what was found, so that people are told; what cannot be recorded is said here only."""
    from soc.app import open_bus
    from soc.audit.chain import Entry
    from soc.errors import BusError
    from soc.pipeline.audit_record import record

    async def main() -> None:
        bus = open_bus(settings)
        try:
            await record(
                bus, *(Entry(now(), actor(), "audit_fault", f"chain/{f.chain}", f.fault[:500]) for f in faults)
            )
        finally:
            await bus.close()

    try:
        run_async(main())
    except (BusError, UnavailableError) as error:
        click.echo(f"nobody was told: {error}", err=True)


def _kept(head: Path | None, key: Path | None) -> "dict[str, Head] | None":
    from soc.pipeline.auditing import read_heads

    return read_heads(head, key.read_bytes() if key else None) if head else None


async def _verify(settings: Settings, expected: "dict[str, Head] | None") -> "list[Verified]":
    from soc.app import open_bus
    from soc.pipeline.auditing import verify_audit

    bus = open_bus(settings)
    try:
        found = await verify_audit(bus, expected, _progress)
    finally:
        await bus.close()
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    return found


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} lines", err=True, nl=False)


@audit.command()
@config_option
def key(config: Path | None) -> None:
    """Print the public key that this host signs heads with; it is made at the first call.

    Keep it where the heads are kept. The private key stays in the data directory.

    \b
    Example:
      soc audit key > soc-audit.pub
    """
    from soc.audit.signing import fingerprint, public_of
    from soc.pipeline.audit_heads import key_of

    public = public_of(key_of(settings_of(config).data_dir, make=True))
    click.echo(public.decode(), nl=False)
    click.echo(f"key {fingerprint(public)}", err=True)


@audit.command()
@config_option
@click.option("--send", is_flag=True, help="Send them to the places of [audit] now, and say what became of it.")
def heads(config: Path | None, *, send: bool) -> None:
    """Print the heads of all chains, signed, to be kept on another host.

    \b
    Example:
      soc audit heads > /mnt/audit/heads.json
    """
    from functools import partial

    from soc.app import open_bus
    from soc.audit.signing import sign
    from soc.pipeline.audit_heads import HeadSender, key_of
    from soc.pipeline.audit_sent import targets_of
    from soc.pipeline.auditing import committed_heads

    settings = settings_of(config)
    require_installation(settings)
    name = settings.forward.organization

    async def main() -> "Mapping[str, Any] | bytes":
        bus = open_bus(settings)
        try:
            if send:
                return await HeadSender(
                    partial(committed_heads, bus), settings.audit, settings.data_dir, name, now
                ).send()
            found = (await committed_heads(bus)).values()
            return sign(found, key_of(settings.data_dir, make=True), now(), name)
        finally:
            await bus.close()

    if send and not targets_of(settings.audit):
        raise SettingsError(["[audit] names no place to send heads to: set directory, url or syslog"])
    made = run_async(main())
    if isinstance(made, bytes):
        click.echo(made.decode(), nl=False)
        return
    print_json(made)
    if any(made.values()):
        raise click.exceptions.Exit(1)


def _filter_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--act", help="Only this act, such as unmask, break_glass, export, account_roles."),
            click.option("--actor", "person", help="Only what this person (or soc itself) did."),
            click.option(
                "--object", "thing", help="Only what was done to this; its beginning is enough: alert/202611."
            ),
            click.option("--since", help="From this time on: 2026-11-01, 24h, 30d."),
            click.option("--until", help="Up to this time."),
        )
    ):
        command = option(command)
    return command


@audit.command()
@config_option
@format_option
@_filter_options
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="The newest so many.")
def search(config: Path | None, output_format: str | None, limit: int, **filters: str | None) -> None:
    """Print the lines of all chains that fit, oldest first: read from the chains themselves, not from the store.

    \b
    Example:
      soc audit search --actor quan --since 7d
    """
    from collections import deque

    settings = settings_of(config)
    require_installation(settings)

    async def main() -> list[dict[str, Any]]:
        kept: deque[dict[str, Any]] = deque(maxlen=limit)
        async for entry in _lines(settings, filters):
            kept.append(entry)
        return sorted(kept, key=lambda entry: entry["at"])

    rows = [{**entry, "at": to_iso(entry["at"])} for entry in run_async(main())]
    print_rows(rows, output_format, ("at", "actor", "act", "object", "detail", "chain", "seq"))


@audit.command()
@config_option
@format_option
@_filter_options
def who(config: Path | None, output_format: str | None, **filters: str | None) -> None:
    """Who did it, to what, how often, from when to when, and why: one row a person, act and object, the latest first.

    \b
    Example:
      soc audit who --act unmask --since 30d
    """
    settings = settings_of(config)
    require_installation(settings)

    async def main() -> dict[tuple[str, str, str], dict[str, Any]]:
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        async for entry in _lines(settings, filters):
            key = (entry["actor"], entry["act"], entry["object"])
            at, known = entry["at"], found.get(key)
            row = known or {"actor": key[0], "act": key[1], "object": key[2], "count": 0, "first": at, "last": at}
            row["count"] += 1
            if at >= row["last"]:
                row["why"] = entry["detail"]
            row["first"], row["last"] = min(row["first"], at), max(row["last"], at)
            found[key] = row
        return found

    rows = [
        {**row, "first": to_iso(row["first"]), "last": to_iso(row["last"])}
        for row in sorted(run_async(main()).values(), key=lambda row: -row["last"])
    ]
    print_rows(rows, output_format, ("actor", "act", "object", "count", "first", "last", "why"))


async def _lines(settings: Settings, filters: Mapping[str, str | None]) -> AsyncIterator[dict[str, Any]]:
    """The entries that fit, chain by chain in order; a line that is no entry is left to ``verify``."""
    import msgspec

    from soc.app import open_bus
    from soc.pipeline.auditing import lines

    start, end = _time(settings, filters, "since"), _time(settings, filters, "until")
    bus = open_bus(settings)
    try:
        async for _, line in lines(bus):
            try:
                entry = msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.DecodeError, msgspec.ValidationError):
                continue
            if _fits(entry, filters) and (start is None or entry["at"] >= start) and (end is None or entry["at"] < end):
                yield entry
    finally:
        await bus.close()


def _fits(entry: Mapping[str, Any], filters: Mapping[str, str | None]) -> bool:
    if not {"at", "actor", "act", "object", "detail"} <= entry.keys():
        return False
    act, person, thing = filters.get("act"), filters.get("person"), filters.get("thing")
    return (
        (not act or entry["act"] == act)
        and (not person or entry["actor"] == person)
        and (not thing or str(entry["object"]).startswith(thing))
    )


def _time(settings: Settings, filters: Mapping[str, str | None], name: str) -> Micros | None:
    """A moment as typed, in the installation's zone; ``24h`` and ``30d`` are so long ago.

    Raises:
        SettingsError: it is none.
    """
    import re
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from soc.clock import HOUR, to_micros

    text = filters.get(name)
    if not text:
        return None
    if match := re.fullmatch(r"([0-9]{1,6})([hd])", text):
        return now() - int(match[1]) * (HOUR if match[2] == "h" else 24 * HOUR)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        said = f"--{name}: {text!r} is no time; write 2026-11-01, 2026-11-01T08:00, 24h or 30d"
        raise SettingsError([said]) from error
    return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.timezone)))


def _signed(settings: Settings, name: str, act: str, password: str) -> str:
    """The name of a person whose roles allow the act and whose password this is.

    Raises:
        SettingsError: otherwise.
    """
    from soc.console.auth import Users
    from soc.triage.roles import may

    user = Users(settings.data_dir).check(name, password)
    if user is None or not any(may(role, act) for role in user.roles):
        raise SettingsError([f"--as {name}: no such account, the password is wrong, or its roles do not allow {act}"])
    return user.name


_password = click.option(
    "--password", prompt=True, hide_input=True, help="Of the console account; better typed when asked."
)


@audit.command(name="declare-break")
@config_option
@_head_option
@_key_option
@click.option("--as", "name", required=True, help="Your console account, with the role administrator.")
@click.option("--reason", required=True, help="What was restored, from which back-up, and why.")
@_password
def declare_break(
    config: Path | None, head: Path | None, key: Path | None, *, name: str, reason: str, password: str
) -> None:
    """Declare that chains do not go on from the heads kept elsewhere because a back-up was restored.

    It counts only after an auditor has countersigned it (`soc audit countersign`). Prints what is to be countersigned.

    \b
    Example:
      soc audit declare-break --head heads.json --as quan --reason "disk of host 1 lost; back-up of 23 November restored"
    """
    from soc.app import open_bus
    from soc.audit.chain import Entry, Head
    from soc.audit.restored import declaration
    from soc.pipeline.audit_record import record
    from soc.pipeline.auditing import committed_heads, declared_breaks

    settings = settings_of(config)
    require_installation(settings)
    kept = _kept(head, key)
    if kept is None:
        raise SettingsError(["--head: name the heads that the chains no longer go through"])
    person = _signed(settings, name, "declare_break", password)
    lost = [one.chain for one in run_async(_verify(settings, kept)) if one.fault and one.chain in kept]
    if not lost:
        raise SettingsError(["nothing to declare: every chain goes through these heads"])

    async def main() -> list[dict[str, Any]]:
        bus = open_bus(settings)
        try:
            ends = await committed_heads(bus)
            entries: list[Entry] = [
                declaration(kept[chain], ends.get(chain, Head(chain)), person, now(), reason) for chain in lost
            ]
            await record(bus, *entries)
            wanted = {entry.object for entry in entries}
            return [
                {"id": one.id, "chain": one.lost.chain, "lost_after": one.kept.seq, "lost_up_to": one.lost.seq}
                for one in await declared_breaks(bus)
                if f"break/{one.lost.chain}@{one.lost.seq}:{one.lost.hash}" in wanted
            ]
        finally:
            await bus.close()

    for row in run_async(main()):
        print_json(row)


@audit.command()
@config_option
@click.argument("identifier")
@click.option("--as", "name", required=True, help="Your console account, with the role auditor.")
@click.option("--reason", default="", help="What you checked.")
@_password
def countersign(config: Path | None, identifier: str, *, name: str, reason: str, password: str) -> None:
    """Countersign a declared break by the id that `soc audit declare-break` printed.

    \b
    Example:
      soc audit countersign 5b1f… --as kiem --reason "back-up log of the data centre seen"
    """
    from soc.app import open_bus
    from soc.audit.restored import countersignature
    from soc.pipeline.audit_record import record
    from soc.pipeline.auditing import declared_breaks

    settings = settings_of(config)
    require_installation(settings)
    person = _signed(settings, name, "countersign_break", password)

    async def main() -> str:
        bus = open_bus(settings)
        try:
            found = next((one for one in await declared_breaks(bus) if one.id == identifier), None)
            if found is None:
                raise SettingsError([f"{identifier}: no such declaration"])
            if found.actor == person:
                raise SettingsError([f"{person} declared this himself; somebody else countersigns"])
            await record(bus, countersignature(identifier, person, now(), reason))
            return found._replace(countersigner=person).said
        finally:
            await bus.close()

    print_json({"id": identifier, "by": person, "said": run_async(main()), "host_user": actor()})


COMMANDS = (audit,)
