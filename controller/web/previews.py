"""Fetches that say themselves that nobody is looking.

Messengers, mail scanners and browsers fetch an address before a person does.
That is harmless, since a fetch releases nothing; knowing the polite ones keeps
the screen from saying "someone is being served" when nobody is. Whoever is
taken for one by mistake loses nothing: a tap counts all the same.
"""

import re
from collections.abc import Mapping

_ROBOT = re.compile(
    r"bot\b|crawl|spider|preview|facebookexternalhit|whatsapp/|slack-imgproxy|skypeuri|embedly",
    re.IGNORECASE,
)


def says_so(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request calls itself a look ahead: HEAD, prefetch, prerender or a robot."""
    if method == "HEAD":
        return True
    purpose = headers.get("sec-purpose") or headers.get("purpose") or headers.get("x-moz") or ""
    if "prefetch" in purpose or "preview" in purpose:
        return True
    return _ROBOT.search(headers.get("user-agent", "")) is not None
