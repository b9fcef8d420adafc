"""The safety properties S1 to S5 and S7, written once, judged on what an onlooker sees.

Each is a small watcher: ``see`` takes what was seen, ``at`` the time that has
come. Both return what is wrong, or None. S6 (nobody is recorded) is a question
to files and logs, and S8 (the lesson is free) one to the pages: they have
functions of their own here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller import visits
from controller.codes import digest
from controller.journal import Book
from controller.machine import Reason
from controller.table import State
from sim.retelling import Retelling
from sim.trace import (
    Attached,
    BooksSeen,
    Booted,
    Died,
    Entered,
    Fell,
    Intent,
    RelaySwitched,
    Seen,
    Served,
    Shown,
    Stalled,
    StateSeen,
    Sums,
    Tapped,
    Weather,
)

MARGIN_MS = 1_000
"""How much longer than ``pulse_ms`` a relay may stay energised: every channel of the largest
board is told OFF within it, at the slowest pace that a dialect asks for."""

_IN_SERVICE = (State.IDLE, State.SCANNED, State.WARNED)
SELF_MENDING = (
    Reason.STARTING,
    Reason.RELAY_LOST,
    Reason.JOURNAL_LOST,
    Reason.SENSOR_LOST,
)
"""Why a machine is out of service that comes back by itself."""


REMEMBERED = 16 * visits.KEPT
"""So many pages, and so many tokens, are remembered: many times what the machine itself knows."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the machine that is watched, in milliseconds."""

    dwell_ms: int
    longest_ms: int
    """The longest configured timeout."""
    pulse_ms: Mapping[int, int]
    """By channel."""
    slot: Mapping[int, str]
    """The slot of each channel."""
    tries_another_slot: bool = False
    """Whether another slot may be tried, once, when no drink fell."""
    margin_ms: int = MARGIN_MS
    """How late everything may come."""


class Violation(AssertionError):
    """A property does not hold; the text names it, the moment, and what was seen."""


class Watcher:
    """One property."""

    name = ""
    looks_at: tuple[type[Seen], ...] = ()
    """What it wants to see."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def see(self, seen: Seen) -> str | None:
        """What ``seen`` breaks, if anything."""
        return None

    def at(self, now_ms: int) -> str | None:
        """What should have happened by ``now_ms`` and has not, if anything."""
        return None

    def retell(self, to: Retelling) -> None:
        """Remember the same in the words of ``to``."""


class WarnedFirst(Watcher):
    """S1: served, shown, the dwell passed, tapped: before any relay is energised."""

    name = "S1 warned first"
    looks_at = (Served, Shown, Tapped, RelaySwitched)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._served: dict[tuple[str, str], int] = {}
        """When each page was served first."""
        self._shown: set[tuple[str, str]] = set()
        self._tapped: dict[str, int] = {}
        """When the first page of that token was served, by digest, that was shown, then tapped."""

    def see(self, seen: Seen) -> str | None:
        match seen:
            case Served():
                self._served[seen.token, seen.mark] = seen.at_ms
                if len(self._served) > REMEMBERED:
                    self._forget(next(iter(self._served)))
            case Shown():
                self._shown.add((seen.token, seen.mark))
            case Tapped():
                self._see_tap(seen.token, seen.mark)
            case RelaySwitched(on=True):
                long_ago_ms = seen.at_ms - self.limits.dwell_ms
                for intent in seen.intents:
                    served_ms = self._tapped.get(intent.token_digest)
                    if served_ms is not None and served_ms <= long_ago_ms:
                        return None
                return f"channel {seen.channel} is energised for nobody who was warned"
        return None

    def _forget(self, page: tuple[str, str]) -> None:
        """The machine has forgotten its code, and may serve nobody for it."""
        del self._served[page]
        self._shown.discard(page)
        self._tapped.pop(digest(page[0]), None)

    def _see_tap(self, token: str, mark: str) -> None:
        page = token, mark
        if page in self._shown and page in self._served:
            served_ms, whose = self._served[page], digest(token)
            self._tapped[whose] = min(served_ms, self._tapped.get(whose, served_ms))

    def retell(self, to: Retelling) -> None:
        long_ago_ms = to.now_ms - self.limits.dwell_ms

        def retold_ms(was_ms: int) -> int:
            return max(to.at_ms(was_ms), long_ago_ms)

        self._served = {
            page: retold_ms(self._served[was])
            for was, page in to.pages.items()
            if was in self._served
        }
        self._shown = {page for was, page in to.pages.items() if was in self._shown}
        tokens = {digest(was[0]): digest(page[0]) for was, page in to.pages.items()}
        self._tapped = {
            tokens[whose]: retold_ms(served_ms)
            for whose, served_ms in self._tapped.items()
            if whose in tokens
        }


class OneScanOneDrink(Watcher):
    """S2: a token leads to at most one pulse, or to one more in another slot if no drink fell."""

    name = "S2 one scan, one drink"
    looks_at = (RelaySwitched, Fell)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._pulses: dict[str, list[Intent]] = {}
        self._running: list[Intent] = []
        self._fell: set[int] = set()

    def see(self, seen: Seen) -> str | None:
        match seen:
            case RelaySwitched(on=True):
                self._running = list(seen.intents)
                for intent in seen.intents:
                    before = self._pulses.setdefault(intent.token_digest, [])
                    before.append(intent)
                    if len(self._pulses) > REMEMBERED:
                        del self._pulses[next(iter(self._pulses))]
                    if len(before) > 1 and not self._may_try(*before):
                        return f"a second pulse for the token of dispense {intent.dispense_id}"
            case Fell(unseen=False):
                self._fell = _whose(self._running, self.limits.slot.get(seen.channel)) or self._fell
        return None

    def _may_try(self, first: Intent, second: Intent, *more: Intent) -> bool:
        return (
            self.limits.tries_another_slot
            and not more
            and second.retry_of == first.dispense_id
            and second.slot != first.slot
            and first.dispense_id not in self._fell
        )

    def retell(self, to: Retelling) -> None:
        tokens = {digest(was[0]): digest(page[0]) for was, page in to.pages.items()}
        self._pulses = {
            tokens[token]: [to.intent(each, tokens[token]) for each in pulses]
            for token, pulses in self._pulses.items()
            if token in tokens
        }
        self._running = [
            to.intent(each, tokens[each.token_digest])
            for each in self._running
            if each.dispense_id in to.running and each.token_digest in tokens
        ]
        self._fell = to.ids(self._fell, to.running)


class OffIsTheRestingState(Watcher):
    """S3: energised only while dispensing, not too long; every beginning begins with OFF."""

    name = "S3 off is the resting state"
    looks_at = (Booted, Died, Weather, Attached, RelaySwitched, StateSeen)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._on_ms: dict[int, int] = {}
        self._not_yet_off: set[int] = set()
        self._alive = False
        self._fair = True
        self._dark = False
        self._state: State | None = None

    def see(self, seen: Seen) -> str | None:
        match seen:
            case RelaySwitched(on=False):
                self._not_yet_off.discard(seen.channel)
                self._on_ms.pop(seen.channel, None)
            case RelaySwitched(on=True):
                return self._energised(seen)
            case StateSeen():
                self._state = seen.state
                return self._at_rest()
            case Booted() | Died():
                self._alive = isinstance(seen, Booted)
                self._state = None
                self._excuse(seen.at_ms)
            case Weather():
                self._fair = seen.fair
                # What a board without power is told, it doesn't hear; its relays have fallen.
                if "dead" in seen.wrong:
                    self._not_yet_off.clear()
                self._dark = "dead" in seen.wrong
                self._excuse(seen.at_ms)
            case Attached():
                self._not_yet_off = set() if self._dark else set(self.limits.pulse_ms)
        return None

    def at(self, now_ms: int) -> str | None:
        if not self._on_ms:
            return None
        if self._alive and self._fair:
            for channel, on_ms in self._on_ms.items():
                if now_ms - on_ms > self.limits.pulse_ms[channel] + self.limits.margin_ms:
                    return f"channel {channel} has been energised for {now_ms - on_ms} ms"
        return self._at_rest()

    def _at_rest(self) -> str | None:
        if self._on_ms and self._state in _IN_SERVICE:
            return f"{self._state.value} with channels {sorted(self._on_ms)} energised"
        return None

    def _energised(self, seen: RelaySwitched) -> str | None:
        if seen.channel not in self.limits.pulse_ms:
            return f"channel {seen.channel} is no slot's"
        if self._not_yet_off:
            return f"energised before channels {sorted(self._not_yet_off)} were told OFF"
        if self._on_ms:
            return f"channel {seen.channel} energised while {sorted(self._on_ms)} is"
        self._on_ms[seen.channel] = seen.at_ms
        return None

    def _excuse(self, now_ms: int) -> None:
        """Nobody can switch a relay off without a controller or a cable; count from here."""
        self._on_ms = dict.fromkeys(self._on_ms, now_ms)

    def retell(self, to: Retelling) -> None:
        self._on_ms = {channel: to.at_ms(on_ms) for channel, on_ms in self._on_ms.items()}
        if not (self._alive and self._fair):
            self._excuse(to.now_ms)


class IntentBeforeAct(Watcher):
    """S4: an intent for that slot is on disk before ON; a crash leaves none open for long."""

    name = "S4 intent before act"
    looks_at = (RelaySwitched, Booted, Died, StateSeen, BooksSeen)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._state: State | None = None
        self._dead: set[int] = set()
        self._open: set[int] = set()
        self._count = 0

    def see(self, seen: Seen) -> str | None:
        match seen:
            case StateSeen():
                self._state = seen.state
            case BooksSeen():
                self._count = seen.open
                if self._count > 1:
                    return f"{self._count} intents are open"
            case RelaySwitched(on=True):
                slots = [intent.slot for intent in seen.intents]
                if slots != [self.limits.slot.get(seen.channel)]:
                    return f"channel {seen.channel} energised with intents for {slots}"
                self._open = {intent.dispense_id for intent in seen.intents}
                if self._open & self._dead:
                    return f"dispense {self._open} fired again after a restart"
            case Died():
                self._dead |= self._open
            case Booted():
                self._state = None
        return None

    def at(self, now_ms: int) -> str | None:
        if self._count and self._state is State.IDLE:
            return f"{self._count} intents are open in state {self._state.value}"
        return None

    def retell(self, to: Retelling) -> None:
        self._dead = to.ids(self._dead, to.open | {to.latest})
        self._open = to.ids(self._open, to.open)


class TheBooksBalance(Watcher):
    """S5: loaded = dispensed + remaining + failed + unknown, and the dispenses add up to it."""

    name = "S5 the books balance"
    looks_at = (BooksSeen,)

    def see(self, seen: Seen) -> str | None:
        if isinstance(seen, BooksSeen):
            if seen.books != seen.counted:
                return f"{_told(seen.books)}, but dispenses add up to {_told(seen.counted)}"
            for book in seen.books:
                _, loaded, remaining, dispensed, failed, unknown = book
                if loaded != dispensed + remaining + failed + unknown:
                    return f"{_told([book])} does not balance"
        return None


class TheBooksTellTheTruth(Watcher):
    """S5: no drink that came out is booked as one that stayed, or that did not fall."""

    name = "S5 the books balance"
    looks_at = (RelaySwitched, Fell, Entered)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._running: tuple[Intent, ...] = ()
        self._fell: set[int] = set()
        """The dispense of the drink that fell last."""

    def see(self, seen: Seen) -> str | None:
        match seen:
            case Entered() if seen.dispense_id in self._fell:
                if not seen.found and (seen.drink_kept or seen.outcome == "failed"):
                    return f"the drink of dispense {seen.dispense_id} fell, and the books deny it"
            case RelaySwitched(on=True):
                self._running = seen.intents
            case Fell(unseen=False):
                self._fell = _whose(self._running, self.limits.slot.get(seen.channel)) or self._fell
        return None


def _whose(running: Iterable[Intent], slot: str | None) -> set[int]:
    """Of which dispense a drink was that fell from that slot."""
    return {intent.dispense_id for intent in running if intent.slot == slot}


def _told(books: Iterable[Sums]) -> str:
    return ", ".join(str(Book(*book)) for book in books)


class ItAlwaysComesBack(Watcher):
    """S7: with the faults gone, idle or out of service within the longest timeout."""

    name = "S7 it always comes back"
    looks_at = (Booted, Died, Weather, Stalled, StateSeen)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._since_ms = 0
        self._state: State | None = None
        self._reason: Reason | None = None
        self._fair = True

    def see(self, seen: Seen) -> str | None:
        match seen:
            case Booted() | Died():
                self._state = None
                self._since_ms = seen.at_ms
            case Weather():
                self._fair = seen.fair
                self._since_ms = seen.at_ms
            case Stalled():
                self._since_ms = seen.until_ms
            case StateSeen() if (seen.state, seen.reason) != (self._state, self._reason):
                self._state, self._reason = seen.state, seen.reason
                self._since_ms = seen.at_ms
        return None

    def at(self, now_ms: int) -> str | None:
        waited_ms = now_ms - self._since_ms
        if waited_ms > self.limits.longest_ms + self.limits.margin_ms and self._waits():
            return f"{self._state} ({self._reason}) for {waited_ms} ms with every part well"
        return None

    def _waits(self) -> bool:
        """Whether it may not stay so."""
        stuck = self._state not in (None, State.IDLE, State.OUT_OF_SERVICE)
        mends = self._state is State.OUT_OF_SERVICE and self._reason in SELF_MENDING
        return self._fair and (stuck or mends)

    def retell(self, to: Retelling) -> None:
        self._since_ms = to.at_ms(self._since_ms) if self._waits() else to.now_ms


WATCHERS: tuple[type[Watcher], ...] = (
    WarnedFirst,
    OneScanOneDrink,
    OffIsTheRestingState,
    IntentBeforeAct,
    TheBooksBalance,
    ItAlwaysComesBack,
)
"""Those that :mod:`sim.explore` judges with, too: it knows itself what became of each drink."""


class Properties:
    """All of them over one machine."""

    def __init__(self, limits: Limits) -> None:
        self.on_violation: Callable[[Violation], None] = _raise
        """Called with each; whoever plays with a machine wants it to go on."""
        watchers = [watcher(limits) for watcher in (*WATCHERS, TheBooksTellTheTruth)]
        self._patient = [
            (each.name, each.at) for each in watchers if type(each).at is not Watcher.at
        ]
        self._watching = {
            kind: [each.see for each in watchers if kind in each.looks_at]
            for kind in {kind for each in watchers for kind in each.looks_at}
        }

    def see(self, seen: Seen) -> None:
        """Raises Violation."""
        for see in self._watching.get(type(seen), ()):
            wrong = see(seen)
            if wrong is not None:
                name = see.__self__.name
                self.on_violation(Violation(f"{name}: at {seen.at_ms} ms: {wrong} ({seen})"))

    def at(self, now_ms: int) -> None:
        """Raises Violation."""
        for name, at in self._patient:
            wrong = at(now_ms)
            if wrong is not None:
                self.on_violation(Violation(f"{name}: at {now_ms} ms: {wrong}"))


def _raise(violation: Violation) -> None:
    raise violation


def recorded(haystacks: Iterable[tuple[str, bytes]], secrets: Sequence[str]) -> Iterator[str]:
    """S6: where any of ``secrets`` (tokens, addresses, user agents) is found in files or logs."""
    for name, content in haystacks:
        for secret in secrets:
            if secret.encode() in content:
                yield f"{secret!r} in {name}"


_LESSON = (
    b"arbitrary code-sweeping will endanger personal property safety",
    "随意扫码将危害个人财产安全".encode(),
)


def teaches(page: str | bytes) -> bool:
    """S8: whether ``page`` holds the lesson, in both languages."""
    content = page.encode() if isinstance(page, str) else page
    return all(words in content for words in _LESSON)
