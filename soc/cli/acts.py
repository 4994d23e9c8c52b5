"""``soc alerts act``, ``soc incidents act``: an act on the command line, handed to a running console under one's own token."""

import json
import os
import secrets
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Literal

import click

from soc.cli.output import config_option, print_json, settings_of
from soc.errors import SettingsError, UnavailableError
from soc.settings import Settings

ANSWER_SECONDS = 30.0
"""The console answers an act within some ten seconds, also when the brokers are away."""

ACTS = ("acknowledge", "assign", "note", "close", "reopen", "detach", "merge", "approve")
_FIELDS = ("verdict", "reason", "owner", "text", "into", "report_kind", "payload_sha256")


def act_command(target: Literal["alert", "incident"]) -> click.Command:
    """The command ``act`` of a group."""

    @click.command(name="act")
    @click.argument("kind", type=click.Choice(ACTS))
    @click.argument("identifier")
    @click.option(
        "--revision", type=click.IntRange(min=0), help="The revision you saw [default: the one the console shows]."
    )
    @click.option("--verdict", help="For close: true_positive, benign_true_positive, false_positive.")
    @click.option("--reason", help="For close.")
    @click.option("--owner", help="For assign; yourself by default.")
    @click.option("--text", help="For note.")
    @click.option("--into", help="For merge: the other incident's id.")
    @click.option("--report-kind", help="For approve.")
    @click.option("--payload-sha256", help="For approve: the hash of the previewed bytes.")
    @click.option("--action-id", help="The same id again has no second effect [default: a new one].")
    @click.option("--url", help="The console [default: the one that runs on this host].")
    @click.option(
        "--token", envvar="SOC_TOKEN", required=True, help="Your token, made under /account [env: SOC_TOKEN]."
    )
    @config_option
    def command(
        kind: str,
        identifier: str,
        *,
        config: Path | None,
        url: str | None,
        revision: int | None,
        action_id: str | None,
        **fields: str | None,
    ) -> None:
        """Act on one of them through a running console, under the roles of a token's owner.

        The token is made under /account and given in the environment: SOC_TOKEN.
        Prints the answer as JSON. Exit code 1: somebody was faster (the answer says what changed), or it is not possible.

        \b
        Example:
          soc alerts act close 202611-4f1c --verdict false_positive --reason "the backup server"
        """
        token = os.environ.get("SOC_TOKEN", "")
        if not token:
            raise SettingsError(["SOC_TOKEN: set it to a token made under /account"])
        base = f"{(url or _running(settings_of(config))).rstrip('/')}/{target}s/{identifier}"
        if revision is None:
            status, shown = _ask(f"{base}.json", token, None)
            if status != 200:
                click.echo(f"soc: there is no {target} {identifier!r}", err=True)
                raise click.exceptions.Exit(1)
            revision = shown[target]["revision"]
        act = {"kind": kind, "action_id": action_id or secrets.token_hex(8), "expected_revision": str(revision)}
        act |= {name: value for name in _FIELDS if (value := fields.get(name)) is not None}
        status, answer = _ask(f"{base}/act", token, act)
        print_json(answer)
        if status not in (200, 202):
            raise click.exceptions.Exit(1)

    return command


def _running(settings: Settings) -> str:
    """Where the console of this host is."""
    from soc.pipeline.status import is_alive, read_statuses

    for status in read_statuses(settings.data_dir):
        if "console" in status.addresses and is_alive(status):
            return status.addresses["console"]
    raise UnavailableError("no console runs on this host; name one with --url http://HOST:PORT")


def _ask(url: str, token: str, body: dict[str, str] | None) -> tuple[int, Any]:
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
