r"""Snare's tab-separated Windows events (``MSWinEventLog``), as NXLog and Snare agents send them by syslog → as ``windows_json``.

Such a line carries the event's rendered text only: the English labels of Security events ("Account Name:" below "New Logon:")
are turned back into the native names (TargetUserName), so that rules find them.
"""

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

from soc.normalize.formats import syslog
from soc.normalize.products import windows_json
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.products.windows_fields import FIELDS
from soc.normalize.time import Stamp, bsd

MARK: Final = "MSWinEventLog"
_MESSAGE = re.compile(r"(?:[\w.-]{1,255}\t)?MSWinEventLog\t", re.ASCII)
_VALUE_ENDS = re.compile(r"\s{2,64}|\t| (?=[A-Z][A-Za-z ()]{2,40}:(?: |$))", re.ASCII)
"""Blanks, or a label that is not asked for."""

_COLUMNS: Final = (
    *("Criticality", "Channel", "SnareCounter", "SubmitTime", "EventID", "SourceName", "UserName", "SIDType"),
    *("EventLogType", "Computer", "CategoryString", "DataString", "ExpandedString"),
)
"""Snare, "Guide to Snare for Windows": the order of the fields behind the mark."""
_AUDITS: Final = {
    "Success Audit": "AUDIT_SUCCESS",
    "Failure Audit": "AUDIT_FAILURE",
    "Audit Success": "AUDIT_SUCCESS",
    "Audit Failure": "AUDIT_FAILURE",
}
_WHO: Final = {
    "Account Name": "UserName",
    "Account Domain": "DomainName",
    "Logon ID": "LogonId",
    "Security ID": "UserSid",
}
_TARGETS: Final = (
    *("New Logon", "Account For Which Logon Failed", "Account Whose Credentials Were Used", "Target Account"),
    *("New Account", "Account That Was Locked Out", "Account Information", "Target Subject", "Group"),
)
_LABELS: Final[dict[tuple[str, str], str]] = {
    **{("Subject", label): "Subject" + name for label, name in _WHO.items()},
    **{("Creator Subject", label): "Subject" + name for label, name in _WHO.items()},
    **{(section, label): "Target" + name for section in _TARGETS for label, name in _WHO.items()},
    ("Group", "Group Name"): "TargetUserName",
    ("Group", "Group Domain"): "TargetDomainName",
    ("Group", "Security ID"): "TargetSid",
    ("Target Account", "Security ID"): "TargetSid",
    ("New Account", "Security ID"): "TargetSid",
    ("Member", "Security ID"): "MemberSid",
    ("Member", "Account Name"): "MemberName",
}
_ANYWHERE: Final = {
    "Logon Type": "LogonType",
    "Source Network Address": "IpAddress",
    "Client Address": "IpAddress",
    "Network Address": "IpAddress",
    "Source Port": "IpPort",
    "Client Port": "IpPort",
    "Workstation Name": "WorkstationName",
    "Source Workstation": "Workstation",
    "Caller Computer Name": "TargetDomainName",
    "Logon Account": "TargetUserName",
    "Failure Reason": "FailureReason",
    "Sub Status": "SubStatus",
    "Status": "Status",
    "Failure Code": "Status",
    "Result Code": "Status",
    "Error Code": "Status",
    "Logon Process": "LogonProcessName",
    "Authentication Package": "AuthenticationPackageName",
    "New Process ID": "NewProcessId",
    "New Process Name": "NewProcessName",
    "Creator Process ID": "ProcessId",
    "Creator Process Name": "ParentProcessName",
    "Process Command Line": "CommandLine",
    "Mandatory Label": "MandatoryLabel",
    "Process ID": "ProcessId",
    "Process Name": "ProcessName",
    "Caller Process Name": "ProcessName",
    "Caller Process ID": "ProcessId",
    "Application Name": "Application",
    "Direction": "Direction",
    "Source Address": "SourceAddress",
    "Destination Address": "DestAddress",
    "Destination Port": "DestPort",
    "Protocol": "Protocol",
    "Service Name": "ServiceName",
    "Service File Name": "ServiceFileName",
    "Share Name": "ShareName",
    "Share Path": "ShareLocalPath",
    "Relative Target Name": "RelativeTargetName",
    "Task Name": "TaskName",
    "Ticket Options": "TicketOptions",
    "Ticket Encryption Type": "TicketEncryptionType",
    "Privileges": "PrivilegeList",
    "Supplied Realm Name": "TargetDomainName",
}
_SECTIONS: Final = frozenset(section for section, _ in _LABELS) | {
    *("Logon Information", "Process Information", "Network Information", "Failure Information", "Service Information"),
    *("Additional Information", "Detailed Authentication Information", "Application Information", "Filter Information"),
    *(
        "Share Information",
        "Access Request Information",
        "Attributes",
        "Changed Attributes",
        "Task Information",
        "Object",
    ),
    *("Source Information", "Account Information"),
}
_WORDS = sorted({label for _, label in _LABELS} | _ANYWHERE.keys() | _SECTIONS, key=len, reverse=True)
_LABEL = re.compile(r"(?:^|[\s.])(" + "|".join(re.escape(word) for word in _WORDS) + r"):(?=\s|$)")
_LONGEST_TEXT = 32768
_LABELED = 200
"""Labels read of one text."""


def rendered(text: str) -> dict[str, str]:
    """The native names of what an event's English text says."""
    found: dict[str, str] = {}
    section = ""
    marks: list[re.Match[str]] = []
    for match in _LABEL.finditer(text[:_LONGEST_TEXT]):
        marks.append(match)
        if len(marks) >= _LABELED:
            break
    for at, match in enumerate(marks):
        label = match[1]
        end = marks[at + 1].start() if at + 1 < len(marks) else match.end() + 1024
        value = text[match.end() : min(end, match.end() + 8192)].strip()
        if not value:
            section = label if label in _SECTIONS else section
            continue
        native = _LABELS.get((section, label)) or _ANYWHERE.get(label)
        if native is not None:
            found.setdefault(native, _VALUE_ENDS.split(value, maxsplit=1)[0])
    return found


def decode(message: str, zone: ZoneInfo, day: int) -> tuple[dict[str, Any], Stamp | None] | None:
    """Native names of the message, and its stamp; None if it is not Snare's."""
    if "#011" in message and "\t" not in message:  # rsyslog writes a tab so
        message = message.replace("#011", "\t")
    mark = _MESSAGE.match(message)
    if mark is None:
        return None
    parts = message[mark.end() :].split("\t")
    if len(parts) < 10 or not parts[4].strip().isdecimal() or len(parts[4]) > 9:
        return None
    event: dict[str, Any] = {name: part.strip() for name, part in zip(_COLUMNS, parts, strict=False) if part.strip()}
    event["EventID"] = int(parts[4])
    stamp = bsd(event["SubmitTime"], zone, day) if "SubmitTime" in event else None
    audit = _AUDITS.get(event.get("EventLogType", ""))
    if audit is not None:
        event["EventType"] = audit
    user = event.pop("UserName", "")
    event["AccountName"] = user.rpartition("\\")[2]
    if "\\" in user:
        event["Domain"] = user.rpartition("\\")[0]
    text = event.get("ExpandedString", "")
    if text:
        event["Message"] = text
        for name, value in rendered(text).items():
            event.setdefault(name, value)
    return event, stamp


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line, with or without a syslog header; None if its message is not Snare's."""
    found = decode(text, zone, day)
    header: Stamp | None = None
    if found is None:
        head = syslog.read(text, fields, zone, day)
        if head is None:
            return None
        header = head[2]
        found = decode(head[0], zone, day)
        if found is None:
            return None
    event, stamp = found
    fields.pop("process.name", None)
    sources, _ = windows_json.read(event, fields, zone, flat=True)
    return sources, stamp or header


def parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of a profile of this product."""
    reading = line(text, fields, zone, day)
    if reading is None:
        raise refuse("windows-snare: no MSWinEventLog fields")
    return reading


PRODUCT = Product(
    "windows-snare",
    "Windows events in Snare's tab-separated form (Snare agents, NXLog)",
    parse,
    fields={
        **dict.fromkeys(_COLUMNS, ""),
        **{
            name: FIELDS.get(name, "")
            for name in sorted({*_LABELS.values(), *_ANYWHERE.values(), "Channel", "EventID"})
        },
    },
)
