"""Tells a situation so that the same one always looks the same, and there are finitely many.

Times count from the present moment, codes and dispenses from the latest, and what can't
matter any more is forgotten, by the watchers too.
"""

from dataclasses import replace
from typing import NamedTuple, TypeVar

from controller.commands import Settle
from controller.events import Event
from sim.explore.around import Around, Open, Page
from sim.explore.judge import Names, News
from sim.explore.mind import CODE, NEXT_ID, NOW_MS, Core, Mind
from sim.explore.turn import Turn

WINNER = "winner"
_MARKS = ("first", "second", "third")

_NO_NUMBERS: frozenset[int] = frozenset()

_Numbered = TypeVar("_Numbered", bound=Event | Settle)


class Telling(NamedTuple):
    """A situation, and the news for the watchers."""

    mind: Mind | None
    """None while no controller runs."""
    around: Around
    news: News


def tell(core: Core, mind: Mind | None, turn: Turn, passed_ms: int = 0) -> Telling:
    """What has come of ``turn``, ``passed_ms`` later, told as of NOW_MS."""
    if mind is None:
        return _without_controller(turn)
    around, memory = turn.around, mind.memory
    newer, renewed = memory.next_dispense_id - NEXT_ID, memory.code - CODE
    # Of those that both count, one stands for many.
    forgiven = max(0, min(memory.unknown, around.unknown) - 1)
    pages = _aged(around.pages, passed_ms, core.dwell_ms) if mind.door_is_open else []
    opened = _numbers(around)
    run = memory.run
    news = News(
        seen=turn.seen,
        passed_ms=passed_ms,
        settled=bool(passed_ms) and not around.owed,
        pages=_names(around, pages, renewed),
        newer=newer,
        running=opened if run is None else opened | {run.dispense_id, run.retry_of},
        open=opened,
        latest=NEXT_ID - 1 + newer,
    )
    told = Around(
        alive=True,
        relay=around.relay,
        journal_well=around.journal_well,
        # What nobody has heard of may be well at the next look.
        sensor_well=around.sensor_well or not (memory.sensor_fault or around.owed or around.news),
        coil=around.coil,
        stock=around.stock,
        unknown=around.unknown - forgiven,
        open=around.open and tuple([_open(each, newer, renewed) for each in around.open]),
        unsettled=around.unsettled
        and tuple(
            [_renumbered(each, newer) for each in around.unsettled if each.dispense_id in opened]
        ),
        owed=around.owed and tuple([each and _renumbered(each, newer) for each in around.owed]),
        news=around.news and _renumbered(around.news, newer),
        # Where nothing is due and nobody waits, no time is too late.
        late=around.late and (memory.deadline_ms is not None or around.fair),
        pages=tuple([page._replace(mark=_MARKS[place]) for place, page in enumerate(pages)])
        if pages
        else (),
        spent=around.spent,
        winner=WINNER if around.spent else "",
    )
    return Telling(core.retold(mind, passed_ms, forgiven), told, news)


def _without_controller(turn: Turn) -> Telling:
    around = turn.around
    opened = _numbers(around)
    news = News(
        seen=turn.seen,
        pages=_names(around, [], 0),
        running=opened,
        open=opened,
        latest=NEXT_ID - 1,
    )
    winner = WINNER if around.spent else ""
    return Telling(None, around._replace(unknown=min(around.unknown, 1), winner=winner), news)


def _aged(pages: tuple[Page, ...], passed_ms: int, dwell_ms: int) -> list[Page]:
    """In order; one whose dwell has passed is like any older one."""
    long_ago_ms = NOW_MS - dwell_ms
    aged = [page._replace(served_ms=max(page.served_ms - passed_ms, long_ago_ms)) for page in pages]
    return sorted(aged, key=lambda page: (page.served_ms, page.tapped))


def _names(around: Around, pages: list[Page], renewed: int) -> Names:
    """Those pages that may still matter, and what each is called from now on."""
    if not (pages or around.spent):
        return ()
    names = [
        ((str(CODE), page.mark), (str(CODE), _MARKS[place])) for place, page in enumerate(pages)
    ]
    if around.spent:
        was = str(around.spent + renewed), around.winner
        names.append((was, (str(around.spent), WINNER)))
    return tuple(names)


def _numbers(around: Around) -> frozenset[int]:
    return frozenset([each.dispense_id for each in around.open]) if around.open else _NO_NUMBERS


def _open(entry: Open, newer: int, renewed: int) -> Open:
    if not (newer or renewed):
        return entry
    return entry._replace(
        dispense_id=entry.dispense_id - newer,
        token=str(max(0, int(entry.token) - renewed)),
        retry_of=entry.retry_of and entry.retry_of - newer,
    )


def _renumbered(what: _Numbered, newer: int) -> _Numbered:
    number = getattr(what, "dispense_id", None)
    if not newer or number is None:
        return what
    return replace(what, dispense_id=number - newer)
