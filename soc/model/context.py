"""``soc.context``: what stages know beside their inputs, each kind published as a hashed whole."""

from typing import Literal

import msgspec

from soc.clock import Micros

ContextName = Literal[
    "register", "indicators", "directory", "geography", "roster", "policy", "feeds", "hunts", "sharing"
]
"""``register``: systems, organizations, networks (``soc.assets``). ``indicators``: threat intelligence (``soc.intel``).
``directory``: people of the organizations. ``geography``: networks to countries. ``roster``: who is on duty.
``policy``: duties to report (``soc.duties``). ``feeds``: when each feed of indicators was last asked, and what it answered.
``hunts``: which indicators were looked for in what came before them."""


class Context(msgspec.Struct, frozen=True):
    """One publication; the latest of a name is the one in force.

    Attributes:
        hash: SHA-256 of ``data``, in hexadecimal.
        data: as its owner encodes it, compressed or not.
        actor: who published it, when.
    """

    name: ContextName
    hash: str
    at: Micros
    actor: str
    data: bytes
