"""The archive's place in a bucket of any server that speaks S3: names are keys below the prefix that the settings name."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from soc.archive.place import Stored
from soc.errors import UnavailableError
from soc.settings import ArchiveSettings

if TYPE_CHECKING:
    from obstore.store import S3Config  # stands in the stubs alone

_RETRY_SECONDS = 20.0
"""For so long a request that fails for the moment is tried again, before whoever asked is told."""


class Bucket:
    """See ``soc.archive.place.Place``.

    Args:
        settings: with ``url``; without keys those of the environment or the machine are used.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        parts = urlsplit(settings.url)
        self._url = settings.url
        seconds = timedelta(seconds=settings.timeout_seconds)
        config: S3Config = {
            "region": settings.region,
            "virtual_hosted_style_request": not settings.endpoint,  # servers of one's own seldom have a name per bucket
        }
        if settings.endpoint:
            config["endpoint"] = settings.endpoint.rstrip("/")
        if settings.access_key:
            config["access_key_id"] = settings.access_key
            config["secret_access_key"] = settings.secret_key
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={"allow_http": settings.endpoint.startswith("http://"), "timeout": seconds},
            retry_config={"retry_timeout": timedelta(seconds=min(_RETRY_SECONDS, settings.timeout_seconds))},
        )

    def __str__(self) -> str:
        return self._url

    def put(self, name: str, data: bytes) -> None:
        """See the port: one request, so that an object appears whole."""
        try:
            obstore.put(self._store, name, data, use_multipart=False)
        except BaseError as error:
            raise self._away(error) from error

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See the port."""
        try:
            size = obstore.head(self._store, name)["size"]
            end = size if length is None else min(size, start + length)
            if start >= end:
                return b""
            return bytes(obstore.get_range(self._store, name, start=start, end=end))
        except FileNotFoundError:
            raise
        except BaseError as error:
            raise self._away(error) from error

    def size(self, name: str) -> int:
        """See the port."""
        try:
            return obstore.head(self._store, name)["size"]
        except FileNotFoundError:
            raise
        except BaseError as error:
            raise self._away(error) from error

    def list(self, prefix: str) -> Iterator[Stored]:
        """See the port."""
        try:
            for page in obstore.list(self._store, prefix=prefix.rstrip("/") or None, return_arrow=False):  # pyright: ignore[reportUnknownMemberType] - its other overloads need another library
                for item in page:
                    yield Stored(item["path"], item["size"])
        except BaseError as error:
            raise self._away(error) from error

    def folders(self) -> Sequence[str]:
        """See the port."""
        try:
            found = obstore.list_with_delimiter(self._store, return_arrow=False)["common_prefixes"]  # pyright: ignore[reportUnknownMemberType] - as above
        except BaseError as error:
            raise self._away(error) from error
        return sorted(prefix.strip("/") for prefix in found)

    def delete(self, name: str) -> None:
        """See the port."""
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise self._away(error) from error

    def _away(self, error: BaseError) -> UnavailableError:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return UnavailableError(f"archive: {self._url}: {first}; see [archive] url, endpoint and keys")
