"""A trace as one HTML file: a timeline, and beneath it everything that was seen.

The file needs nothing else, neither a network nor a script: with one, a mark and its
line find each other without a jump, and arrow keys walk along.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sim.drawing import ROW_PX, TOP_PX, Drawing
from sim.reading import clock, lines
from sim.trace import Lane, Seen
from sim.verdict import verdict

LONG_FACT = 160
"""A fact of more characters is folded away."""


def timeline(
    trace: Iterable[Seen], *, title: str, facts: Mapping[str, str], violation: str = ""
) -> str:
    """The text of that file. The same trace and words give the same bytes.

    ``facts`` stand above it, in their order: the seed, the commit, how to replay it.
    ``violation``: what a property said, if one did.
    """
    wrong = verdict(violation)
    drawing = Drawing(list(lines(trace)), wrong)
    style = Markup(_render("timeline.css", drawing=drawing, top=TOP_PX, row=ROW_PX))  # noqa: S704
    script = Markup(_render("timeline.js"))  # noqa: S704
    return _render(
        "timeline.html",
        policy=f"default-src 'none'; style-src {_hashed(style)}; script-src {_hashed(script)};"
        " base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        title=title,
        facts=facts,
        long_fact=LONG_FACT,
        wrong=wrong,
        lanes={lane.name.lower(): lane.value for lane in Lane},
        drawing=drawing,
        top=TOP_PX,
        row=ROW_PX,
        clock=clock,
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(name: str, **parts: Any) -> str:
    return _templates().get_template(name).render(**parts)


def _hashed(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"
