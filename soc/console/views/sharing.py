"""Alert sharing: where it stands with each receiver, each day's count, and what a receiver refused."""

from aiohttp import web

from soc.console.context import console_of
from soc.console.pages import respond


async def sharing(request: web.Request) -> web.Response:
    """Receivers, the counts of the last days, and refused summaries."""
    told = await console_of(request).sharing()
    days = told["days"]
    data = {
        **told,
        "open": sum(one["waiting"] for one in told["receivers"]),
        "gaps": sum(row["agreement"] == "gap" for row in days),
        "unknown": sum(row["agreement"] == "unknown" for row in days),
    }
    return respond(request, "sharing.html", data)
