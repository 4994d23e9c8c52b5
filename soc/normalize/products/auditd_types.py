"""What each type of auditd record, and each system call worth telling apart, is in ECS: data for ``auditd``."""

from typing import Any

_TYPES = """
USER_AUTH        | authentication        | start          | authenticated
USER_ACCT        | authentication        | info           | was-authorized
USER_LOGIN       | authentication session| start          | logged-in
USER_LOGOUT      | authentication session| end            | logged-out
USER_ERR         | authentication        | info           | had-error
USER_START       | session               | start          | started-session
USER_END         | session               | end            | ended-session
LOGIN            | session               | start          | changed-login-id
CRED_ACQ         | authentication        | info           | acquired-credentials
CRED_REFR        | authentication        | info           | refreshed-credentials
CRED_DISP        | authentication        | info           | disposed-credentials
USER_CMD         | process               | start          | ran-command
USER_CHAUTHTOK   | iam                   | user change    | changed-password
USER_MGMT        | iam                   | user change    | modified-user-account
ADD_USER         | iam                   | user creation  | added-user-account
DEL_USER         | iam                   | user deletion  | deleted-user-account
ADD_GROUP        | iam                   | group creation | added-group-account
DEL_GROUP        | iam                   | group deletion | deleted-group-account
GRP_MGMT         | iam                   | group change   | modified-group-account
GRP_CHAUTHTOK    | iam                   | group change   | changed-group-password
CHGRP_ID         | iam                   | group change   | changed-group-id
CHUSER_ID        | iam                   | user change    | changed-user-id
ACCT_LOCK        | iam                   | user change    | locked-account
ACCT_UNLOCK      | iam                   | user change    | unlocked-account
ROLE_ASSIGN      | iam                   | user change    | assigned-user-role
ROLE_REMOVE      | iam                   | user change    | removed-user-role
USER_ROLE_CHANGE | iam                   | user change    | changed-role
SERVICE_START    | process               | start          | started-service
SERVICE_STOP     | process               | end            | stopped-service
SYSTEM_BOOT      | host                  | start          | booted-system
SYSTEM_SHUTDOWN  | host                  | end            | shutdown-system
SYSTEM_RUNLEVEL  | host                  | change         | changed-runlevel
DAEMON_START     | configuration         | start          | started-audit
DAEMON_END       | configuration         | end            | shutdown-audit
DAEMON_ABORT     | configuration         | end error      | aborted-auditd
DAEMON_ROTATE    | configuration         | info           | rotated-audit-log
DAEMON_CONFIG    | configuration         | change         | changed-auditd-configuration
CONFIG_CHANGE    | configuration         | change         | changed-audit-configuration
USYS_CONFIG      | configuration         | change         | changed-configuration
FEATURE_CHANGE   | configuration         | change         | changed-audit-feature
NETFILTER_CFG    | configuration         | change         | loaded-firewall-rule
MAC_POLICY_LOAD  | configuration         | change         | loaded-mac-policy
MAC_STATUS       | configuration         | change         | changed-mac-enforcement
MAC_CONFIG_CHANGE| configuration         | change         | changed-mac-configuration
AVC              | process               | access         | accessed-object
USER_AVC         | process               | access         | accessed-object
SELINUX_ERR      | process               | error          | caused-mac-policy-error
SECCOMP          | process               | denied         | violated-seccomp-policy
ANOM_ABEND       | process               | end error      | crashed-program
ANOM_PROMISCUOUS | network               | change         | changed-promiscuous-mode
ANOM_LOGIN_FAILURES | authentication     | start          | failed-log-in-too-many-times
ANOM_LINK        | file                  | access         | used-suspicious-link
ANOM_CREAT       | file                  | creation       | created-suspicious-file
INTEGRITY_DATA   | file                  | info           | verified-integrity
KERN_MODULE      | driver                | start          | loaded-kernel-module
BPF              | driver                | start          | used-bpf
TTY              | process               | info           | typed
USER_TTY         | process               | info           | typed
CRYPTO_KEY_USER  | network               | info           | negotiated-crypto-key
CRYPTO_SESSION   | network               | info           | started-crypto-session
SOFTWARE_UPDATE  | package               | change         | package-updated
FANOTIFY         | file                  | access         | accessed-policy-controlled-file
"""

_CALLS = """
execve execveat              | process        | start               | executed
connect                      | network        | connection start    | connected-to
accept accept4               | network        | connection start    | accepted-connection-from
bind                         | network        | start               | bound-socket
listen                       | network        | start               | listen-for-connections
sendto sendmsg               | network        | connection          | sent-to
recvfrom recvmsg             | network        | connection          | received-from
socket                       | network        | info                | made-socket
open openat openat2 read readlink readlinkat stat lstat access faccessat | file | access | opened-file
creat mknod mknodat          | file           | creation            | created-file
mkdir mkdirat                | file           | creation            | created-directory
unlink unlinkat rmdir        | file           | deletion            | deleted
rename renameat renameat2    | file           | change              | renamed
link linkat symlink symlinkat| file           | creation            | linked-file
truncate ftruncate write     | file           | change              | wrote-to-file
chmod fchmod fchmodat        | file           | change              | changed-file-permissions
chown fchown lchown fchownat | file           | change              | changed-file-ownership
setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr | file | change | changed-file-attributes
utime utimes utimensat futimesat | file       | change              | changed-timestamp
init_module finit_module     | driver         | start               | loaded-kernel-module
delete_module                | driver         | end                 | unloaded-kernel-module
mount                        | file           | change              | mounted
umount umount2               | file           | change              | unmounted
kill tkill tgkill            | process        | end                 | killed
ptrace process_vm_readv process_vm_writev | process | access         | traced-process
clone clone3 fork vfork      | process        | start               | forked
setuid setreuid setresuid setgid setregid setresgid | process | change | changed-identity
adjtimex settimeofday clock_settime clock_adjtime | host | change     | changed-system-time
sethostname setdomainname    | host           | change              | changed-host-name
bpf                          | driver         | start               | used-bpf
personality                  | process        | change              | changed-personality
memfd_create                 | process        | info                | made-memory-file
"""


def _row(line: str) -> tuple[list[str], dict[str, Any]]:
    names, categories, types, action = (part.strip() for part in line.split("|"))
    return names.split(), {
        "event.category": categories.split(),
        "event.type": types.split(),
        "event.action": action,
    }


def _table(text: str) -> dict[str, dict[str, Any]]:
    rows = (_row(line) for line in text.strip().splitlines())
    return {name: fields for names, fields in rows for name in names}


TYPES = _table(_TYPES)
"""By record type, but SYSCALL."""

CALLS = _table(_CALLS)
"""By system call."""

_X86_64 = """0 read 1 write 2 open 4 stat 6 lstat 21 access 41 socket 42 connect 43 accept 44 sendto 45 recvfrom 46 sendmsg 47 recvmsg
49 bind 50 listen 56 clone 57 fork 58 vfork 59 execve 62 kill 76 truncate 77 ftruncate 82 rename 83 mkdir 84 rmdir 85 creat 86 link
87 unlink 88 symlink 89 readlink 90 chmod 91 fchmod 92 chown 93 fchown 94 lchown 101 ptrace 105 setuid 106 setgid 113 setreuid
114 setregid 117 setresuid 119 setresgid 132 utime 133 mknod 135 personality 159 adjtimex 164 settimeofday 165 mount 166 umount2
170 sethostname 171 setdomainname 175 init_module 176 delete_module 188 setxattr 189 lsetxattr 190 fsetxattr 197 removexattr
198 lremovexattr 199 fremovexattr 200 tkill 227 clock_settime 234 tgkill 235 utimes 257 openat 258 mkdirat 259 mknodat 260 fchownat
261 futimesat 263 unlinkat 264 renameat 265 linkat 266 symlinkat 267 readlinkat 268 fchmodat 269 faccessat 280 utimensat 288 accept4
305 clock_adjtime 310 process_vm_readv 311 process_vm_writev 313 finit_module 316 renameat2 319 memfd_create 321 bpf 322 execveat
435 clone3 437 openat2"""
_AARCH64 = """5 setxattr 6 lsetxattr 7 fsetxattr 14 removexattr 15 lremovexattr 16 fremovexattr 33 mknodat 34 mkdirat 35 unlinkat 36 symlinkat
37 linkat 38 renameat 39 umount2 40 mount 45 truncate 46 ftruncate 48 faccessat 52 fchmod 53 fchmodat 54 fchownat 55 fchown 56 openat
63 read 64 write 78 readlinkat 88 utimensat 92 personality 105 init_module 106 delete_module 112 clock_settime 117 ptrace 129 kill
130 tkill 131 tgkill 143 setregid 144 setgid 145 setreuid 146 setuid 147 setresuid 149 setresgid 161 sethostname 162 setdomainname
170 settimeofday 171 adjtimex 198 socket 200 bind 201 listen 202 accept 203 connect 206 sendto 207 recvfrom 211 sendmsg 212 recvmsg
220 clone 221 execve 242 accept4 266 clock_adjtime 270 process_vm_readv 271 process_vm_writev 273 finit_module 276 renameat2
279 memfd_create 280 bpf 281 execveat 435 clone3 437 openat2"""
_I386 = """3 read 4 write 5 open 8 creat 9 link 10 unlink 11 execve 12 chdir 14 mknod 15 chmod 21 mount 22 umount 26 ptrace 37 kill 38 rename
39 mkdir 40 rmdir 83 symlink 92 truncate 94 fchmod 128 init_module 129 delete_module 136 personality 295 openat 301 unlinkat
302 renameat 306 fchmodat 350 finit_module 356 memfd_create 357 bpf 358 execveat 361 bind 362 connect 363 listen 364 accept4"""


def _numbers(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


NUMBERS = {"c000003e": _numbers(_X86_64), "c00000b7": _numbers(_AARCH64), "40000003": _numbers(_I386)}
"""``arch`` (AUDIT_ARCH_*, linux/audit.h) → the number of a system call → its name."""

ARCHITECTURES = {"c000003e": "x86_64", "c00000b7": "aarch64", "40000003": "i386"}
