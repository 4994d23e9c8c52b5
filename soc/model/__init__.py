"""What passes between stages: frozen msgspec structs, MessagePack on the bus, JSON for people.

One module a shape: record → event → detection → episode → alert → incident → report, and action (what people do).
``encode`` and ``decode`` are the only way to and from a bus value.
"""

from soc.model.action import Action, ActionKind, Answer, Target
from soc.model.alert import Alert, AlertStatus, IndicatorHit, Verdict
from soc.model.codec import decode, encode
from soc.model.context import Context, ContextName
from soc.model.deadletter import DeadLetter, LetterState
from soc.model.detection import Detection, RulesChange, Watermark
from soc.model.episode import Episode, EpisodeState, Member
from soc.model.event import Event, LogSource, TimeFlag
from soc.model.incident import Approval, Evidence, Flag, Incident, IncidentStatus, Join, Link, Moment, Severity, Task
from soc.model.notice import Notice, NoticeState
from soc.model.record import RawRecord
from soc.model.report import Receipt, Report, ReportState, Settlement
from soc.model.rule import Bundle, RuleInfo, Unread
from soc.model.standing import Directive, Silence
from soc.model.system import SystemHit

__all__ = [
    "Action",
    "ActionKind",
    "Alert",
    "AlertStatus",
    "Answer",
    "Approval",
    "Bundle",
    "Context",
    "ContextName",
    "DeadLetter",
    "Detection",
    "Directive",
    "Episode",
    "EpisodeState",
    "Event",
    "Evidence",
    "Flag",
    "Incident",
    "IncidentStatus",
    "IndicatorHit",
    "Join",
    "LetterState",
    "Link",
    "LogSource",
    "Member",
    "Moment",
    "Notice",
    "NoticeState",
    "RawRecord",
    "Receipt",
    "Report",
    "ReportState",
    "RuleInfo",
    "RulesChange",
    "Settlement",
    "Severity",
    "Silence",
    "SystemHit",
    "Target",
    "Task",
    "TimeFlag",
    "Unread",
    "Verdict",
    "Watermark",
    "decode",
    "encode",
]
