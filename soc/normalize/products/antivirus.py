"""Antivirus consoles in CEF and LEEF (Kaspersky Security Center, Trend Micro Apex Central and Deep Security) and Kaspersky's own syslog form.

What was found, in which file, on which machine, by whom, and what was done: Sigma's category ``antivirus`` asks for that.
"""

import re
from typing import Final
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import is_ip
from soc.normalize.addresses import number as whole
from soc.normalize.file_hash import put_hash
from soc.normalize.formats import syslog
from soc.normalize.products.product import Device, Fields, Product, Reading, refuse

_KASPERSKY = (LogSource("kaspersky", "antivirus", "securitycenter"),)
_KASPERSKY_OTHER = (LogSource("kaspersky", "application", "securitycenter"),)
_TREND = (LogSource("trendmicro", "antivirus", ""),)
_TREND_OTHER = (LogSource("trendmicro", "application", ""),)
_DENIED: Final = (
    "block",
    "quarantin",
    "clean",
    "delet",
    "denied",
    "disinfect",
    "terminat",
    "remov",
    "drop",
    "reset",
    "prevent",
)
_PASSED: Final = ("pass", "log", "detectonly", "detect only", "allow", "no action")


def path(fields: Fields, text: str) -> None:
    """``file.path`` and its last part."""
    if text:
        fields["file.path"] = text
        fields["file.name"] = text.rpartition("\\" if "\\" in text else "/")[2] or text


def digest(fields: Fields, text: str) -> None:
    """A hash, by its length; Kaspersky puts a semicolon before it."""
    put_hash(fields, text.strip("; "))


def account(fields: Fields, text: str) -> None:
    r"""``DOMAIN\name`` or a name; Kaspersky adds ``(Active user)``."""
    text = text.partition(" (")[0].strip()
    if text and text not in ("-", "N/A"):
        domain, _, name = text.rpartition("\\")
        fields["user.name"] = name
        if domain:
            fields["user.domain"] = domain


def finding(fields: Fields, *, name: str, action: str) -> None:
    """Malware was found; what was done about it decides the type."""
    fields["event.kind"], fields["event.category"] = "alert", ["malware"]
    said = action.lower()
    if any(word in said for word in _DENIED):
        fields["event.type"] = ["info", "denied"]
    else:
        fields["event.type"] = ["info", "allowed"] if said and any(word in said for word in _PASSED) else ["info"]
    if name:
        fields["threat.software.name"] = fields["rule.name"] = name
    if action:
        fields["event.action"] = action


def labelled(extension: dict[str, str]) -> dict[str, str]:
    """CEF's custom keys by their labels: ``cs1=x cs1Label=VirusName`` → VirusName: x."""
    return {
        label: extension[key[:-5]]
        for key, label in extension.items()
        if key.endswith("Label") and key[:-5] in extension and label
    }


_DETAIL: Final = re.compile(r"(UserName|IP address): ?([^,\s]{1,255})", re.ASCII)
_VIRUS: Final = (
    "VIRUS",
    "MALWARE",
    "PHISHING",
    "SUSPICIOUS_OBJECT",
    "THREAT",
    "_ATTACK_DETECTED",
    "EXPLOIT",
    "ROOTKIT",
)
_DONE: Final = {
    "BLOCKED": "blocked",
    "DELETED": "deleted",
    "CURED": "disinfected",
    "QUARANTINE": "quarantined",
    "SKIPPED": "skipped",
    "DISINFECTED": "disinfected",
}


def _kaspersky(code: str, said: dict[str, str], fields: Fields) -> tuple[LogSource, ...]:
    """What Security Center tells, under the names of any of its forms."""
    fields["event.module"], fields["event.dataset"] = "kaspersky", "kaspersky.securitycenter"
    fields["observer.vendor"], fields["observer.product"] = "Kaspersky", "Security Center"
    fields["event.code"] = code
    get = said.get
    where = get("Object path", "") or get("ObjectPath", "") or get("Path to object", "") or get("Object", "")
    name = get("Object name", "") or get("ObjectName", "")
    if where.endswith(("\\", "/")):
        where += name
    elif where and name and not where.endswith(name):
        where = f"{where}\\{name}"
    path(fields, where or name or get("p2", "") if "file.path" not in fields or where else "")
    for hashed in ("SHA256", "MD5", "sha256", "md5", "SHA256 hash", "MD5 hash", "Object hash"):
        digest(fields, get(hashed, ""))
    account(fields, get("User", "") or get("UserName", "") or get("p7", "") or get("duser", ""))
    if program := get("Application path", ""):
        name = get("Name", "")
        joined = name and not program.endswith(name)
        fields["process.executable"] = program.rstrip("\\") + "\\" + name if joined else program
        fields["process.name"] = name or program.rpartition("\\")[2]
    if (number := whole(get("Process ID"))) is not None:
        fields["process.pid"] = number
    if host := get("hdn", "") or get("dhost", ""):
        fields["host.name"] = host
    if is_ip(address := get("hip", "") or get("dst", "")):
        fields["host.ip"] = address
    if component := get("tdn", "") or get("Component", "") or get("TaskName", ""):
        fields["rule.category"] = component
    if reason := get("Reason", ""):
        fields["event.reason"] = reason
    upper = code.upper()
    if any(word in upper for word in _VIRUS):
        done = next((text for word, text in _DONE.items() if word in upper), "")
        result = get("Result description", "") or get("Result", "") or get("Action", "") or done
        virus = (
            get("VirusName", "") or get("Name", "") or get("ThreatName", "") or get("p5", "") or get("Threat name", "")
        )
        finding(fields, name=virus, action=result)
        return _KASPERSKY
    fields.setdefault("event.kind", "event")
    fields["event.category"], fields["event.type"] = ["process"], ["info"]
    if result := get("Result description", ""):
        fields["event.action"] = result
    if "APPLICATION_LAUNCH_DENIE" in upper:
        fields["event.type"], fields["event.action"] = ["start", "denied"], "application-denied"
    return _KASPERSKY_OTHER


def kaspersky(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001
    """Security Center's CEF and LEEF."""
    said = {**extension, **labelled(extension)}
    if "et" in extension:  # LEEF has the names of the syslog form
        said["hdn"] = extension.get("hdn", "")
    fields["message"] = extension.get("msg") or extension.get("etdn") or device.name or device.code
    return _kaspersky(device.code, said, fields), None


MARK: Final = "[event@23668 "
_DATA: Final = "log.syslog.structured_data.event@23668."


def _lines(message: str) -> dict[str, str]:
    r"""``Name: value`` lines; some relays write the line ends as the four characters ``\r\n``."""
    found: dict[str, str] = {}
    for item in message[:32768].replace("\\r\\n", "\n").splitlines()[:128]:
        name, colon, value = item.partition(": ")
        if colon and len(name) <= 64:
            found[name.strip()] = value.strip()
    return found


def line(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """Security Center's own syslog form (RFC 5424); None if the header has not its element."""
    found = syslog.read(text, fields, zone, day)
    if found is None or _DATA + "et" not in fields:
        return None
    said = {
        name.removeprefix(_DATA): value
        for name, value in fields.items()
        if name.startswith(_DATA) and isinstance(value, str)
    }
    native = dict(said)
    said.update(_lines(found[0]))
    fields.update(native)
    fields["message"] = native.get("etdn") or found[0]
    return _kaspersky(native["et"], said, fields), found[2]


def parse_kaspersky(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    """One line of the syslog form; CEF and LEEF are added by the registry."""
    reading = line(text, fields, zone, day)
    if reading is None:
        raise refuse("kaspersky: neither CEF, LEEF nor structured data of Security Center")
    return reading


def trendmicro(device: Device, extension: dict[str, str], fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:  # noqa: ARG001
    """Apex Central (Control Manager), Apex One and Deep Security."""
    said = {**extension, **labelled(extension)}
    get = said.get
    fields["event.module"], fields["event.dataset"] = (
        "trendmicro",
        "trendmicro." + device.product.lower().replace(" ", "")[:48],
    )
    fields["event.code"] = device.code
    if extension.get("filePath"):
        path(fields, extension["filePath"])
        name = extension.get("fname", "")
        if name and extension["filePath"].endswith(("\\", "/")):
            path(fields, extension["filePath"] + name)
    for key in (
        "fileHash",
        "TrendMicroDsFileSHA256",
        "TrendMicroDsFileSHA1",
        "TrendMicroDsFileMD5",
        "sha1",
        "md5",
        "SHA1",
        "FileHash",
    ):
        digest(fields, get(key, ""))
    account(fields, get("suser", "") or get("duser", ""))
    if process := get("sproc", ""):
        fields["process.executable"] = process
        fields["process.name"] = process.rpartition("\\" if "\\" in process else "/")[2] or process
    if "deep security" in device.product.lower():
        if "agent" in device.product.lower() and (host := get("dvchost", "")):  # the agent tells of its own machine
            fields["host.name"] = host
        return _deep_security(device, get("act", ""), fields), None
    if host := get("dhost", "") or get("shost", ""):
        fields["host.name"] = host
    if "logon" in device.name.lower():
        _managed_logon(get("msg", ""), fields)
        fields["rule.name"] = device.name
        return _TREND_OTHER, None
    kind = device.code.partition(":")[0].upper()
    action = get("act", "") or device.code.partition(":")[2]
    if kind in ("AV", "SPYWARE", "PML", "VM", "SO"):
        finding(fields, name=get("VirusName", "") or get("Malware", "") or device.name, action=action)
        return _TREND, None
    categories, types = {
        "WB": ("network web intrusion_detection", "denied"),
        "CNC": ("network intrusion_detection", "info"),
        "NCIE": ("network intrusion_detection", "info"),
        "BM": ("intrusion_detection process", "info"),
        "ATTACK DISCOVERY": ("intrusion_detection process", "info"),
        "DLP": ("file", "denied"),
    }.get(kind, ("process", "info"))
    fields["event.category"], fields["event.type"] = categories.split(), types.split()
    fields["event.kind"] = "event" if categories == "process" else "alert"
    fields["rule.name"] = device.name
    if action:
        fields["event.action"] = action
    return _TREND_OTHER, None


def _managed_logon(message: str, fields: Fields) -> None:
    r"""``... has logged on. Detail Information :UserName:EXAMPLE\lan,IP address:192.0.2.7,...`` of a product under Apex Central."""
    said = message.lower()
    fields["event.kind"] = "event"
    if "logged off" in said or "logged out" in said:
        fields["event.category"], fields["event.type"] = ["session"], ["end"]
    else:
        fields["event.category"], fields["event.type"] = ["authentication"], ["start"]
        if "fail" in said or "unsuccessful" in said:
            fields["event.outcome"] = "failure"
        elif "logged on" in said:
            fields["event.outcome"] = "success"
    found = dict(_DETAIL.findall(message[:4096]))
    account(fields, found.get("UserName", "").replace("\\\\", "\\"))
    if is_ip(address := found.get("IP address", "")):
        fields["source.ip"] = address


def _deep_security(device: Device, action: str, fields: Fields) -> tuple[LogSource, ...]:
    """Trend Micro, "Syslog message formats": the module follows from the number."""
    number = int(device.code) if device.code.isascii() and device.code.isdecimal() and len(device.code) < 12 else -1
    fields["rule.id"], fields["rule.name"] = device.code, device.name
    if "manager" in device.product.lower():
        fields["event.kind"] = "event"
        logon = device.name.lower().startswith(("user signed", "user session", "failed sign"))
        fields["event.category"], fields["event.type"] = (
            (["authentication"], ["start"]) if logon else (["configuration"], ["info"])
        )
        if logon:
            fields["event.outcome"] = "failure" if "fail" in device.name.lower() else "success"
            if device.name.lower() == "user signed out":
                fields["event.category"], fields["event.type"] = ["session"], ["end"]
        fields["event.action"] = device.name
        return _TREND_OTHER
    if 4_000_000 <= number < 5_000_000:
        finding(fields, name=device.name, action=action)
        return _TREND
    denied = any(word in action.lower() for word in _DENIED) and not action.lower().startswith("ids:")
    fields["event.kind"] = "alert"
    if number >= 6_000_000:
        fields["event.category"] = ["process"]
    elif number >= 5_000_000:
        fields["event.category"] = ["network", "web"]
        denied = True
    elif 3_000_000 <= number < 4_000_000:
        fields["event.category"] = ["intrusion_detection", "host"]
    elif 1_000_000 <= number < 2_000_000:
        fields["event.category"] = ["intrusion_detection", "network"]
    elif number in (30, 31) or 2_000_000 <= number < 3_000_000:
        fields["event.category"] = ["file"]
        fields["event.type"] = ["change"]
        fields["event.kind"] = "event"
        fields["event.action"] = action or device.name
        return _TREND_OTHER
    else:
        fields["event.category"], fields["event.kind"] = ["network"], "event"
        denied = denied or action.lower() == "deny"
    fields["event.type"] = ["denied"] if denied else ["info"]
    if denied:
        fields["event.outcome"] = "failure"
    if action:
        fields["event.action"] = action
    return _TREND_OTHER


_P: Final = dict.fromkeys((f"p{number}" for number in range(1, 10)), "")
KASPERSKY = Product(
    "kaspersky",
    "Kaspersky Security Center: CEF, LEEF and its own syslog form",
    parse_kaspersky,
    fields={
        **_P,
        "p2": "file.path",
        "p5": "threat.software.name",
        "p7": "user.name, user.domain",
        "et": "event.code",
        "tdn": "rule.category",
        "etdn": "message",
        "hdn": "host.name",
        "hip": "host.ip",
        "gn": "",
        **dict.fromkeys(("VirusName", "Name"), "threat.software.name, rule.name"),
        "Object path": "file.path",
        **dict.fromkeys(("Object", "Path to object"), "file.path"),
        "Object name": "file.name",
        "Application path": "process.executable, process.name",
        "Process ID": "process.pid",
        "User": "user.name, user.domain",
        "Result description": "event.action",
        **dict.fromkeys(("ProductName", "ProductVersion", "GroupName", "TaskId", "TaskNewState", "TaskOldState"), ""),
    },
)


def _cef_only(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:  # noqa: ARG001 - one signature for all
    raise refuse("trendmicro: no CEF header where the message begins")


TRENDMICRO = Product(
    "trendmicro",
    "Trend Micro Apex Central, Apex One and Deep Security (CEF)",
    _cef_only,
    fields={
        "filePath": "file.path, file.name",
        "fname": "file.name",
        "fileHash": "file.hash.*",
        "act": "event.action, event.type",
        "suser": "user.name, user.domain",
        "sproc": "process.executable, process.name",
        "dvchost": "host.name",
        "duser": "user.name, user.domain",
        "TrendMicroDsFileSHA256": "file.hash.sha256",
        "TrendMicroDsFileSHA1": "file.hash.sha1",
        "TrendMicroDsFileMD5": "file.hash.md5",
        **dict.fromkeys(
            (
                "TrendMicroDsMalwareTarget",
                "TrendMicroDsMalwareTargetType",
                "TrendMicroDsTenant",
                "TrendMicroDsTenantId",
            ),
            "",
        ),
        **dict.fromkeys(
            ("TrendMicroDsFrameType", "TrendMicroDsDetectionConfidence", "TrendMicroDsRelevantDetectionNames"), ""
        ),
    },
)
