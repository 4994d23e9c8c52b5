"""Messages of a Linux host's own programs (cron, logind, shadow's tools, login, vsftpd, the kernel ...) → who did what to whom."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from soc.model.event import LogSource
from soc.normalize.addresses import mac, number, put
from soc.normalize.products.product import Fields, Product, Reading, refuse
from soc.normalize.time import bsd

Row = tuple[re.Pattern[str], dict[str, Any], tuple[str, ...]]


def _said(categories: str, types: str, action: str, outcome: str = "") -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event.category": categories.split(),
        "event.type": types.split(),
        "event.action": action,
    }
    return {**fields, "event.outcome": outcome} if outcome else fields


_NEW_USER = (
    r"new user: name=([^,\s]{1,256}), UID=(\d{1,10}), GID=(\d{1,10}), home=([^,]{0,1024}), shell=([^,\s]{0,1024})"
)
_NAME = r"'?([^'\s]{1,256}?)'?"

# Message forms: shadow (useradd.c, usermod.c, userdel.c, groupadd.c, gpasswd.c), cronie and vixie-cron (do_command.c,
# crontab.c), systemd (logind-session.c, job.c), util-linux (login.c), vsftpd (logging.c), Linux (oom_kill.c, dev.c, usb/hub.c)
_FORMS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("useradd", _NEW_USER, _said("iam", "user creation", "added-user-account", "success"), "user.target.name user.target.id user.target.group.id home shell"),
    ("useradd groupadd", r"new group: name=([^,\s]{1,256}), GID=(\d{1,10})", _said("iam", "group creation", "added-group-account", "success"), "group.name group.id"),
    ("groupadd", r"group added to /\S{1,64}: name=([^,\s]{1,256})(?:, GID=(\d{1,10}))?", _said("iam", "group creation", "added-group-account", "success"), "group.name group.id"),
    ("useradd usermod groupmems", rf"add {_NAME} to (?:shadow )?group {_NAME}$", _said("iam", "group change", "added-user-to-group", "success"), "user.target.name group.name"),
    ("useradd", rf"failed adding user {_NAME}[,\s]", _said("iam", "user creation", "added-user-account", "failure"), "user.target.name"),
    ("usermod", rf"change user {_NAME} (\S{{1,32}}) from {_NAME} to {_NAME}$", _said("iam", "user change", "modified-user-account", "success"), "user.target.name attribute old new"),
    ("usermod", rf"change user {_NAME} password", _said("iam", "user change", "changed-password", "success"), "user.target.name"),
    ("usermod passwd", rf"(?:lock|unlock) user {_NAME} password", _said("iam", "user change", "modified-user-account", "success"), "user.target.name"),
    ("usermod userdel", rf"delete {_NAME} from (?:shadow )?group {_NAME}$", _said("iam", "group change", "removed-user-from-group", "success"), "user.target.name group.name"),
    ("userdel", rf"delete user {_NAME}$", _said("iam", "user deletion", "deleted-user-account", "success"), "user.target.name"),
    ("userdel groupdel", rf"removed (?:shadow )?group {_NAME}(?: owned by {_NAME})?$", _said("iam", "group deletion", "deleted-group-account", "success"), "group.name user.target.name"),
    ("groupdel", rf"group {_NAME} removed", _said("iam", "group deletion", "deleted-group-account", "success"), "group.name"),
    ("gpasswd", rf"user {_NAME} added by {_NAME} to group {_NAME}$", _said("iam", "group change", "added-user-to-group", "success"), "user.target.name user.name group.name"),
    ("gpasswd", rf"user {_NAME} removed by {_NAME} from group {_NAME}$", _said("iam", "group change", "removed-user-from-group", "success"), "user.target.name user.name group.name"),
    ("gpasswd", rf"(?:members|administrators) of group {_NAME} set by {_NAME} to (.{{0,1024}})$", _said("iam", "group change", "changed-group-members", "success"), "group.name user.name members"),
    ("chage", rf"changed password expiry for {_NAME}$", _said("iam", "user change", "modified-user-account", "success"), "user.target.name"),
    ("passwd", rf"password for {_NAME} changed by {_NAME}$", _said("iam", "user change", "changed-password", "success"), "user.target.name user.name"),
    ("chsh chfn", rf"changed user {_NAME} ", _said("iam", "user change", "modified-user-account", "success"), "user.target.name"),
    ("groupmod", r"group changed in \S{1,64} \(group ([^/,\s]{1,256})/(\d{1,10})", _said("iam", "group change", "modified-group-account", "success"), "group.name group.id"),
    ("unix_chkpwd", r"password check failed for user \(([^)]{1,256})\)", _said("authentication", "start", "authentication-failure", "failure"), "user.name"),
    ("saslauthd", r"do_auth {1,16}: auth failure: \[user=([^\]]{0,256})\] .{0,512}\[reason=([^\]]{0,255})\]", _said("authentication", "start", "authentication-failure", "failure"), "user.name event.reason"),
    ("saslauthd", r"auth_zimbra: ([^\s]{1,256}) auth failed: (.{0,512})", _said("authentication", "start", "authentication-failure", "failure"), "user.name event.reason"),
    ("saslauthd", r"auth_zimbra: ([^\s]{1,256}) auth OK", _said("authentication", "start", "authentication-success", "success"), "user.name"),
    ("pkexec", r"([^:\s]{1,256}): Executing command \[USER=([^\]]{1,256})\] \[TTY=([^\]]{0,64})\] \[CWD=([^\]]{0,1024})\] \[COMMAND=(.{0,4096})\]$", _said("process", "start", "pkexec", "success"), "user.name user.effective.name process.tty.name process.working_directory process.command_line"),
    ("pkexec", r"([^:\s]{1,256}): (The value .{0,255}|Error executing command .{0,255}|Not authorized.{0,255}) \[USER=([^\]]{1,256})\]", _said("process", "start denied", "pkexec", "failure"), "user.name event.reason user.effective.name"),
    ("dropbear", r"Bad (?:password|PAM password|pubkey) attempt for '([^']{1,256})' from ([\da-fA-F.:]{2,45}):(\d{1,5})$", _said("authentication", "start", "ssh-login", "failure"), "user.name address source.port"),
    ("dropbear", r"Login attempt for nonexistent user (?:'([^']{1,256})' )?from ([\da-fA-F.:]{2,45}):(\d{1,5})$", _said("authentication", "start", "ssh-login", "failure"), "user.name address source.port"),
    ("dropbear", r"(?:Password|PAM password|Pubkey) auth succeeded for '([^']{1,256})' (?:with .{1,255} )?from ([\da-fA-F.:]{2,45}):(\d{1,5})$", _said("authentication", "start", "ssh-login", "success"), "user.name address source.port"),
    ("proftpd", r"\S{1,255} \([^\[]{1,255}\[([\da-fA-F.:]{2,45})\]\)(?: -|:) USER ([^:(]{1,255}?)(?:: no such user| \(Login failed\)).{0,255}", _said("authentication", "start", "ftp-login", "failure"), "address user.name"),
    ("proftpd", r"\S{1,255} \([^\[]{1,255}\[([\da-fA-F.:]{2,45})\]\)(?: -|:) USER ([^:(]{1,255}?): Login successful", _said("authentication", "start", "ftp-login", "success"), "address user.name"),
    ("fail2ban.actions fail2ban", r"(?:\w{1,16} {1,8})?\[([^\]]{1,64})\] (Ban|Unban|Restore Ban) ([\da-fA-F.:]{2,45})", _said("intrusion_detection", "denied", "ban"), "rule.name event.action address"),
    ("fail2ban.filter fail2ban", r"(?:\w{1,16} {1,8})?\[([^\]]{1,64})\] (Found|Ignore) ([\da-fA-F.:]{2,45})", _said("intrusion_detection", "info", "found"), "rule.name event.action address"),
    ("smbd nmbd samba", r" {0,4}Auth: \[[^,\]]{0,64},[^\]]{0,64}\] user \[([^\]]{0,255})\]\\\[([^\]]{0,255})\] at \[[^\]]{0,64}\] with \[[^\]]{0,64}\] status \[(NT_STATUS_OK)\] workstation \[([^\]]{0,255})\] remote host \[ipv[46]:([\da-fA-F.:]{2,45}):(\d{1,5})\]", {**_said("authentication", "start", "smb-login", "success"), "network.protocol": "smb"}, "user.domain user.name event.reason source.domain address source.port"),
    ("smbd nmbd samba", r" {0,4}Auth: \[[^,\]]{0,64},[^\]]{0,64}\] user \[([^\]]{0,255})\]\\\[([^\]]{0,255})\] at \[[^\]]{0,64}\] with \[[^\]]{0,64}\] status \[(NT_STATUS_\w{1,64})\] workstation \[([^\]]{0,255})\] remote host \[ipv[46]:([\da-fA-F.:]{2,45}):(\d{1,5})\]", {**_said("authentication", "start", "smb-login", "failure"), "network.protocol": "smb"}, "user.domain user.name event.reason source.domain address source.port"),
    ("xrdp-sesman", r"(?:\[\w{1,8} {0,3}\] )?AUTHFAIL: user=(\S{1,256}) ip=\[?([\da-fA-F.:]{2,45}?)\]? time=", _said("authentication", "start", "rdp-login", "failure"), "user.name address"),
    ("cron crond", r"\(([^)]{1,256})\) CMD(?:END)? \( {0,64}(.{0,4096})\)$", _said("process", "start", "ran-command", "success"), "user.name process.command_line"),
    ("cron crond", r"\(([^)]{1,256})\) FAILED to authorize user with PAM \((.{0,256})\)", _said("authentication", "start", "authentication-failure", "failure"), "user.name event.reason"),
    ("crontab cron crond", r"\(([^)]{1,256})\) (?:REPLACE|BEGIN EDIT|END EDIT|DELETE) \(([^)]{1,256})\)", _said("configuration", "change", "changed-crontab"), "user.name user.target.name"),
    ("crontab", r"\(([^)]{1,256})\) LIST \(([^)]{1,256})\)", _said("configuration", "access", "listed-crontab"), "user.name user.target.name"),
    ("cron crond", r"\(([^)]{1,256})\) RELOAD \(([^)]{1,1024})\)", _said("configuration", "change", "reloaded-crontab"), "user.name file.path"),
    ("systemd-logind", r"New session '?(\S{1,64}?)'? of user '?([^'\s]{1,256}?)'?(?: with .{0,255})?\.?$", _said("session", "start", "session-opened", "success"), "session.id user.name"),
    ("systemd-logind", r"Session (\S{1,64}) logged out", _said("session", "end", "session-closed"), "session.id"),
    ("systemd-logind", r"Removed session '?(\S{1,64}?)'?\.$", _said("session", "end", "session-removed"), "session.id"),
    ("systemd-logind", r"(?:The system will|System is) (power off|powering down|reboot|rebooting|halt)", _said("host", "end", "system-shutdown"), "event.reason"),
    ("systemd", r"Started Session (\S{1,64}) of [Uu]ser ([^\s.]{1,256})\.?$", _said("session", "start", "session-opened"), "session.id user.name"),
    ("systemd", r"(?:Started|Finished) ([\w@:.\\-]{1,255}\.(?:service|timer|socket|scope|mount|target))(?: - (.{0,255}))?", _said("process", "start", "started-service", "success"), "service.name service.description"),
    ("systemd", r"Stopped ([\w@:.\\-]{1,255}\.(?:service|timer|socket|scope|mount|target))(?: - (.{0,255}))?", _said("process", "end", "stopped-service", "success"), "service.name service.description"),
    ("systemd", r"Failed to start ([\w@:.\\-]{1,255}\.(?:service|timer|socket|scope|mount|target))(?: - (.{0,255}))?", _said("process", "start error", "started-service", "failure"), "service.name service.description"),
    ("systemd", r"([\w@:.\\-]{1,255}\.(?:service|timer|socket|scope)): (Failed with result .{0,255}|Main process exited.{0,255})", _said("process", "end error", "failed-service", "failure"), "service.name event.reason"),
    ("systemd", r"(?:Started|Finished) (.{1,255}?)\.$", _said("process", "start", "started-service", "success"), "service.description"),
    ("systemd", r"Stopped (.{1,255}?)\.$", _said("process", "end", "stopped-service", "success"), "service.description"),
    ("systemd", r"Failed to start (.{1,255}?)\.$", _said("process", "start error", "started-service", "failure"), "service.description"),
    ("login", r"FAILED LOGIN (?:SESSION )?(?:\(\d{1,6}\) )?(?:on|FROM) '?([^'\s]{1,64})'? (?:from '?([^'\s]{1,255})'? )?FOR '?([^',]{0,256})'?, (.{0,255})", _said("authentication", "start", "logged-in", "failure"), "process.tty.name address user.name event.reason"),
    ("login", r"(?:ROOT LOGIN|DIALUP AT \S{1,64} BY) +(?:on|ON) '?([^'\s]{1,64})'?(?: (?:from|FROM) '?([^'\s]{1,255})'?)?()$", {**_said("authentication session", "start", "logged-in", "success"), "user.name": "root"}, "process.tty.name address _"),
    ("login", r"LOGIN ON '?(\S{1,64}?)'? BY '?([^'\s]{1,256}?)'?(?: FROM '?([^'\s]{1,255}?)'?)?$", _said("authentication session", "start", "logged-in", "success"), "process.tty.name user.name address"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?OK LOGIN: Client "([^"]{1,255})"', _said("authentication session", "start", "ftp-login", "success"), "user.name address"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?FAIL LOGIN: Client "([^"]{1,255})"', _said("authentication", "start", "ftp-login", "failure"), "user.name address"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?()CONNECT: Client "([^"]{1,255})"(?:, "(.{0,255})")?', _said("network", "connection start", "ftp-connection"), "_ address event.reason"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?OK (UPLOAD|MKDIR): Client "([^"]{1,255})", "([^"]{0,4096})"(?:, (\d{1,18}) bytes)?', _said("file", "creation", "ftp-upload", "success"), "user.name ftp.command address file.path file.size"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?OK (DOWNLOAD): Client "([^"]{1,255})", "([^"]{0,4096})"(?:, (\d{1,18}) bytes)?', _said("file", "access", "ftp-download", "success"), "user.name ftp.command address file.path file.size"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?OK (DELETE|RMDIR): Client "([^"]{1,255})", "([^"]{0,4096})"', _said("file", "deletion", "ftp-delete", "success"), "user.name ftp.command address file.path"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?OK (RENAME|CHMOD): Client "([^"]{1,255})", "([^"]{0,4096})"', _said("file", "change", "ftp-change", "success"), "user.name ftp.command address file.path"),
    ("vsftpd", r'(?:\[pid \d{1,10}\] )?(?:\[([^\]]{0,256})\] )?FAIL (UPLOAD|DOWNLOAD|DELETE|MKDIR|RMDIR|RENAME|CHMOD): Client "([^"]{1,255})", "([^"]{0,4096})"', _said("file", "access denied", "ftp-refused", "failure"), "user.name ftp.command address file.path"),
    ("kernel", r"(?:\[ *[\d.]{1,24}\] )?Out of memory: Kill(?:ed)? process (\d{1,9}) \(([^)]{1,64})\)", _said("process", "end", "out-of-memory", "failure"), "process.pid process.name"),
    ("kernel", r"(?:\[ *[\d.]{1,24}\] )?(?:device )?(\S{1,32}?):? entered promiscuous mode", _said("network", "change", "changed-promiscuous-mode"), "observer.ingress.interface.name"),
    ("kernel", r"(?:\[ *[\d.]{1,24}\] )?usb (\S{1,32}): New USB device found, idVendor=(\w{1,8}), idProduct=(\w{1,8})", _said("host", "change", "usb-device-connected"), "usb.port usb.vendor_id usb.product_id"),
    ("kernel", r"(?:\[ *[\d.]{1,24}\] )?([^\s\[]{1,64})\[(\d{1,9})\]: segfault at", _said("process", "end error", "segmentation-fault", "failure"), "process.name process.pid"),
    ("dhcpd dhcpd4", r"(DHCP[A-Z]{3,12}) (?:(?:on|for|of) ([0-9.]{7,15}) (?:\([^()]{1,64}\) )?)?(?:to|from) ([0-9A-Fa-f:]{17})(?: \(([^()]{1,255})\))? via (\S{1,64}?)(?::|\s|$)", {**_said("network", "protocol info", "dhcp"), "network.protocol": "dhcp"}, "event.action address source.mac source.domain observer.ingress.interface.name"),
    ("polkitd polkit-agent-helper-1", r"(?:Operator of .{1,128}? )?(successfully authenticated as|FAILED to authenticate .{0,64}? as) unix-user:(\S{1,256}) ", _said("authentication", "start", "authorization"), "event.reason user.name"),
    ("polkitd", r"Operator of .{1,128}? (FAILED to authenticate) to gain .{1,512}\(owned by unix-user:([^)]{1,256})\)", _said("authentication", "start", "authorization"), "event.reason user.name"),
)  # fmt: skip


def _rows() -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for programs, pattern, static, names in _FORMS:
        row = re.compile(pattern, re.ASCII), static, tuple(names.split())
        for program in programs.split():
            found.setdefault(program, []).append(row)
    return {program: tuple(rows) for program, rows in found.items()}


_BY_PROGRAM = _rows()
_VSFTPD = re.compile(
    r"([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}) \[pid (\d{1,10})\] (?=\[|CONNECT|OK |FAIL |FTP )",
    re.ASCII,
)
_FTP = (LogSource("linux", "", "vsftpd"),)
_COUNTS = frozenset(("process.pid", "file.size", "source.port"))


def read(program: str, message: str, fields: Fields) -> bool:
    """Write what a message of a program says; False if it is none that is known.

    Args:
        program: in lower case, without its path.
        message: without the syslog header.
        fields: written to.
    """
    for pattern, static, names in _BY_PROGRAM.get(program, ()):
        match = pattern.match(message)
        if match is None:
            continue
        fields.update(static)
        for name, value in zip(names, match.groups(), strict=True):
            if not value:
                continue
            if name == "address":
                put(fields, "source", value)
            elif name == "source.mac":
                fields[name] = mac(value)
            elif name in _COUNTS:
                if (count := number(value)) is not None:
                    fields[name] = count
            else:
                fields[name] = value
        if "user.target.name" in fields and "user.name" not in fields:  # the line does not say who did it
            fields["user.name"] = fields["user.target.name"]
            if "user.target.id" in fields:
                fields["user.id"] = fields["user.target.id"]
        if "user.target.group.id" in fields:
            fields["group.id"] = fields["user.target.group.id"]
        if program.startswith("polkit"):
            fields["event.outcome"] = "failure" if "FAILED" in message else "success"
        return True
    return False


def vsftpd_file(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading | None:
    """A line of ``/var/log/vsftpd.log``; None if it is none."""
    head = _VSFTPD.match(text)
    if head is None:
        return None
    message = text[head.end() :]
    fields["event.kind"] = "event"
    fields["event.module"], fields["event.dataset"] = "linux", "linux.vsftpd"
    fields["event.category"], fields["event.type"] = ["process"], ["info"]
    fields["message"] = message
    read("vsftpd", message, fields)
    fields["process.name"], fields["process.pid"] = "vsftpd", int(head[2])
    return _FTP, bsd(head[1], zone, day)


def _parse(text: str, fields: Fields, zone: ZoneInfo, day: int) -> Reading:
    reading = vsftpd_file(text, fields, zone, day)
    if reading is None:
        raise refuse("vsftpd: no line of its log file")
    return reading


VSFTPD = Product("vsftpd", "vsftpd's own log file (through syslog it is read as linux)", _parse)
