"""The commands: each is documented, has help with an example, and the page about them is the truth."""

from collections.abc import Iterator

import click
import pytest
from generator_support import generator

from soc.cli import soc


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for child, child_command in command.commands.items():
            yield from commands(child_command, f"{name} {child}")


@pytest.mark.parametrize(("name", "command"), list(commands(soc, "soc")), ids=str)
def test_every_command_has_help(name: str, command: click.Command):
    assert command.help, name


def test_the_page_about_the_commands_is_generated_from_them():
    module = generator("generate_cli")
    assert module.TARGET.read_text(encoding="utf-8") == module.page(), "run: python docs/generate_cli.py"
