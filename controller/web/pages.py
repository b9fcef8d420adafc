"""Draws the pages. The phone's are drawn once each, and only their few moving parts per visitor.

A warning must be on the phone within a second while a hall full of people
scans, on a Raspberry Pi: so a page is drawn as a form, filled in with the
token, the mark and the dwell of this visitor.
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from controller.door import Page, Word
from controller.events import Outcome
from controller.machine import Reason
from controller.status import Status
from controller.table import State
from controller.web.words import EN, ZH, Words

_HERE = Path(__file__).parent
_PARTS = ("token", "mark", "wait_ms", "wait_s")
_PART = re.compile("\x02([a-z_]+)\x03")


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _script(name: str) -> Markup:
    return Markup((_HERE / "static" / name).read_text(encoding="utf-8").strip())  # noqa: S704


@cache
def content_security_policy() -> str:
    """The pages run our scripts and nothing else, and talk to this machine only."""
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(_script(name).encode()).digest()).decode()}'"
        for name in ("countdown.js", "follow.js", "screen.js")
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    )


def phone(page: Page, words: Words, token: str) -> bytes:
    """The warning, with what ``page`` says beneath it. ``token`` must be well-formed or empty."""
    reason = page.status.reason if page.status else None
    return _phone_form(page.word, words.lang, reason) % {
        b"token": token.encode(),
        b"mark": page.mark.encode(),
        b"wait_ms": b"%d" % page.wait_ms,
        b"wait_s": b"%d" % -(-page.wait_ms // 1000),
    }


@cache
def _phone_form(word: Word, lang: str, reason: Reason | None) -> bytes:
    """The page with a ``%(name)s`` for each of ``_PARTS``."""
    words, other = (EN, ZH) if lang == EN.lang else (ZH, EN)
    page = Page(word)
    html = (
        _templates()
        .get_template("phone.html")
        .render(
            words=words,
            other=other,
            form=word is Word.FORM,
            moves=page.moves,
            told=words.told.get(word),
            reason=words.out_of_service[reason] if reason else "",
            countdown=_script("countdown.js"),
            follow=_script("follow.js"),
            **{part: f"\x02{part}\x03" for part in _PARTS},
        )
    )
    html = re.sub(r"\n+", "\n", html).replace("%", "%%")
    return _PART.sub(r"%(\1)s", html).encode()


_FACES = {
    State.IDLE: "ready",
    State.SCANNED: "busy",
    State.WARNED: "busy",
    State.DISPENSING: "dispensing",
    State.OUT_OF_SERVICE: "out",
}


def face(status: Status) -> str:
    """Which face the machine's screen shows."""
    return _FACES[status.state]


def went_well(status: Status) -> bool:
    """Whether the latest visitor may be told to enjoy the drink."""
    return status.last_outcome not in (Outcome.FAILED, Outcome.UNKNOWN)


def scannable_code(status: Status) -> int:
    """The number of the code on the screen; 0 while somebody is served or nobody can be."""
    return status.code if status.state is State.IDLE else 0


def screen(status: Status, *, name: str, simulated: bool) -> str:
    """The machine's own screen."""
    faces = [
        {"name": kind, "zh": getattr(ZH, f"screen_{kind}"), "en": getattr(EN, f"screen_{kind}")}
        for kind in ("ready", "busy", "dispensing", "enjoy", "sorry", "out", "lost")
    ]
    reasons = [
        {"name": reason.value, "zh": ZH.out_of_service[reason], "en": EN.out_of_service[reason]}
        for reason in Reason
    ]
    return (
        _templates()
        .get_template("screen.html")
        .render(
            name=name,
            simulated=simulated,
            face=face(status),
            reason=status.reason.value if status.reason else "",
            code=scannable_code(status) or "",
            faces=faces,
            reasons=reasons,
            script=_script("screen.js"),
        )
    )
