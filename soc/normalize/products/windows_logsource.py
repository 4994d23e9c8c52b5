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


ECS: dict[tuple[str, str], dict[str, Any]] = {
    ("sysmon", "1"): _ecs("process", "start", "process-created"),
    ("sysmon", "2"): _ecs("file", "change", "file-creation-time-changed"),
    ("sysmon", "3"): _ecs("network", "connection start", "network-connection"),
    ("sysmon", "5"): _ecs("process", "end", "process-terminated"),
    ("sysmon", "6"): _ecs("driver", "start", "driver-loaded"),
    ("sysmon", "7"): _ecs("process library", "change", "image-loaded"),
    ("sysmon", "8"): _ecs("process", "change", "remote-thread-created"),
    ("sysmon", "9"): _ecs("process", "access", "raw-disk-read"),
    ("sysmon", "10"): _ecs("process", "access", "process-accessed"),
    ("sysmon", "11"): _ecs("file", "creation", "file-created"),
    ("sysmon", "12"): _ecs("registry configuration", "change", "registry-object-added-or-deleted"),
    ("sysmon", "13"): _ecs("registry configuration", "change", "registry-value-set"),
    ("sysmon", "14"): _ecs("registry configuration", "change", "registry-object-renamed"),
    ("sysmon", "15"): _ecs("file", "access", "file-stream-created"),
    ("sysmon", "17"): _ecs("file", "creation", "pipe-created"),
    ("sysmon", "18"): _ecs("file", "access", "pipe-connected"),
    ("sysmon", "19"): _ecs("process", "creation", "wmi-filter"),
    ("sysmon", "20"): _ecs("process", "creation", "wmi-consumer"),
    ("sysmon", "21"): _ecs("process", "creation", "wmi-binding"),
    ("sysmon", "22"): _ecs("network", "connection protocol info", "dns-query"),
    ("sysmon", "23"): _ecs("file", "deletion", "file-deleted"),
    ("sysmon", "25"): _ecs("process", "change", "process-tampering"),
    ("sysmon", "26"): _ecs("file", "deletion", "file-deleted"),
    ("security", "1102"): _ecs("iam", "admin change", "audit-log-cleared", "success"),
    ("security", "4624"): _ecs("authentication session", "start", "logged-in", "success"),
    ("security", "4625"): _ecs("authentication", "start", "logon-failed", "failure"),
    ("security", "4634"): _ecs("authentication session", "end", "logged-out"),
    ("security", "4647"): _ecs("authentication session", "end", "logged-out"),
    ("security", "4648"): _ecs("authentication", "start", "logged-in-explicit"),
    ("security", "4672"): _ecs("iam", "admin", "privileges-assigned", "success"),
    ("security", "4688"): _ecs("process", "start", "created-process"),
    ("security", "4689"): _ecs("process", "end", "exited-process"),
    ("security", "4697"): _ecs("configuration", "change", "service-installed"),
    ("security", "4698"): _ecs("iam configuration", "creation admin", "scheduled-task-created"),
    ("security", "4719"): _ecs("configuration", "change admin", "changed-audit-config"),
    ("security", "4720"): _ecs("iam", "user creation", "added-user-account"),
    ("security", "4722"): _ecs("iam", "user change", "enabled-user-account"),
    ("security", "4723"): _ecs("iam", "user change", "changed-password"),
    ("security", "4724"): _ecs("iam", "user change", "reset-password"),
    ("security", "4725"): _ecs("iam", "user change", "disabled-user-account"),
    ("security", "4726"): _ecs("iam", "user deletion", "deleted-user-account"),
    ("security", "4728"): _ecs("iam", "group change", "added-member-to-group"),
    ("security", "4732"): _ecs("iam", "group change", "added-member-to-group"),
    ("security", "4738"): _ecs("iam", "user change", "modified-user-account"),
    ("security", "4740"): _ecs("iam", "user change", "locked-out-user-account"),
    ("security", "4756"): _ecs("iam", "group change", "added-member-to-group"),
    ("security", "4768"): _ecs("authentication", "start", "kerberos-authentication-ticket-requested"),
    ("security", "4769"): _ecs("authentication", "start", "kerberos-service-ticket-requested"),
    ("security", "4771"): _ecs("authentication", "start", "kerberos-preauth-failed", "failure"),
    ("security", "4776"): _ecs("authentication", "start", "credential-validated"),
    ("security", "5140"): _ecs("network file", "info access", "network-share-object-accessed"),
    ("security", "5145"): _ecs("network file", "info access", "network-share-object-access-checked"),
    ("security", "5156"): _ecs("network", "connection allowed", "windows-firewall-connection", "success"),
    ("security", "5157"): _ecs("network", "connection denied", "windows-firewall-connection", "failure"),
    ("security", "5158"): _ecs("network", "info allowed", "windows-firewall-bind", "success"),
    ("system", "7045"): _ecs("configuration", "change", "service-installed"),
    ("powershell", "4103"): _ecs("process", "info", "module-logged"),
    ("powershell", "4104"): _ecs("process", "info", "script-block-logged"),
    ("windefend", "1116"): {**_ecs("malware", "info", "malware-detected"), "event.kind": "alert"},
    ("windefend", "1117"): {**_ecs("malware", "info", "malware-acted-on"), "event.kind": "alert"},
}
"""(service, event id) → ECS. Where the outcome depends on the event (a status code), it is not here."""
