"""Cisco ASA messages about tunnels: IPsec, IKE, WebVPN and AnyConnect sessions (ASA Series Syslog Messages)."""

from soc.normalize.products.cisco_asa_row import Message, login, net, row

_SESSION = ["session", "network"]
_ALL = ["authentication", *_SESSION]
_BRACKETS = r"Group <([^<>]{0,255})> User (?:<([^<>]{0,255})> )?IP <([^<>]{0,64})> ?"
_BARE = r"Group (\S{1,255}) User (\S{1,255}) IP (\S{1,64}) "
_NAMES = ("user.group.name", "user.name", "source", "event.reason")
# 113xxx, 713xxx to 715xxx: what is not known is left out
_PREFIX = r"(?:Group = ([^,]{0,255}), )?(?:Username = ([^,]{0,255}), )?(?:IP = ([^,\s]{1,64}), )?"
_PEERS = r"Local:(\S{1,64}):(\d{1,5}) Remote:(\S{1,64}):(\d{1,5}) Username:(\S{1,255}) "
_PEER_NAMES = ("destination", "destination.port", "source", "source.port", "user.name")
_INFO = login("vpn", None, ["info"], _SESSION)
_IKE_FAILED = login("ike", "failure", ["end"], _SESSION)


def _client(text: str) -> str:
    """A message ``Group <g> User <u> IP <ip> text``."""
    return _BRACKETS + text


_START = login("vpn-session-start", "success", ["start"], _ALL)
_END = login("vpn-session-end", None, ["end"], _SESSION)
_OUTCOMES = {
    "113029": login("vpn-session-start", "failure", ["start"], _ALL),
    "113033": login("vpn-session-start", "failure", ["start"], _ALL),
    "113035": login("vpn-session-end", None, ["end"], _SESSION),
    "113038": login("vpn-session-start", "failure", ["start"], _ALL),
    "113039": _START,
    "716001": _START,
    "716002": _END,
    "716003": login("vpn-access", "success", ["allowed", "access"], _SESSION),
    "716004": login("vpn-access", "failure", ["denied", "access"], _SESSION),
    "716023": login("vpn-session-start", "failure", ["start"], _ALL),
    "716038": login("vpn-login", "success", ["start"]),
    "716039": login("vpn-login", "failure", ["start"]),
    "716058": login("vpn-session-lost", None, ["info"], _SESSION),
    "716059": login("vpn-session-resumed", "success", ["info"], _SESSION),
    "722022": login("vpn-connection-start", "success", ["start"], _SESSION),
    "722023": login("vpn-connection-end", None, ["end"], _SESSION),
    "722028": login("vpn-connection-end", None, ["end"], _SESSION),
    "722033": login("vpn-connection-start", "success", ["start"], _SESSION),
    "722034": login("vpn-connection-start", "success", ["start"], _SESSION),
    "722036": login("vpn-transmit", None, ["info"], _SESSION),
    "722037": login("vpn-connection-end", None, ["end"], _SESSION),
}
_TEXT = "(.{0,500})"
_ACCESS = r"((?:WebVPN access (?:GRANTED|DENIED): \"?([^\s\"]{1,400}))?.{0,500})"
_ACCESS_NAMES = (*_NAMES, "url.original")
_TUNNELS = ("722022", "722023", "722033", "722034")
_TUNNEL = r"((?:(?:First |New )?(TCP|UDP) )?.{0,500})"
_TUNNEL_NAMES = (*_NAMES, "network.transport")
_OLD_LOGIN = (
    r"Authentication: (?:rejected|successful), group = (\S{1,255}) user = (\S{1,255}) ?, Session Type: (\S{1,64})"
)
_OLD_NAMES = ("user.group.name", "user.name", "cisco.asa.session_type")
_SA = (
    r"IPSEC: An (inbound|outbound) (.{1,64}?) SA \(SPI= ?(\w{1,16})\) between (\S{1,255}) and (\S{1,255}) "
    r"\(user= ?([^()]{0,255})\) has been"
)
_SA_NAMES = ("network.direction", "cisco.asa.tunnel_type", "cisco.asa.spi", "source", "destination", "user.name")
_ESP = (
    r"IPSEC: Received an (\S{1,8}) packet \(SPI= ?(\w{1,16}), sequence number= ?(\w{1,16})\) from (\S{1,255}) "
    r"\(user= ?([^()]{0,255})\) to (\S{1,255}) (.{1,300})"
)
_ESP_NAMES = (
    "network.transport",
    "cisco.asa.spi",
    "cisco.asa.sequence",
    "source",
    "user.name",
    "destination",
    "event.reason",
)
_CLIENT_SESSION = r"\(([^()]{1,64})\) WebVPN session for client user (.{1,255}?), (?:IP|IPv4|IPv6) (\S{1,64}) has been"
_POOL = r"IPAA: (?:Session=(\w{1,18}), )?"

VPN: dict[str, Message] = {
    **{code: row(_client(_TEXT), _NAMES, fields) for code, fields in _OUTCOMES.items()},
    **{code: row(_client(_TUNNEL), _TUNNEL_NAMES, _OUTCOMES[code]) for code in _TUNNELS},
    **{code: row(_client(_ACCESS), _ACCESS_NAMES, _OUTCOMES[code]) for code in ("716003", "716004")},
    "113040": row(
        r"Terminating the VPN connection attempt from (.{1,255}?)\. Reason: (.{1,300})",
        ("user.group.name", "event.reason"),
        login("vpn-session-start", "failure", ["start"], _ALL),
    ),
    "113019": row(
        r"Group = ([^,]{0,255}), Username = ([^,]{0,255}), IP = ([^,]{1,64}), Session disconnected\. "
        r"Session Type: ([^,]{1,64}), Duration: ([^,]{1,32}), Bytes xmt: (\d{1,18}), Bytes rcv: (\d{1,18}), Reason: (.{1,120})",
        (
            *("user.group.name", "user.name", "source", "cisco.asa.session_type", "event.duration"),
            *("destination.bytes", "source.bytes", "event.reason"),
        ),
        _END,
    ),
    **dict.fromkeys(
        ("402116", "402117", "402119", "402120"),
        row(_ESP, _ESP_NAMES, net("ipsec", ["connection", "denied"], "failure")),
    ),
    "602303": row(_SA, _SA_NAMES, login("ipsec-sa-start", "success", ["start"], _SESSION)),
    "602304": row(_SA, _SA_NAMES, login("ipsec-sa-end", None, ["end"], _SESSION)),
    "713049": row(_PREFIX + _TEXT, _NAMES, login("ike-start", "success", ["start"], _SESSION)),
    "713050": row(_PREFIX + _TEXT, _NAMES, login("ike-end", None, ["end"], _SESSION)),
    "713119": row(_PREFIX + _TEXT, _NAMES, login("ike-start", "success", ["start"], _SESSION)),
    "713120": row(_PREFIX + _TEXT, _NAMES, login("ike-start", "success", ["start"], _SESSION)),
    "713167": row(_PREFIX + _TEXT, _NAMES, login("vpn-login", "failure", ["start"])),
    "713198": row(_PREFIX + _TEXT, _NAMES, login("vpn-login", "failure", ["start"])),
    "713228": row(
        _PREFIX + r"Assigned private IP address (\S{1,64}) to remote user",
        (*_NAMES[:3], "source.nat"),
        login("vpn-address", "success", ["info"], _SESSION),
    ),
    "713259": row(
        _PREFIX + r"Session is being torn down\. Reason: (.{1,200})", _NAMES, login("ike-end", None, ["end"], _SESSION)
    ),
    "721016": row(_CLIENT_SESSION, ("cisco.asa.device", "user.name", "source"), _START),
    "721018": row(_CLIENT_SESSION, ("cisco.asa.device", "user.name", "source"), _END),
    "722051": row(
        _client(r"(?:IPv4 )?Address <([^<>]{0,64})>(?: IPv6 address <([^<>]{0,64})>)?"),
        (*_NAMES[:3], "source.nat", "cisco.asa.assigned_ipv6"),
        login("vpn-address", "success", ["info"], _SESSION),
    ),
    "722055": row(
        _client(r"Client Type: (.{1,300})"),
        (*_NAMES[:3], "user_agent.original"),
        login("vpn-client", None, ["info"], _SESSION),
    ),
    "734001": row(
        r"DAP: User (.{1,255}?), Addr (\S{1,64}), Connection (.{1,64}?): The following DAP records were selected for this connection: (.{1,300})",
        ("user.name", "source", "cisco.asa.session_type", "rule.name"),
        login("vpn-policy", "success", ["info"], _SESSION),
    ),
    "734003": row(
        r"DAP: User (.{1,255}?), Addr (\S{1,64}): Session Attribute:? (.{1,400})",
        ("user.name", "source", "cisco.asa.attribute"),
        login("vpn-attribute", None, ["info"], _SESSION),
    ),
    "737016": row(
        _POOL + r"Freeing local pool (?:(\S{1,255}) )?address (\S{1,64})",
        ("cisco.asa.session", "cisco.asa.pool", "source.nat"),
        _INFO,
    ),
    "737026": row(
        _POOL + r"Client assigned (?:from local pool )?(\S{1,64})(?: from local pool ?(\S{1,255})?)?",
        ("cisco.asa.session", "source.nat", "cisco.asa.pool"),
        login("vpn-address", "success", ["info"], _SESSION),
    ),
    "750001": row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), login("ike-request", None, ["info"], _SESSION)),
    "750002": row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), login("ike-request", None, ["info"], _SESSION)),
    "750003": row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), _IKE_FAILED),
    "750006": row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), login("ike-start", "success", ["start"], _SESSION)),
    "750007": row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), login("ike-end", None, ["end"], _SESSION)),
    "751011": row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), _IKE_FAILED),
    "751025": row(
        _PEERS + r"(?:IKEv2 )?Group:(\S{1,255}) IPv4 Address=(\S{1,64}) IPv6 address=(\S{1,64}) assigned",
        (*_PEER_NAMES, "user.group.name", "source.nat", "cisco.asa.assigned_ipv6"),
        login("vpn-address", "success", ["info"], _SESSION),
    ),
}
"""By message id."""

OLDER: dict[str, Message] = {
    **{code: row(_BARE + _TEXT, _NAMES, fields) for code, fields in _OUTCOMES.items()},
    **{code: row(_BARE + _TUNNEL, _TUNNEL_NAMES, _OUTCOMES[code]) for code in _TUNNELS},
    **{code: row(_BARE + _ACCESS, _ACCESS_NAMES, _OUTCOMES[code]) for code in ("716003", "716004")},
    "716038": row(_OLD_LOGIN, _OLD_NAMES, _OUTCOMES["716038"]),
    "716039": row(_OLD_LOGIN, _OLD_NAMES, _OUTCOMES["716039"]),
    "722055": row(_BARE + r"Client Type: (.{1,300})", (*_NAMES[:3], "user_agent.original"), _INFO),
}
"""What an id's text also was; tried where the row above does not fit."""

FAMILIES: dict[str, Message] = {
    **dict.fromkeys(("716", "722"), row(_client(_TEXT), _NAMES, _INFO)),
    **dict.fromkeys(("713", "714", "715"), row(_PREFIX + _TEXT, _NAMES, _INFO)),
    **dict.fromkeys(("750", "751"), row(_PEERS + _TEXT, (*_PEER_NAMES, "event.reason"), _INFO)),
}
"""By the first three digits, for ids without a row of their own."""

OLDER_FAMILIES: dict[str, Message] = dict.fromkeys(("716", "722", "113"), row(_BARE + _TEXT, _NAMES, _INFO))
"""As ``OLDER``, for the families."""
