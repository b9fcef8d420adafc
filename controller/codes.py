"""Scan codes and page marks: what only a phone that has seen them can know.

A *token* is what the QR code carries: 128 random bits, good for one drink. It
exists in memory only; on disk there is its digest. A *mark* is put into each
page that is served: it says when, and is sealed with a key of this process, so
that no list of served pages has to be kept and none can be overfilled.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import count

TOKEN_BYTES = 16
"""128 bits: a guess a nanosecond would need ten times the age of the universe."""

TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)

_SEAL_BYTES = 12
_STAMP_BYTES = 6
_SERIAL_BYTES = 6


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh token as 22 characters of base64url."""
    return base64.urlsafe_b64encode(random_bytes(TOKEN_BYTES)).rstrip(b"=").decode()


@lru_cache(maxsize=16)  # Whoever shows a token, or taps on its page, asks for the same again.
def digest(token: str) -> str:
    """What may be kept of a token: SHA-256, hex. 128 random bits can't be found back from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def scan_url(public_url: str, token: str) -> str:
    """What the QR code says."""
    return f"{public_url}/s/{token}"


class Marks:
    """Seals the moment a page is served into the page. Threads may share it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._serial = count(1)

    def make(self, code: int, served_ms: int) -> str:
        """A new mark, for one page of code number ``code`` that is served at ``served_ms``."""
        stamp = served_ms.to_bytes(_STAMP_BYTES) + next(self._serial).to_bytes(_SERIAL_BYTES)
        return (stamp + self._seal(code, stamp)).hex()

    def served_ms(self, code: int, mark: str) -> int | None:
        """When the page with this mark was served, or None if we didn't make it for ``code``."""
        try:
            raw = bytes.fromhex(mark)
        except ValueError:
            return None
        stamp, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(code, stamp)):
            return None
        return int.from_bytes(stamp[:_STAMP_BYTES])

    def _seal(self, code: int, stamp: bytes) -> bytes:
        return hashlib.blake2b(
            code.to_bytes(8) + stamp, key=self._key, digest_size=_SEAL_BYTES
        ).digest()
