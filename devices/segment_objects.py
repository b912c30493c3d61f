"""Segments as objects of an S3 that may be away."""

import time
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

# Nobody waits long for a part of a page; the SDK's own patience is minutes.
_PATIENCE = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 2, "mode": "standard"},
)
# After a failure nobody waits for it again for so long.
_REST_S = 5.0


class StoreAway(OSError):
    """The store of segments does not answer, or did not a moment ago."""


class SegmentObjects(S3Storage):  # type: ignore[misc]
    """Objects in a bucket, read by one request each."""

    _rests_until_s = 0.0

    def get_default_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = super().get_default_settings()
        return settings | {"client_config": _PATIENCE}

    def read_whole(self, name: str) -> bytes:
        """Return an object; ``FileNotFoundError`` if there is none.

        Raises ``StoreAway`` if S3 cannot be asked, or refuses.
        """
        if time.monotonic() < self._rests_until_s:
            raise StoreAway("The store of segments was away a moment ago.")
        key = self._normalize_name(clean_name(name))
        try:
            data: bytes = self.bucket.Object(key).get()["Body"].read()
        except (BotoCoreError, ClientError) as error:
            if _is_missing(error):
                raise FileNotFoundError(f"There is no object {name}.") from error
            self._rests_until_s = time.monotonic() + _REST_S
            raise StoreAway(f"The store of segments does not answer: {error}") from None
        return data


def _is_missing(error: BotoCoreError | ClientError) -> bool:
    response = getattr(error, "response", {})
    # A bucket that is missing is a mistake of the setup, no lost segment.
    return response.get("Error", {}).get("Code") in ("NoSuchKey", "404")
