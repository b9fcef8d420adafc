"""Events that nobody can mean: for another code or dispense, or in a state that knows none such."""

from collections.abc import Iterator

from controller.events import (
    Confirmed,
    DeadlinePassed,
    Dropped,
    Event,
    Failed,
    JournalBack,
    OperatorResume,
    Outcome,
    PulseStarted,
    RelayBack,
    Released,
    Scanned,
    SensorBack,
    WarningShown,
)
from controller.memory import Phase
from controller.table import State
from sim.explore.mind import CODE, NEXT_ID, NOW_MS, Mind
from sim.explore.moves import LONG_AGO_MS
from sim.explore.situation import WINNER
from sim.explore.turn import LOST


def nonsense(mind: Mind) -> Iterator[Event]:
    """Those for ``mind``, which must refuse each of them. None is due."""
    state, run = mind.state, mind.memory.run
    for code in (CODE - 1, CODE, CODE + 1):
        current = code == CODE
        if not (current and state is State.IDLE):
            yield Scanned(code)
        if not (current and state is State.SCANNED):
            yield WarningShown(code)
        if not (current and state is State.WARNED):
            yield Confirmed(code, LONG_AGO_MS, WINNER)
    # No page has been read that is served at this moment.
    yield Confirmed(CODE, NOW_MS, WINNER)
    yield DeadlinePassed()
    if state is not State.OUT_OF_SERVICE:
        yield from (RelayBack(), JournalBack(), SensorBack(), OperatorResume())
    running = None if run is None else run.dispense_id
    for number in (NEXT_ID - 2, NEXT_ID - 1, NEXT_ID):
        if number != running:
            yield PulseStarted(number)
            yield Released(number, Outcome.COMMANDED)
            yield Dropped(number)
            yield Failed(number, Outcome.FAILED, drink_kept=True)
            yield Failed(number, Outcome.UNKNOWN, relay_lost=LOST)
    if run is not None and run.phase in (Phase.ENDING, Phase.FALLING):
        yield PulseStarted(run.dispense_id)
