"""Fetches that say themselves that nobody is looking.

Messengers, mail scanners and browsers fetch an address before a person does.
That is harmless, since a fetch releases nothing; knowing the polite ones keeps
the screen from saying "someone is being served" when nobody is. Whoever is
taken for one by mistake loses nothing: a tap counts all the same.
"""

import re
from collections.abc import Mapping

_ROBOT = re.compile(
    rb"bot\b|crawl|spider|preview|facebookexternalhit|whatsapp/|slack-imgproxy|skypeuri|embedly",
    re.IGNORECASE,
)


def says_so(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request calls itself a look ahead: HEAD, prefetch, prerender or a robot.

    ``headers`` are those of ASGI, their names in lower case.
    """
    if method == "HEAD":
        return True
    for name in (b"sec-purpose", b"purpose", b"x-moz"):
        purpose = headers.get(name, b"")
        if b"prefetch" in purpose or b"preview" in purpose:
            return True
    return _ROBOT.search(headers.get(b"user-agent", b"")) is not None
