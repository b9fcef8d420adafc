"""``quench explore``: every variant of the rules, one after the other."""

import gc
import json

from controller.errors import QuenchError
from controller.report import say
from sim.explore import report
from sim.explore.alphabet import VARIANTS, Alphabet
from sim.explore.search import Found, Search


def run(depth: int | None, *, as_json: bool) -> None:
    """Explore and print. Raises QuenchError at the first property that does not hold."""
    searches: dict[str, Found] = {}
    if not as_json:
        say(report.HEADING)
    for name, alphabet in VARIANTS.items():
        found = searches[name] = _explored(alphabet, depth)
        if not as_json:
            say(report.row(name, found))
        if found.wrong:
            break
    say(json.dumps(report.as_json(searches)) if as_json else "\n".join(report.summary(searches)))
    if found.wrong:
        if not as_json:
            say("\n".join(report.violation(found)))
        raise QuenchError(f"{name}: {report.complaint(found)}")


def _explored(alphabet: Alphabet, depth: int | None) -> Found:
    """A search makes no garbage before its end: to look for it takes a sixth of the time."""
    search = Search(alphabet)
    gc.disable()
    try:
        return search.run(depth)
    finally:
        gc.enable()
        search.core.forget()
