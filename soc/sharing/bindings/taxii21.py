"""Records as STIX objects in, TAXII 2.1 envelopes out, and what the server made of them: the exchange of reports, with other objects.

An object is known by its id and version, so a repeat changes nothing. A sending counts as acknowledged when the server has every object.
"""

from collections.abc import Callable

from soc.forward.bindings.taxii21 import Taxii21
from soc.model import Report
from soc.sharing.bindings.https_json import exchange, outcome_of
from soc.sharing.delivery import Sending
from soc.sharing.outbox import Outcome
from soc.sharing_receiver import SharingReceiver


class Taxii:
    """One collection of a TAXII 2.1 server."""

    def __init__(self, receiver: SharingReceiver) -> None:
        self._wire = Taxii21(exchange(receiver))
        self._name = receiver.name

    async def send(self, sending: Sending, may_leave: Callable[[], bool]) -> Outcome:
        """POST the objects, and wait a while for what the server makes of them."""
        return outcome_of(await self._wire.send(self._report(sending), may_leave))

    def _report(self, sending: Sending) -> Report:
        """The sending as the exchange knows one: it looks at the bytes and at how many attempts there were."""
        return Report(
            sending.key, 1, "", "sharing", self._name, "sending", sending.data, "", 0, "", attempts=sending.attempts + 1
        )
