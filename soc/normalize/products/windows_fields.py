"""Every native name that Sysmon's schema, the Security log and PowerShell document → the ECS names its value is also written to."""

from typing import Final

from soc.normalize.products.windows_mapping import EXECUTABLES, OWNED, TEXT, WRITERS

_KEPT: Final = """
AccessGranted AccessList AccessMask AccessReason AccountExpires ActiveProfile AllowedToDelegateTo AppCorrelationID
AttributeLDAPDisplayName AttributeSyntaxOID AttributeValue AuditPolicyChanges AuditSourceName AuthenticationPackageName CallTrace
CallerProcessId CallerProcessName Category CategoryId CertIssuerName CertSerialNumber CertThumbprint Channel ClientInfo
ClientProcessId ClientProcessStartKey Configuration ConfigurationFileHash Consumer Contents Correlation.ActivityID
CreationUtcTime DSName DSType DestinationIsIpv6 Device DisplayName DnsHostName DomainBehaviorVersion DomainName DomainPolicyChanged
DomainSid Dummy ElevatedToken EnabledPrivilegeList EventID EventNamespace EventRecordID EventSourceId EventType Execution.ProcessID
Execution.ThreadID FQDN FailureReason Filter FilterRTID ForceLogoff GrantedAccess GroupTypeChange HandleId HomeDirectory HomePath
ID ImagePath ImpersonationLevel IntegrityLevel IsExecutable KeyLength Keywords LayerName LayerRTID LmPackageName LockoutDuration
LockoutObservationWindow LockoutThreshold LogonGuid LogonHours LogonID LogonId LogonProcessName LogonType MachineAccountQuota
MandatoryLabel MasterProcessId MaxPasswordAge MessageNumber MessageTotal MinPasswordAge MinPasswordLength MixedDomainMode ModifiedObjectProperties
Name NewName NewSd NewState NewThreadId NewTime NewUacValue NewValue NewValueType ObjectClass ObjectDN ObjectGUID ObjectServer
OemInformation OldSd OldTargetUserName OldUacValue OldValue OldValueType OpCorrelationID Opcode Operation OperationType ParentUser
PackageName PasswordHistoryLength PasswordLastSet PasswordProperties Payload PreAuthType PreviousCreationUtcTime PreviousTime PrimaryGroupId
PrivilegeList ProcessingMode ProfileChanged ProfilePath Properties ProtocolSequence PuaCount Query RelativeTargetName RemoteMachineID
RemoteUserID RestrictedAdminMode RestrictedSidCount RpcCallClientLocality RuleAttr RuleId SAMAccountName SamAccountName SchemaVersion
ScriptBlockId ScriptPath Service ServiceAccount ServiceFileName ServicePrincipalNames ServiceSid ServiceStartType ServiceType Session
SessionId SessionName ShareName SidHistory SourceIsIpv6 SourcePortName SourceThreadId StartAddress StartFunction StartModule StartType
State Status StringCount SubStatus SubcategoryGuid SubcategoryId SubjectLogonId TargetImage TargetInfo TargetLinkedLogonId TargetLogonGuid
TargetLogonId TargetOutboundDomainName TargetOutboundUserName TargetProcessGUID TargetProcessGuid TargetProcessId TargetServerName TargetUser
Task TaskContent TaskContentNew TaskName TerminalSessionId TicketEncryptionType TicketOptions TokenElevationType TransactionId
TransmittedServices TreeDelete Type UserAccountControl UserClaims UserParameters UserPrincipalName UserWorkstations UtcTime Version
VirtualAccount
"""
"""Kept under their own names only."""

_PEOPLE: Final = {
    "User": "user.name, user.domain",
    "SourceUser": "user.name, user.domain",
    "Detection User": "user.name, user.domain",
    "SubjectUserName": "user.name, source.user.name",
    "SubjectDomainName": "user.domain",
    "SubjectUserSid": "user.id",
    "TargetUserName": "user.name, user.effective.name, user.target.name, group.name",
    "TargetDomainName": "user.domain, user.effective.domain, user.target.domain, group.domain",
    "TargetUserSid": "user.id, user.effective.id",
    "TargetSid": "user.id, user.target.id, group.id",
    "MemberName": "user.target.name",
    "MemberSid": "user.target.id",
    "NewTargetUserName": "user.changes.name",
    "AccountName": "user.name",
    "UserID": "user.id",
    "ObjectName": "file.path, registry.path",
    "ObjectType": "",
    "ObjectValueName": "registry.value",
    "ShareLocalPath": "file.directory",
    "TimeCreated": "@timestamp",
    "Hashes": "process.hash.md5, process.hash.sha1, process.hash.sha256, process.pe.imphash, file.hash.*, file.pe.imphash",
    "Hash": "file.hash.md5, file.hash.sha1, file.hash.sha256",
}
"""By the event's role: who acts, as whom, on whom (``windows_people``)."""

FIELDS: Final[dict[str, str]] = dict(
    sorted(
        {
            **dict.fromkeys(_KEPT.split(), ""),
            **TEXT,
            **{name: f"{whose}.executable, {whose}.name" for name, whose in EXECUTABLES.items()},
            **{name: f"process.{ecs}, file.{ecs}" for name, ecs in OWNED.items()},
            **{name: ecs for name, (_, ecs) in WRITERS.items() if ecs},
            **{
                name: "file.path, file.name, file.directory, file.extension"
                for name, (_, ecs) in WRITERS.items()
                if ecs == "file"
            },
            "TargetObject": "registry.path, registry.hive, registry.key, registry.value",
            "Details": "registry.data.strings, registry.data.type",
            "QueryResults": "dns.answers.data, dns.resolved_ip",
            "EventID": "event.code",
            "Channel": "winlog.channel",
            **_PEOPLE,
        }.items()
    )
)
"""For ``Product.fields``."""
