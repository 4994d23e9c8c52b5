"""Windows channel and event id → the Sigma logsources and ECS categories of the event, as data.

Channels are matched without case (collectors write ``security`` and ``Security``). Services and categories are the names
of SigmaHQ's rules and of the Sigma specification's logsource taxonomy.
"""

from typing import Any

SERVICES: dict[str, str] = {
    channel.lower(): service
    for service, channels in {
        "security": ("Security",),
        "system": ("System",),
        "application": ("Application",),
        "sysmon": ("Microsoft-Windows-Sysmon/Operational", "Linux-Sysmon/Operational"),
        "powershell": ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"),
        "powershell-classic": ("Windows PowerShell",),
        "windefend": ("Microsoft-Windows-Windows Defender/Operational",),
        "taskscheduler": ("Microsoft-Windows-TaskScheduler/Operational",),
        "wmi": ("Microsoft-Windows-WMI-Activity/Operational",),
        "ntlm": ("Microsoft-Windows-NTLM/Operational",),
        "dhcp": ("Microsoft-Windows-DHCP-Server/Operational",),
        "dns-client": ("Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client/Operational"),
        "dns-server": ("DNS Server",),
        "dns-server-audit": ("Microsoft-Windows-DNSServer/Audit", "Microsoft-Windows-DNS-Server/Audit"),
        "dns-server-analytic": ("Microsoft-Windows-DNSServer/Analytical", "Microsoft-Windows-DNS-Server/Analytical"),
        "driver-framework": ("Microsoft-Windows-DriverFrameworks-UserMode/Operational",),
        "msexchange-management": ("MSExchange Management",),
        "applocker": (
            "Microsoft-Windows-AppLocker/EXE and DLL",
            "Microsoft-Windows-AppLocker/MSI and Script",
            "Microsoft-Windows-AppLocker/Packaged app-Deployment",
            "Microsoft-Windows-AppLocker/Packaged app-Execution",
        ),
        "printservice-admin": ("Microsoft-Windows-PrintService/Admin",),
        "printservice-operational": ("Microsoft-Windows-PrintService/Operational",),
        "codeintegrity-operational": ("Microsoft-Windows-CodeIntegrity/Operational",),
        "smbclient-security": ("Microsoft-Windows-SmbClient/Security", "Microsoft-Windows-SMBClient/Security"),
        "smbclient-connectivity": ("Microsoft-Windows-SmbClient/Connectivity",),
        "smbserver-connectivity": ("Microsoft-Windows-SMBServer/Connectivity",),
        "firewall-as": ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",),
        "bits-client": ("Microsoft-Windows-Bits-Client/Operational",),
        "terminalservices-localsessionmanager": ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",),
        "ldap": ("Microsoft-Windows-LDAP-Client/Debug",),
        "ldap_debug": (),
        "security-mitigations": (
            "Microsoft-Windows-Security-Mitigations/Kernel Mode",
            "Microsoft-Windows-Security-Mitigations/KernelMode",
            "Microsoft-Windows-Security-Mitigations/User Mode",
            "Microsoft-Windows-Security-Mitigations/UserMode",
        ),
        "diagnosis-scripted": ("Microsoft-Windows-Diagnosis-Scripted/Operational",),
        "shell-core": ("Microsoft-Windows-Shell-Core/Operational",),
        "openssh": ("OpenSSH/Operational",),
        "bitlocker": ("Microsoft-Windows-BitLocker/BitLocker Management",),
        "vhdmp": ("Microsoft-Windows-VHDMP-Operational", "Microsoft-Windows-VHDMP/Operational"),
        "appxdeployment-server": ("Microsoft-Windows-AppXDeploymentServer/Operational",),
        "appxpackaging-om": ("Microsoft-Windows-AppxPackaging/Operational",),
        "appmodel-runtime": ("Microsoft-Windows-AppModel-Runtime/Admin",),
        "lsa-server": ("Microsoft-Windows-LSA/Operational",),
        "capi2": ("Microsoft-Windows-CAPI2/Operational",),
        "certificateservicesclient-lifecycle-system": (
            "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
        ),
        "iis-configuration": ("Microsoft-IIS-Configuration/Operational",),
        "microsoft-servicebus-client": (
            "Microsoft-ServiceBus-Client",
            "Microsoft-ServiceBus-Client/Operational",
            "Microsoft-ServiceBus-Client/Admin",
        ),
        "application-experience": (
            "Microsoft-Windows-Application-Experience/Program-Telemetry",
            "Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant",
        ),
        "hyper-v-worker": ("Microsoft-Windows-Hyper-V-Worker", "Microsoft-Windows-Hyper-V-Worker-Admin"),
        "kernel-event-tracing": (
            "Microsoft-Windows-Kernel-EventTracing",
            "Microsoft-Windows-Kernel-EventTracing/Admin",
        ),
        "kernel-shimengine": (
            "Microsoft-Windows-Kernel-ShimEngine/Operational",
            "Microsoft-Windows-Kernel-ShimEngine/Diagnostic",
        ),
        "ntfs": ("Microsoft-Windows-Ntfs/Operational",),
        "sense": ("Microsoft-Windows-SENSE/Operational",),
        "kernel-file": ("Microsoft-Windows-Kernel-File/Analytic",),
    }.items()
    for channel in channels
}
"""Channel in lower case → Sigma service."""

SERVICES.update(
    {
        "sec": "security",
        "sys": "system",
        "app": "application",
        "pwsh": "powershell",
        "pwshclassic": "powershell-classic",
        "defender": "windefend",
        "tasksch": "taskscheduler",
        "bitscli": "bits-client",
        "dns-cli": "dns-client",
        "codeint": "codeintegrity-operational",
    }
)
"""Channels as Hayabusa shortens them; its ``Sysmon`` is added with the providers."""

PROVIDERS: dict[str, str] = {
    "microsoft-windows-security-auditing": "security",
    "microsoft-windows-powershell": "powershell",
    "powershell": "powershell-classic",
    "powershellcore": "powershell",
    "service control manager": "system",
    "microsoft-windows-sysmon": "sysmon",
    "linux-sysmon": "sysmon",
    "sysmon": "sysmon",
}
"""Provider in lower case → service, for exporters that name no channel; others follow from the channel's own name."""

_BY_PROVIDER: dict[str, set[str]] = {}
for _channel, _service in SERVICES.items():
    if "/" in _channel:
        _BY_PROVIDER.setdefault(_channel.partition("/")[0], set()).add(_service)
PROVIDERS.update({p: next(iter(found)) for p, found in _BY_PROVIDER.items() if len(found) == 1 and p not in PROVIDERS})
SERVICES["sysmon"] = "sysmon"


def service_of(channel: str, provider: str = "", code: str = "") -> str:
    """The Sigma service of a channel, or, where no channel is given, of a provider; "" if there is none."""
    if channel:
        return SERVICES.get(channel.lower(), "")
    known = PROVIDERS.get(provider.lower(), "")
    if not known and provider.lower() == "microsoft-windows-eventlog":
        known = "security" if code.startswith("11") else "system"  # 1102 and 1104 are the security log's
    return known


MORE_SERVICES: dict[str, tuple[str, ...]] = {
    "ldap": ("ldap_debug",),
    "microsoft-servicebus-client": ("servicebus-client",),
}
"""Other names that rules use for the same service."""

_REGISTRY = "registry_event"

CATEGORIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("sysmon", "1"): ("process_creation",),
    ("sysmon", "2"): ("file_change",),
    ("sysmon", "3"): ("network_connection",),
    ("sysmon", "4"): ("sysmon_status",),
    ("sysmon", "5"): ("process_termination",),
    ("sysmon", "6"): ("driver_load",),
    ("sysmon", "7"): ("image_load",),
    ("sysmon", "8"): ("create_remote_thread",),
    ("sysmon", "9"): ("raw_access_thread",),
    ("sysmon", "10"): ("process_access",),
    ("sysmon", "11"): ("file_event",),
    ("sysmon", "12"): ("registry_add", "registry_delete", _REGISTRY),
    ("sysmon", "13"): ("registry_set", _REGISTRY),
    ("sysmon", "14"): ("registry_rename", _REGISTRY),
    ("sysmon", "15"): ("create_stream_hash",),
    ("sysmon", "16"): ("sysmon_status",),
    ("sysmon", "17"): ("pipe_created",),
    ("sysmon", "18"): ("pipe_created",),
    ("sysmon", "19"): ("wmi_event",),
    ("sysmon", "20"): ("wmi_event",),
    ("sysmon", "21"): ("wmi_event",),
    ("sysmon", "22"): ("dns_query",),
    ("sysmon", "23"): ("file_delete",),
    ("sysmon", "24"): ("clipboard_capture",),
    ("sysmon", "25"): ("process_tampering",),
    ("sysmon", "26"): ("file_delete", "file_delete_detected"),
    ("sysmon", "27"): ("file_block_executable",),
    ("sysmon", "28"): ("file_block_shredding",),
    ("sysmon", "29"): ("file_executable_detected",),
    ("sysmon", "255"): ("sysmon_error",),
    ("security", "4688"): ("process_creation",),
    ("powershell", "4103"): ("ps_module",),
    ("powershell", "4104"): ("ps_script",),
    ("powershell-classic", "400"): ("ps_classic_start",),
    ("powershell-classic", "600"): ("ps_classic_provider_start",),
    ("powershell-classic", "800"): ("ps_module", "ps_classic_script"),
    **dict.fromkeys(
        (("windefend", code) for code in ("1006", "1007", "1015", "1116", "1117", "1118", "1119")), ("antivirus",)
    ),
    ("kernel-file", "12"): ("file_access",),
    ("kernel-file", "15"): ("file_access",),
    ("kernel-file", "19"): ("file_rename",),
    ("kernel-file", "26"): ("file_delete",),
    ("kernel-file", "27"): ("file_rename",),
    ("kernel-file", "30"): ("file_event",),
}
"""(service, event id) → Sigma categories: what SigmaHQ's category rules mean by their native field names. ``kernel-file`` are the
events of the tracing provider Microsoft-Windows-Kernel-File, as agents that read ETW ship them."""

REGISTRY_ACTIONS: dict[str, str] = {
    "createkey": "registry_add",
    "deletekey": "registry_delete",
    "deletevalue": "registry_delete",
}
"""Sysmon 12 holds two categories: which it is, its EventType says."""


def _ecs(categories: str, types: str, action: str, outcome: str = "") -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event.category": categories.split(),
        "event.type": types.split(),
        "event.action": action,
    }
    if outcome:
        fields["event.outcome"] = outcome
    return fields


_SYSMON = """
1  process | start | process-created
2  file | change | file-creation-time-changed
3  network | connection start protocol | network-connection
4  process | change | sysmon-service-state-changed
5  process | end | process-terminated
6  driver | start | driver-loaded
7  process library | change | image-loaded
8  process | change | remote-thread-created
9  process | access | raw-disk-read
10 process | access | process-accessed
11 file | creation | file-created
12 registry configuration | change | registry-object-added-or-deleted
13 registry configuration | change | registry-value-set
14 registry configuration | change | registry-object-renamed
15 file | access | file-stream-created
16 configuration | change | sysmon-configuration-changed
17 file | creation | pipe-created
18 file | access | pipe-connected
19 process | creation | wmi-filter
20 process | creation | wmi-consumer
21 process | creation | wmi-binding
22 network | connection protocol info | dns-query
23 file | deletion | file-deleted
24 process | info | clipboard-changed
25 process | change | process-tampering
26 file | deletion | file-deleted
27 file | denied | executable-blocked
28 file | denied | shredding-blocked
29 file | creation | executable-created
255 process | error | sysmon-error
"""
_SECURITY = """
1100 process | end | logging-service-shutdown
1102 iam | admin change | audit-log-cleared | success
1104 iam | admin | logging-full
1105 iam | admin | audit-log-archived
1108 iam | admin | logging-processing-error
4608 host | start | system-started
4609 host | end | system-shutdown
4616 configuration | change | system-time-changed
4624 authentication session | start | logged-in | success
4625 authentication | start | logon-failed | failure
4634 authentication session | end | logged-out
4647 authentication session | end | logged-out
4648 authentication | start | logged-in-explicit
4656 file | access | object-handle-requested
4657 registry configuration | change | registry-value-modified
4658 file | info | object-handle-closed
4660 file | deletion | object-deleted
4661 iam | access | object-handle-requested
4662 iam | access | directory-object-operation
4663 file | access | object-accessed
4670 iam configuration | admin change | permissions-changed
4672 iam | admin | privileges-assigned | success
4673 iam | admin | privileged-service-called
4674 iam | admin | privileged-operation
4688 process | start | created-process
4689 process | end | exited-process
4696 process | start | primary-token-assigned
4697 iam configuration | admin change | service-installed
4698 iam configuration | creation admin | scheduled-task-created
4699 iam configuration | deletion admin | scheduled-task-deleted
4700 iam configuration | change admin | scheduled-task-enabled
4701 iam configuration | change admin | scheduled-task-disabled
4702 iam configuration | change admin | scheduled-task-updated
4706 configuration | creation | domain-trust-added
4707 configuration | deletion | domain-trust-removed
4713 configuration | change | kerberos-policy-changed
4716 configuration | change | trusted-domain-information-changed
4717 iam configuration | admin change | system-security-access-granted
4718 iam configuration | admin deletion | system-security-access-removed
4719 iam configuration | admin change | changed-audit-config
4720 iam | user creation | added-user-account
4722 iam | user change | enabled-user-account
4723 iam | user change | changed-password
4724 iam | user change | reset-password
4725 iam | user change | disabled-user-account
4726 iam | user deletion | deleted-user-account
4727 iam | group creation | added-group-account
4728 iam | group change | added-member-to-group
4729 iam | group change | removed-member-from-group
4730 iam | group deletion | deleted-group-account
4731 iam | group creation | added-group-account
4732 iam | group change | added-member-to-group
4733 iam | group change | removed-member-from-group
4734 iam | group deletion | deleted-group-account
4735 iam | group change | modified-group-account
4737 iam | group change | modified-group-account
4738 iam | user change | modified-user-account
4739 configuration | change | domain-policy-changed
4740 iam | user change | locked-out-user-account
4741 iam | creation admin | added-computer-account
4742 iam | change admin | changed-computer-account
4743 iam | deletion admin | deleted-computer-account
4754 iam | group creation | added-group-account
4755 iam | group change | modified-group-account
4756 iam | group change | added-member-to-group
4757 iam | group change | removed-member-from-group
4758 iam | group deletion | deleted-group-account
4764 iam | group change | type-changed-group-account
4767 iam | user change | unlocked-user-account
4768 authentication | start | kerberos-authentication-ticket-requested
4769 authentication | start | kerberos-service-ticket-requested
4770 authentication | start | kerberos-service-ticket-renewed
4771 authentication | start | kerberos-preauth-failed | failure
4772 authentication | start | kerberos-ticket-request-failed | failure
4773 authentication | start | kerberos-service-ticket-request-failed | failure
4776 authentication | start | credential-validated
4777 authentication | start | credential-validation-failed | failure
4778 authentication session | start | session-reconnected
4779 authentication session | end | session-disconnected
4781 iam | user change | renamed-user-account
4798 iam | user info | group-membership-enumerated
4799 iam | group info | user-member-enumerated
4825 authentication session | start denied | remote-desktop-denied | failure
4904 iam configuration | admin change | security-event-source-added
4905 iam configuration | admin deletion | security-event-source-removed
4907 iam configuration | admin change | audit-setting-changed
4946 configuration | creation | windows-firewall-rule-added
4947 configuration | change | windows-firewall-rule-changed
4948 configuration | deletion | windows-firewall-rule-deleted
4950 configuration | change | windows-firewall-setting-changed
4964 iam | admin group | logged-in-special
5024 process | start | windows-firewall-service-started
5025 process | end | windows-firewall-service-stopped
5136 iam configuration | change | directory-object-modified
5137 iam configuration | creation | directory-object-created
5141 iam configuration | deletion | directory-object-deleted
5140 network file | info access | network-share-object-accessed
5142 configuration | creation | network-share-added
5143 configuration | change | network-share-changed
5144 configuration | deletion | network-share-deleted
5145 network file | info access | network-share-object-access-checked
5152 network | connection denied | windows-firewall-packet-block | failure
5154 network | connection allowed | windows-firewall-listen | success
5155 network | connection denied | windows-firewall-listen | failure
5156 network | connection allowed | windows-firewall-connection | success
5157 network | connection denied | windows-firewall-connection | failure
5158 network | info allowed | windows-firewall-bind | success
5159 network | info denied | windows-firewall-bind | failure
"""
_SYSTEM = """
104  configuration | deletion admin | log-cleared | success
1074 host | end | shutdown-started
6005 host | start | event-log-started
6006 host | end | event-log-stopped
6008 host | error | unexpected-shutdown
7034 process | error | service-crashed
7036 process | change | service-state-changed
7040 configuration | change | service-start-type-changed
7045 configuration | change | service-installed
"""
_POWERSHELL = """
4103 process | info | module-logged
4104 process | info | script-block-logged
4105 process | start | script-block-started
4106 process | end | script-block-ended
"""
_CLASSIC = """
400 process | start | engine-started
403 process | end | engine-stopped
600 process | info | provider-started
800 process | info | pipeline-executed
"""
_DEFENDER = """
1006 malware | info | malware-detected
1007 malware | info | malware-acted-on
1015 malware | info | malware-behaviour-detected
1116 malware | info | malware-detected
1117 malware | info | malware-acted-on
1118 malware | error | malware-action-failed | failure
1119 malware | error | malware-action-failed | failure
5001 configuration | change | real-time-protection-disabled
5004 configuration | change | real-time-protection-changed
5007 configuration | change | antimalware-configuration-changed
5010 configuration | change | scanning-disabled
5012 configuration | change | virus-scanning-disabled
"""


def _rows(service: str, text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Each line: id, ``event.category``, ``event.type``, ``event.action`` and, where it never varies, ``event.outcome``."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in text.strip().splitlines():
        code, _, rest = line.partition(" ")
        found[service, code] = _ecs(*(part.strip() for part in rest.split("|")))
    return found


ECS: dict[tuple[str, str], dict[str, Any]] = {
    **_rows("sysmon", _SYSMON),
    **_rows("security", _SECURITY),
    **_rows("system", _SYSTEM),
    **_rows("powershell", _POWERSHELL),
    **_rows("powershell-classic", _CLASSIC),
    **{
        key: {**fields, "event.kind": "alert"} if "malware" in fields["event.category"] else fields
        for key, fields in _rows("windefend", _DEFENDER).items()
    },
}
ECS["sysmon", "22"]["network.protocol"] = "dns"
"""(service, event id) → ECS. Where the outcome depends on the event (a status code), it is not here."""
