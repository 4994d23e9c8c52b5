"""Cisco ASA message ids → what each one's text holds, after the documented formats (ASA Series Syslog Messages).

A row is (pattern, names of its groups, fields that hold for every such message). A new id is a row in the table of its
subject (``cisco_asa_traffic``, ``cisco_asa_admin``, ``cisco_asa_vpn``) and a sample.
"""

from soc.normalize.products import cisco_asa_admin, cisco_asa_traffic, cisco_asa_vpn
from soc.normalize.products.cisco_asa_row import Message

MESSAGES: dict[str, Message] = {**cisco_asa_traffic.TRAFFIC, **cisco_asa_admin.ADMIN, **cisco_asa_vpn.VPN}
"""By message id."""

OLDER: dict[str, Message] = {**cisco_asa_traffic.OLDER, **cisco_asa_vpn.OLDER}
"""By message id: another form of its text, tried where the row in ``MESSAGES`` does not fit."""

FAMILIES: dict[str, Message] = {**cisco_asa_vpn.FAMILIES, "400": cisco_asa_traffic.SIGNATURES}
"""By the first three digits, for ids that are not in ``MESSAGES``."""

OLDER_FAMILIES: dict[str, Message] = cisco_asa_vpn.OLDER_FAMILIES
"""As ``OLDER``, by the first three digits."""
