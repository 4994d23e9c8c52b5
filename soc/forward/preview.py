"""An incident, a kind and a recipient in; the very bytes that would leave over his wire, or why none may, out.

It makes what ``soc.forward.sealing`` will make of the same content: an approval names the hash of these bytes.
"""

import hashlib
from collections.abc import Sequence

from soc.forward.payload import START, Preview, UnsendableError, content, omitted, sealed
from soc.forward.sealing import leak
from soc.forward.terms import Recipient, Terms, named, refusal, usual
from soc.forward.wire import rendered
from soc.model import Incident


def preview(
    incident: Incident,
    kind: str,
    name: str,
    *,
    organization: str,
    recipients: Sequence[Recipient],
    terms: Terms,
    audit: tuple[int, str] = START,
) -> Preview:
    """The next report of ``kind`` on ``incident`` to a recipient, exactly as it would leave.

    While a second person must still agree to the latest one, that one is shown, as long as the incident says the same.

    Args:
        incident: as it is now.
        kind: of report.
        name: of the receiver; "" is whom an approval means that names nobody.
        organization: who reports.
        recipients: whom it may go to, in the order of the settings.
        terms: by what reports are made.
        audit: where the forwarder's audit chain stood when its latest report was sealed, as far as is known here.

    Raises:
        UnsendableError: no automatic channel may carry it; the message says why and what to do.
    """
    name = name or usual(kind, recipients, terms)
    reason = refusal(incident, kind, name, recipients, terms)
    if reason:
        raise UnsendableError(reason)
    recipient = next(one for one in recipients if one.name == name)
    tree, withheld = content(incident, terms.inside())

    def made(sequence: int) -> bytes:
        own = sealed(
            tree, incident.id, kind, sequence, organization=organization, recipient=name,
            profile=recipient.profile, standing=terms.standing, audit=audit,
        )  # fmt: skip
        return rendered(recipient.wire, own)

    given = [one for one in incident.approvals if (one.report_kind, named(one, recipients, terms)) == (kind, name)]
    data = made(len(given) + 1)
    if given and kind in terms.second_person and not given[-1].second:
        waiting = made(len(given))
        if hashlib.sha256(waiting).hexdigest() == given[-1].payload_sha256:
            data = waiting
    reason = leak(data, recipient, terms)
    if reason:
        raise UnsendableError(reason)
    return Preview(data, hashlib.sha256(data).hexdigest(), (*withheld, *omitted(tree, kind, recipient.profile)))
