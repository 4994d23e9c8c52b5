"""The register in force in, what of it must not leave out: made anew only when another register is published."""

from collections.abc import Callable

from soc.assets.register import Register
from soc.forward.inside import inside_of
from soc.privacy.inside import Inside


class Ours:
    """What is ours, now.

    Args:
        register: the one in force.
    """

    def __init__(self, register: Callable[[], Register]) -> None:
        self._register = register
        self._made: tuple[Register, Inside] | None = None

    def __call__(self) -> Inside:
        """What must not leave."""
        register = self._register()
        if self._made is None or self._made[0] is not register:
            self._made = register, inside_of(register)
        return self._made[1]
