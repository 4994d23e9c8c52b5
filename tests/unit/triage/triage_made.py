"""Episodes, actions and folds for the tests of triage."""

from datetime import UTC, datetime

from soc.clock import HOUR, MINUTE, SECOND, to_micros
from soc.model import Action, Episode, Member, RuleInfo
from soc.triage.fold import Triage

T0 = to_micros(datetime(2026, 11, 22, 8, 0, tzinfo=UTC))
ATTACKER = "203.0.113.77"

RULES = {
    "scan": RuleInfo("scan", "Port scan", "medium", "Dò quét cổng", type="value_count", tags=("attack.t1046",)),
    "guess": RuleInfo("guess", "Password guessing", "high", type="event_count", tags=("attack.t1110",)),
    "success": RuleInfo("success", "Log-on after guessing", "critical", type="temporal_ordered"),
    "sudo": RuleInfo("sudo", "Sudo to root", "medium"),
    "transfer": RuleInfo("transfer", "Large outbound transfer", "high"),
    "low": RuleInfo("low", "Odd request", "low"),
}


NO_REPEATS = -(10**16)
"""A window in which nothing repeats anything: for tests of what becomes of each single alert."""


def fold(*, max_degree=25, shared=(), window=HOUR, state=None, repeat_window=NO_REPEATS, **options) -> Triage:
    triage = Triage(
        lambda _, rule: RULES.get(rule), window=window, shared_entities=shared, max_degree=max_degree,
        repeat_window=repeat_window, **options,
    )  # fmt: skip
    if state is not None:
        triage.restore({name: value for name, value in state.items() if value is not None})
    return triage


def episode(name, rule="sudo", at=0, fields=None, *, revision=1, group=(), until=None, state="live", into="", more=()):
    """An episode ``at`` minutes after T0 whose members carry ``fields`` and each of ``more``."""
    start = T0 + int(at * MINUTE)
    end = start + 30 * SECOND if until is None else T0 + int(until * MINUTE)
    bodies = [fields or {}, *more]
    sample = tuple(Member(f"{name}-{n}", rule, "fw", start + n, start + n, body, ()) for n, body in enumerate(bodies))
    kind = RULES[rule].type if rule in RULES else "event"
    ids = tuple(member.event_id for member in sample)
    return Episode(
        f"202611-{name}", f"{name}.{revision}", revision, rule, "set", kind, tuple(group), start, end,
        len(ids), ids, sample, 0, state, f"202611-{into}" if into else "",
    )  # fmt: skip


def story():
    """The demo story: scan, guessing, success, sudo, transfer. The server is 10.20.0.15 to the firewall, mc-web-01 to itself."""
    outside = {"source.ip": ATTACKER}
    ssh = {**outside, "host.name": "mc-web-01"}
    return [
        episode("scan", "scan", 0, {**outside, "destination.ip": "198.51.100.1"}, group=[("source.ip", ATTACKER)],
                more=[{**outside, "destination.ip": f"198.51.100.{n}"} for n in range(2, 40)]),
        episode("guess", "guess", 5, {**ssh, "user.name": "root"}, group=[("source.ip", ATTACKER)],
                more=[{**ssh, "user.name": name} for name in ("admin", "test", "deploy", "lan.nt")]),
        episode("success", "success", 9, {**ssh, "user.name": "deploy"}, group=[("source.ip", ATTACKER)]),
        episode("sudo", "sudo", 11, {"host.name": "mc-web-01", "user.name": "deploy"}),
        episode("transfer", "transfer", 20, {"source.ip": "10.20.0.15", "destination.ip": ATTACKER}),
    ]  # fmt: skip


_count = iter(range(10**9))


def act(kind, target, doc, *, role="analyst", actor="lan", revision=None, at=0, id_=None, **changes):
    return Action(
        id_ or f"act-{next(_count)}", T0 + HOUR + at, actor, role, kind, target, doc.id,
        doc.revision if revision is None else revision, changes,
    )  # fmt: skip


class Desk:
    """A fold and everything it ever wrote: the view a console would have."""

    def __init__(self, triage=None, **options):
        self.triage = triage or fold(**options)
        self.state, self.alerts, self.incidents, self.audit = {}, {}, {}, []

    def apply(self, *items, now=T0 + HOUR):
        out = self.triage.apply(items, now)
        for key, value in out.state.items():
            self.state[key] = value
        self.alerts |= {alert.id: alert for alert in out.alerts}
        self.incidents |= {incident.id: incident for incident in out.incidents}
        self.audit += out.audit
        return out

    def alert(self, name):
        return self.alerts[f"202611-{name}"]

    def incident(self, name):
        return self.incidents[self.alert(name).incident_id]

    def live(self):
        """The incidents that are not merged, as sets of alert names."""
        return {
            frozenset(id_.removeprefix("202611-") for id_ in incident.alerts)
            for incident in self.incidents.values()
            if incident.status != "merged"
        }
