"""A matter, a step and a person in; the words of the message, in the person's language and no more than the channel may tell, out."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from soc.clock import Micros, to_datetime
from soc.notify.gsm import short
from soc.notify.routing import RANK, Matter

GRAVEST_TOLD = 3
"""So many are named in a digest; the rest are counted."""
_ONE_LINE = 200


class Words(NamedTuple):
    """A message as it leaves."""

    subject: str
    text: str


class Manner(NamedTuple):
    """How a message is worded.

    Attributes:
        language: ``vi`` or ``en``.
        zone: of its times.
        name: how it begins.
        link: the console's address, "" if none is set.
        tells: what it may tell beside level and number.
        short: one short message in the basic alphabet.
    """

    language: str
    zone: str
    name: str
    link: str
    tells: Collection[str]
    short: bool = False


def message(matter: Matter, manner: Manner, *, step: int = 0, steps: int = 1, since: Micros = 0) -> Words:
    """The message about one matter.

    Args:
        matter: what it is about.
        manner: how it is worded.
        step: how many steps of the escalation were taken before, over all rounds.
        steps: how many the escalation has.
        since: when the first of them was taken.
    """
    t = TEXTS[manner.language]
    level = t["level." + matter.level]
    title = _title(matter, manner) if "title" in manner.tells else ""
    what = " ".join(part for part in (matter.number, t["reason." + matter.reason]) if part)
    drill = t["drill"] + " " if matter.exercise else ""
    head = f"[{manner.name}] {drill}{level}: {what}"
    lines = [f"{t['label.level']}: {level}", f"{t['label.what']}: {what}"]
    if title:
        lines.append(f"{t['label.title']}: {title}")
    if "system" in manner.tells and matter.systems:
        lines.append(f"{t['label.system']}: {', '.join(name for _, name in matter.systems)}")
    if "entities" in manner.tells and matter.entities:
        lines.append(f"{t['label.entities']}: {', '.join(matter.entities)}")
    if "time" in manner.tells:
        lines.append(f"{t['label.time']}: {local(matter.at, manner)}")
    if drill:
        lines.append(t["drill_line"])
    lines += _walk(t, manner, step, steps, since)
    link = manner.link + matter.path if manner.link and "link" in manner.tells else ""
    if link:
        lines.append(f"{t['label.look']}: {link}")
    subject = _line(f"{head} – {title}" if title else head)
    if manner.short:
        round_ = f" ({t['round_short'].format(round=step // steps + 1)})" if step >= steps else ""
        system = matter.systems[0][1] if matter.systems and "system" in manner.tells else ""
        return Words(subject, short(f"{manner.name} {drill}{level} {what}{round_}", f"{title} {system}", link))
    return Words(subject, "\n".join(lines) + "\n")


def digest_message(matters: Sequence[Matter], manner: Manner, since: Micros) -> Words:
    """One message in the place of many: how many of which level, the gravest by name, and where to look.

    Args:
        matters: what it stands for.
        manner: how it is worded.
        since: when the first of them came up.
    """
    t = TEXTS[manner.language]
    counts = {level: sum(matter.level == level for matter in matters) for level in sorted(RANK, key=lambda x: -RANK[x])}
    told = ", ".join(f"{count} {t['level.' + level]}" for level, count in counts.items() if count)
    head = f"[{manner.name}] {t['digest'].format(count=len(matters))}: {told}"
    gravest = sorted(matters, key=lambda matter: (-RANK[matter.level], matter.size, matter.at, matter.key))[
        :GRAVEST_TOLD
    ]
    lines = [t["digest_line"].format(count=len(matters), since=local(since, manner)), told, t["digest_gravest"]]
    for matter in gravest:
        title = _title(matter, manner) if "title" in manner.tells else ""
        drill = t["drill"] + " " if matter.exercise else ""
        lines.append(f"- {drill}{t['level.' + matter.level]} {matter.number} {title}".rstrip())
    link = f"{manner.link}/incidents" if manner.link and "link" in manner.tells else ""
    lines += [f"{t['label.look']}: {link}"] if link else []
    if manner.short:
        numbers = " ".join(matter.number for matter in gravest if matter.number)
        return Words(
            _line(head), short(f"{manner.name} {t['digest'].format(count=len(matters))}: {told}", numbers, link)
        )
    return Words(_line(head), "\n".join(lines) + "\n")


def local(at: Micros, manner: Manner) -> str:
    """A time in the roster's zone, with its offset."""
    moment = to_datetime(at).astimezone(ZoneInfo(manner.zone))
    offset = moment.strftime("%z")
    return moment.strftime(TEXTS[manner.language]["time"]) + f" (UTC{offset[:3]}:{offset[3:]})"


def _walk(t: Mapping[str, str], manner: Manner, step: int, steps: int, since: Micros) -> list[str]:
    if not step:
        return []
    lines = [t["unanswered"].format(since=local(since, manner), step=step + 1)]
    if step >= steps:
        lines.append(t["again"].format(round=step // steps + 1))
    return lines


def _title(matter: Matter, manner: Manner) -> str:
    own = (matter.title_vi if manner.language == "vi" else "") or matter.title
    key = f"title.{matter.reason}"
    t = TEXTS[manner.language]
    if key not in t:
        return _line(own)
    values = {name: t.get(f"{name}.{value}", value) for name, value in matter.detail}
    ending = f"_{manner.language}"
    values |= {name.removesuffix(ending): value for name, value in matter.detail if name.endswith(ending)}
    values |= {name: local(int(value), manner) for name, value in matter.detail if name in {"due", "last", "at"}}
    return _line(t[key].format_map({**_UNSAID, **values, "title": own}))


def _line(text: str) -> str:
    """One printable line: what comes from titles must not become a header or a line of its own."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_ONE_LINE]


_UNSAID = dict.fromkeys(("kind", "recipient", "share", "due", "state", "unit", "who", "what", "last", "at"), "–")

TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "time": "%d/%m/%Y %H:%M:%S",
        "level.critical": "Nghiêm trọng",
        "level.high": "Cao",
        "level.medium": "Trung bình",
        "level.low": "Thấp",
        "level.informational": "Thông tin",
        "reason.incident": "sự cố",
        "reason.alert": "cảnh báo",
        "reason.deadline": "thời hạn báo cáo",
        "reason.report": "báo cáo chưa gửi được",
        "reason.task": "yêu cầu xử lý quá hạn",
        "reason.directive": "chỉ đạo quá hạn",
        "reason.break_glass": "đăng nhập khẩn cấp",
        "reason.audit_fault": "nhật ký kiểm toán sai lệch",
        "reason.approval": "phê duyệt chưa ký xác nhận",
        "reason.heartbeat": "hệ thống giám sát",
        "reason.heartbeat_back": "hệ thống giám sát",
        "reason.test": "tin nhắn thử",
        "title.deadline": "{kind} gửi {recipient}: {share}, hạn {due}",
        "title.approval": "Phê duyệt qua điện thoại của {who} ({kind}, {at}) chưa có người ký xác nhận",
        "title.heartbeat": "{what}",
        "title.heartbeat_back": "Hệ thống {who} đã hoạt động lại bình thường",
        "what.silent": "Không còn tín hiệu từ hệ thống giám sát; có thể không ai được báo",
        "what.queue": "Hệ thống giám sát không gửi được tin nhắn nào",
        "what.lag": "Hệ thống giám sát báo tin chậm: đang đứng hoặc tồn đọng",
        "what.nobody": "Hệ thống giám sát không có ai để báo",
        "title.report": "Báo cáo {kind} gửi {recipient}: {state}",
        "title.task": "{title} – giao {unit}, hạn {due}",
        "title.directive": "{title}, hạn {due}",
        "title.break_glass": "Tài khoản {who} đã đăng nhập khẩn cấp",
        "title.audit_fault": "Chuỗi nhật ký {what} không toàn vẹn",
        "title.test": "Tin nhắn thử do {who} yêu cầu; không cần làm gì",
        "share.50": "đã qua 50 % thời gian",
        "share.75": "đã qua 75 % thời gian",
        "share.90": "đã qua 90 % thời gian",
        "share.missed": "ĐÃ QUÁ HẠN",
        "state.rejected": "bị từ chối",
        "state.blocked_auth": "bên nhận không chấp nhận xác thực",
        "state.stale": "nội dung duyệt không còn khớp, cần duyệt lại",
        "state.held": "không rõ đã đến nơi, cần người quyết định",
        "state.uncertain": "chưa rõ đã đến nơi hay chưa",
        "state.processing": "bên nhận xử lý quá lâu",
        "label.level": "Mức độ",
        "label.what": "Đối tượng",
        "label.title": "Nội dung",
        "label.system": "Hệ thống",
        "label.entities": "Liên quan",
        "label.time": "Thời điểm",
        "label.look": "Xem và xác nhận",
        "drill": "DIỄN TẬP",
        "drill_line": "Đây là diễn tập, không phải sự cố thật.",
        "unanswered": "Chưa có ai xác nhận từ {since}; đây là lần gọi thứ {step}.",
        "again": "Đã gọi hết danh sách trực mà không ai xác nhận; bắt đầu lại từ đầu, vòng {round}.",
        "round_short": "vòng {round}",
        "digest": "{count} việc khác",
        "digest_line": "Từ {since} có thêm {count} việc cần xem; tin này thay cho từng tin riêng.",
        "digest_gravest": "Nghiêm trọng nhất:",
    },
    "en": {
        "time": "%Y-%m-%d %H:%M:%S",
        "level.critical": "Critical",
        "level.high": "High",
        "level.medium": "Medium",
        "level.low": "Low",
        "level.informational": "Info",
        "reason.incident": "incident",
        "reason.alert": "alert",
        "reason.deadline": "deadline of a report",
        "reason.report": "report not delivered",
        "reason.task": "task overdue",
        "reason.directive": "directive overdue",
        "reason.break_glass": "break-glass sign-in",
        "reason.audit_fault": "audit trail broken",
        "reason.approval": "approval not countersigned",
        "reason.heartbeat": "the monitoring system",
        "reason.heartbeat_back": "the monitoring system",
        "reason.test": "test message",
        "title.deadline": "{kind} to {recipient}: {share}, due {due}",
        "title.approval": "Nobody countersigned the approval by telephone of {who} ({kind}, {at})",
        "title.heartbeat": "{what}",
        "title.heartbeat_back": "{who} is back and well",
        "what.silent": "No sign of life from the monitoring system; it may be that nobody is told of anything",
        "what.queue": "The monitoring system cannot send its messages",
        "what.lag": "The monitoring system tells late: it stands still or is behind",
        "what.nobody": "The monitoring system has nobody to tell",
        "title.report": "Report {kind} to {recipient}: {state}",
        "title.task": "{title} – with {unit}, due {due}",
        "title.directive": "{title}, due {due}",
        "title.break_glass": "{who} signed in by the emergency account",
        "title.audit_fault": "The audit chain {what} is not whole",
        "title.test": "Test message asked for by {who}; nothing to do",
        "share.50": "50 % of the time is gone",
        "share.75": "75 % of the time is gone",
        "share.90": "90 % of the time is gone",
        "share.missed": "DEADLINE MISSED",
        "state.rejected": "refused",
        "state.blocked_auth": "the receiver does not accept who we are",
        "state.stale": "what was approved fits no version any more; approve again",
        "state.held": "it may have arrived; a person must decide",
        "state.uncertain": "not known whether it arrived",
        "state.processing": "the receiver takes too long",
        "label.level": "Level",
        "label.what": "About",
        "label.title": "What",
        "label.system": "System",
        "label.entities": "Concerns",
        "label.time": "Time",
        "label.look": "Look and acknowledge",
        "drill": "EXERCISE",
        "drill_line": "This is an exercise, nothing real.",
        "unanswered": "Nobody has acknowledged since {since}; this is call {step}.",
        "again": "The whole roster was called and nobody acknowledged; it starts again at the top, round {round}.",
        "round_short": "round {round}",
        "digest": "{count} more",
        "digest_line": "Since {since} {count} more came up; this stands for a message about each.",
        "digest_gravest": "The gravest:",
    },
}
