"""Writes ``docs/reference/cli.md`` from the commands themselves: ``python docs/generate_cli.py`` (a test compares)."""

from pathlib import Path

import click

from soc.cli import soc

TARGET = Path(__file__).parent / "reference" / "cli.md"


def page() -> str:
    """The whole page."""
    parts = ["# Commands\n\nGenerated from the commands by `python docs/generate_cli.py`.\n"]
    _add(soc, "soc", None, parts)
    return "\n".join(parts)


def _add(command: click.Command, name: str, parent: click.Context | None, parts: list[str]) -> None:
    context = click.Context(
        command,
        info_name=name.rsplit(" ", 1)[-1],
        parent=parent,
        terminal_width=100,
        help_option_names=["-h", "--help"],
    )
    parts.append(f"## {name}\n\n```text\n{command.get_help(context).strip()}\n```\n")
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            _add(command.commands[child], f"{name} {child}", context, parts)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
