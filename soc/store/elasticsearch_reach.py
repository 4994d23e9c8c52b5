"""Which nodes of Elasticsearch answer, and in plain words why one does not: settings in, a verdict for each configured address out."""

import asyncio
from typing import Any, NamedTuple

from elasticsearch import ApiError, AsyncElasticsearch, ConnectionTimeout, TransportError, UnsupportedProductError
from elasticsearch import SSLError as TlsError

from soc.settings import ElasticsearchSettings
from soc.store.elasticsearch_client import told

REACH_SECONDS = 5.0
OLDEST = 9


class ReachedNode(NamedTuple):
    """One configured address.

    Attributes:
        problem: why it cannot be used, and what to do; "" if it can.
        version: what it says it is.
    """

    server: str
    problem: str
    version: str = ""


async def reach(settings: ElasticsearchSettings) -> list[ReachedNode]:
    """Ask every configured address, side by side."""
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_reach(url, settings)) for url in settings.urls]
    return [task.result() for task in asked]


async def _reach(url: str, settings: ElasticsearchSettings) -> ReachedNode:
    options: dict[str, Any] = {"request_timeout": REACH_SECONDS, "max_retries": 0}
    if settings.api_key:
        options["api_key"] = settings.api_key
    elif settings.username:
        options["basic_auth"] = (settings.username, settings.password)
    if settings.ca_file:
        options["ca_certs"] = settings.ca_file
    try:
        client = AsyncElasticsearch([url], **options)
    except (OSError, ValueError) as error:  # a file that is no certificate
        return ReachedNode(url, f"[elasticsearch] ca_file cannot be used: {error}")
    try:
        nodes: dict[str, Any] = (await client.nodes.info(node_id="_local", filter_path="nodes.*.version"))["nodes"]
        (number,) = (str(node["version"]) for node in nodes.values())
    except (ApiError, TransportError, UnsupportedProductError) as error:
        return ReachedNode(url, in_plain_words(error, settings))
    finally:
        await client.close()
    if int(number.partition(".")[0]) < OLDEST:
        return ReachedNode(url, f"is Elasticsearch {number}; {OLDEST} or newer is needed")
    return ReachedNode(url, "", f"Elasticsearch {number}")


def in_plain_words(error: Exception, settings: ElasticsearchSettings) -> str:
    """Why a node cannot be used, and what to do about it."""
    text = told(error) if isinstance(error, TransportError) else str(error)
    if isinstance(error, ApiError):
        return _refused(error, settings)
    if isinstance(error, UnsupportedProductError):
        return "something answers there that is not Elasticsearch: check [elasticsearch] urls"
    if isinstance(error, ConnectionTimeout):
        return f"no answer within {REACH_SECONDS:.0f} s: it hangs, or a firewall is in between"
    if isinstance(error, TlsError) or "certificate" in text.lower():
        if "record layer" in text or "wrong version" in text.lower():
            return "no TLS there: write http://, or name its TLS port"
        return f"its certificate is not accepted: set [elasticsearch] ca_file to the CA that signed it ({text[:200]})"
    if "Name or service not known" in text or "getaddrinfo" in text or "name resolution" in text:
        return "its name is not known here: check the name and this host's DNS"
    if "Connect call failed" in text or "refused" in text.lower():
        return "nobody listens there: is the node running, and is this its HTTP port?"
    if "disconnected" in text.lower():
        return "it hangs up: it may want TLS (write https://)"
    return f"it cannot be reached: {text}"


def _refused(error: ApiError, settings: ElasticsearchSettings) -> str:
    who = "the API key" if settings.api_key else f"the user {settings.username!r}" if settings.username else "us"
    match error.status_code:
        case 401 if who == "us":
            return "it wants a sign-in: set [elasticsearch] api_key, or username and password"
        case 401:
            return f"it refuses {who}: check [elasticsearch] api_key, username, password"
        case 403:
            return f"it knows {who} and does not allow this: {told(error)}"
        case _:
            return f"it answers {told(error)}"
