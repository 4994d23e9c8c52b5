"""What passes between stages: frozen msgspec structs, MessagePack on the bus, JSON for people.

One module a shape: record → event → detection → episode → alert → incident → report, and action (what people do).
``encode`` and ``decode`` are the only way to and from a bus value.
"""

from soc.model.action import Action, ActionKind, Answer
from soc.model.alert import Alert, AlertStatus, Verdict
from soc.model.codec import decode, encode
from soc.model.deadletter import DeadLetter, LetterState
from soc.model.detection import Detection, RulesChange, Watermark
from soc.model.episode import Episode, EpisodeState, Member
from soc.model.event import Event, LogSource, TimeFlag
from soc.model.incident import Approval, Incident, IncidentStatus, Join
from soc.model.record import RawRecord
from soc.model.report import Receipt, Report, ReportState
from soc.model.rule import Bundle, RuleInfo, Unread

__all__ = [
    "Action",
    "ActionKind",
    "Alert",
    "AlertStatus",
    "Answer",
    "Approval",
    "Bundle",
    "DeadLetter",
    "Detection",
    "Episode",
    "EpisodeState",
    "Event",
    "Incident",
    "IncidentStatus",
    "Join",
    "LetterState",
    "LogSource",
    "Member",
    "RawRecord",
    "Receipt",
    "Report",
    "ReportState",
    "RuleInfo",
    "RulesChange",
    "TimeFlag",
    "Unread",
    "Verdict",
    "Watermark",
    "decode",
    "encode",
]
