"""``soc alerts act``, ``soc incidents act``: an act on the command line, handed to a running console under one's own token."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from soc.cli.output import config_option, print_json, settings_of
from soc.errors import SettingsError, UnavailableError
from soc.model import Target
from soc.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

ANSWER_SECONDS = 30.0
"""The console answers an act within some ten seconds, also when the brokers are away."""

_ON_ALERTS = ("acknowledge", "assign", "note", "close", "reopen", "detach")
_ON_INCIDENTS = (
    *("acknowledge", "start", "contain", "confirm", "unconfirm", "close", "reopen", "assign", "note", "describe"),
    *("classify", "set_t0", "exercise", "add_task", "answer_task", "close_task", "merge", "split", "link", "unlink"),
    *("approve", "countersign", "settle"),
)
ACTS: Mapping[str, tuple[str, ...]] = {"alert": _ON_ALERTS, "incident": _ON_INCIDENTS}
_FIELDS: Mapping[str, str] = {
    "verdict": "For close: true_positive, benign_true_positive, false_positive.",
    "reason": "For close, classify, set_t0, unconfirm, exercise, split; welcome with others.",
    "owner": "For assign; yourself by default.",
    "text": "For note.",
    "into": "For merge: the other incident's id.",
    "to": "For link, unlink: the other incident's id.",
    "alerts": "For split: ids, with commas between.",
    "severity": "For classify: none, normal, serious.",
    "flags": "For classify: all flags that hold, with commas between; '' for none.",
    "tlp": "For classify: CLEAR, GREEN, AMBER, AMBER+STRICT, RED.",
    "keep_secret": "For classify: true or false.",
    "at": "For set_t0: 2026-11-24T17:00, in the installation's zone or with its own.",
    "exercise": "For exercise: true or false.",
    "field": "For describe: the field's name.",
    "value": "For describe: its text; '' takes it out.",
    "title": "For add_task.",
    "unit": "For add_task: who is asked.",
    "due": "For add_task: when the answer is expected, as --at.",
    "task": "For answer_task, close_task: the task's id.",
    "reply": "For answer_task.",
    "status": "For close_task: done or dropped.",
    "report_kind": "For approve, countersign.",
    "payload_sha256": "For approve, countersign: the hash of the previewed bytes.",
    "recipient": "For approve: to whom; the only receiver by default.",
    "by_telephone": "For approve: who agreed by telephone; you type it, another countersigns.",
    "missing_reason": "For approve: why, while required fields are empty; it is kept and does not leave.",
    "report_id": "For settle.",
    "decision": "For settle: out_of_band, resend, cancel.",
    "number": "For settle out_of_band: of the paper by which it was delivered.",
}
"""Argument of an act → what it is; the option has its name."""
_OF_ALERTS = ("verdict", "reason", "owner", "text")


url_option = click.option("--url", help="The console [default: the one that runs on this host].")
token_option = click.option(
    "--token", envvar="SOC_TOKEN", required=True, help="Your token, made under /account [env: SOC_TOKEN]."
)


def _field_options(names: Sequence[str]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for name in reversed(names):
            command = click.option(f"--{name.replace('_', '-')}", name, help=_FIELDS[name])(command)
        return command

    return decorate


def act_command(target: Literal["alert", "incident"]) -> click.Command:
    """The command ``act`` of a group."""

    @click.command(name="act")
    @click.argument("kind", type=click.Choice(ACTS[target]))
    @click.argument("identifier")
    @click.option(
        "--revision", type=click.IntRange(min=0), help="The revision you saw [default: the one the console shows]."
    )
    @_field_options(_OF_ALERTS if target == "alert" else tuple(_FIELDS))
    @click.option("--action-id", help="The same id again has no second effect [default: a new one].")
    @url_option
    @token_option
    @config_option
    def command(
        kind: str,
        identifier: str,
        *,
        config: Path | None,
        url: str | None,
        revision: int | None,
        action_id: str | None,
        token: str,
        **fields: str | None,
    ) -> None:
        """Act on one of them through a running console, under the roles of a token's owner.

        The token is made under /account and given in the environment: SOC_TOKEN.
        Prints the answer as JSON. Exit code 1: somebody was faster (the answer says what changed), or it is not possible.

        \b
        Example:
          soc alerts act close 202611-4f1c --verdict false_positive --reason "the backup server"
        """
        act = {"kind": kind, "action_id": action_id or secrets.token_hex(8)}
        act |= {name: value for name in _FIELDS if (value := fields.get(name)) is not None}
        status, answer = hand_in(
            settings_of(config), url, token, target=target, identifier=identifier, act=act, revision=revision
        )
        print_answer((status, answer))

    return command


def print_answer(told: tuple[int, Any]) -> None:
    """What a console answered, as JSON; exit code 1 where the act was not taken."""
    status, answer = told
    print_json(answer)
    if status not in (200, 202):
        raise click.exceptions.Exit(1)


def hand_in(
    settings: Settings,
    url: str | None,
    token: str,
    *,
    target: Target,
    identifier: str,
    act: Mapping[str, Any],
    revision: int | None = None,
) -> tuple[int, Any]:
    """Hand an act in through a console; (HTTP status, answer).

    Args:
        settings: of this host.
        url: the console; the one of this host where it is None.
        token: of who acts.
        target: what ``identifier`` names.
        act: its kind and arguments.
        revision: what was seen; None is what the console shows now.
    """
    base = f"{(url or _running(settings)).rstrip('/')}/{target}s/{identifier}"
    if revision is None:
        status, shown = _ask(f"{base}.json", token, None)
        if status != 200:
            click.echo(f"soc: there is no {target} {identifier!r}", err=True)
            raise click.exceptions.Exit(1)
        revision = shown[target]["revision"]
    body = {"action_id": secrets.token_hex(8), **act, "expected_revision": str(revision)}
    return _ask(f"{base}/act", token, body)


def hand_in_new(
    settings: Settings, url: str | None, token: str, *, target: Literal["silence", "directive"], act: Mapping[str, Any]
) -> tuple[int, Any]:
    """Hand in an act that makes something new; (HTTP status, answer with the ``target_id`` it got).

    Args:
        settings: of this host.
        url: the console; the one of this host where it is None.
        token: of who acts.
        target: what is made.
        act: its kind and arguments; what is None is not given.
    """
    body = {name: value for name, value in act.items() if value is not None}
    base = (url or _running(settings)).rstrip("/")
    return _ask(f"{base}/{target}s", token, {"action_id": secrets.token_hex(8), **body})


def _running(settings: Settings) -> str:
    """Where the console of this host is."""
    from soc.pipeline.status import is_alive, read_statuses

    for status in read_statuses(settings.data_dir):
        if "console" in status.addresses and is_alive(status):
            return status.addresses["console"]
    raise UnavailableError("no console runs on this host; name one with --url http://HOST:PORT")


def _ask(url: str, token: str, body: dict[str, Any] | None) -> tuple[int, Any]:
    """(status, answer) of one request.

    Raises:
        SettingsError: the address is none, or the token may not.
        UnavailableError: no answer, or the brokers or the store are away.
    """
    if not url.startswith(("http://", "https://")):
        raise SettingsError([f"--url: {url} is no http:// or https:// address"])
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace")
        if error.code in (401, 403):
            raise SettingsError([f"SOC_TOKEN: {error.code}: it is not known, or may not do this"]) from error
        if error.code >= 500:
            raise UnavailableError(f"{url}: {error.code}: {said[:500]}") from error
        try:
            return error.code, json.loads(said)
        except ValueError:
            return error.code, {"error": said[:500] or error.reason}
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{url}: {error}") from error
