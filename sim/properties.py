"""The safety properties S1 to S5 and S7, written once, judged on what an onlooker sees.

Each is a small watcher: one of its ``looks`` takes what was seen, ``at`` the time
that has come. Both return what is wrong, or None. S6 (nobody is recorded) is a question
to files and logs, and S8 (the lesson is free) one to the pages: they have
functions of their own here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


Look = Callable[[Any], str | None]
"""What one thing that was seen breaks, if anything."""


class Watcher:
    """One property."""

    name = ""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def looks(self) -> Mapping[type[Seen], Look]:
        """What it wants to see, and what it makes of it."""
        raise NotImplementedError

    def at(self, now_ms: int) -> str | None:
        """What should have happened by ``now_ms`` and has not, if anything."""
        return None

    def retell(self, to: Retelling) -> None:
        """Remember the same in the words of ``to``."""


class WarnedFirst(Watcher):
    """S1: served, shown, the dwell passed, tapped: before any relay is energised."""

    name = "S1 warned first"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._served: dict[tuple[str, str], int] = {}
        """When each page was served first."""
        self._shown: set[tuple[str, str]] = set()
        self._tapped: dict[str, int] = {}
        """When the first page of that token was served, by digest, that was shown, then tapped."""

    def looks(self) -> Mapping[type[Seen], Look]:
        return {
            Served: self._see_page,
            Shown: self._see_shown,
            Tapped: self._see_tap,
            RelaySwitched: self._see_relay,
        }

    def _see_page(self, seen: Served) -> None:
        self._served[seen.token, seen.mark] = seen.at_ms
        if len(self._served) > REMEMBERED:
            self._forget(next(iter(self._served)))

    def _see_shown(self, seen: Shown) -> None:
        self._shown.add((seen.token, seen.mark))

    def _see_tap(self, seen: Tapped) -> None:
        page = seen.token, seen.mark
        if page in self._shown and page in self._served:
            served_ms, whose = self._served[page], digest(seen.token)
            self._tapped[whose] = min(served_ms, self._tapped.get(whose, served_ms))

    def _see_relay(self, seen: RelaySwitched) -> str | None:
        if not seen.on:
            return None
        long_ago_ms = seen.at_ms - self.limits.dwell_ms
        for intent in seen.intents:
            served_ms = self._tapped.get(intent.token_digest)
            if served_ms is not None and served_ms <= long_ago_ms:
                return None
        return f"channel {seen.channel} is energised for nobody who was warned"

    def _forget(self, page: tuple[str, str]) -> None:
        """The machine has forgotten its code, and may serve nobody for it."""
        del self._served[page]
        self._shown.discard(page)
        self._tapped.pop(digest(page[0]), None)

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

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._pulses: dict[str, list[Intent]] = {}
        self._running: list[Intent] = []
        self._fell: set[int] = set()

    def looks(self) -> Mapping[type[Seen], Look]:
        return {RelaySwitched: self._see_relay, Fell: self._see_drink}

    def _see_relay(self, seen: RelaySwitched) -> str | None:
        if not seen.on:
            return None
        self._running = list(seen.intents)
        for intent in seen.intents:
            before = self._pulses.setdefault(intent.token_digest, [])
            before.append(intent)
            if len(self._pulses) > REMEMBERED:
                del self._pulses[next(iter(self._pulses))]
            if len(before) > 1 and not self._may_try(*before):
                return f"a second pulse for the token of dispense {intent.dispense_id}"
        return None

    def _see_drink(self, seen: Fell) -> None:
        if not seen.unseen:
            self._fell = _whose(self._running, self.limits.slot.get(seen.channel)) or self._fell

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

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._on_ms: dict[int, int] = {}
        self._not_yet_off: set[int] = set()
        self._alive = False
        self._fair = True
        self._dark = False
        self._state: State | None = None

    def looks(self) -> Mapping[type[Seen], Look]:
        return {
            Booted: self._see_birth_or_death,
            Died: self._see_birth_or_death,
            Weather: self._see_weather,
            Attached: self._see_port,
            RelaySwitched: self._see_relay,
            StateSeen: self._see_state,
        }

    def _see_birth_or_death(self, seen: Booted | Died) -> None:
        self._alive = isinstance(seen, Booted)
        self._state = None
        self._excuse(seen.at_ms)

    def _see_weather(self, seen: Weather) -> None:
        self._fair = seen.fair
        # What a board without power is told, it doesn't hear; its relays have fallen.
        if "dead" in seen.wrong:
            self._not_yet_off.clear()
        self._dark = "dead" in seen.wrong
        self._excuse(seen.at_ms)

    def _see_port(self, seen: Attached) -> None:
        self._not_yet_off = set() if self._dark else set(self.limits.pulse_ms)

    def _see_state(self, seen: StateSeen) -> str | None:
        self._state = seen.state
        return self._at_rest()

    def _see_relay(self, seen: RelaySwitched) -> str | None:
        if seen.on:
            return self._energised(seen)
        self._not_yet_off.discard(seen.channel)
        self._on_ms.pop(seen.channel, None)
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

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._state: State | None = None
        self._dead: set[int] = set()
        self._open: set[int] = set()
        self._count = 0

    def looks(self) -> Mapping[type[Seen], Look]:
        return {
            RelaySwitched: self._see_relay,
            Booted: self._see_birth,
            Died: self._see_death,
            StateSeen: self._see_state,
            BooksSeen: self._see_books,
        }

    def _see_relay(self, seen: RelaySwitched) -> str | None:
        if not seen.on:
            return None
        slots = [intent.slot for intent in seen.intents]
        if slots != [self.limits.slot.get(seen.channel)]:
            return f"channel {seen.channel} energised with intents for {slots}"
        self._open = {intent.dispense_id for intent in seen.intents}
        if self._open & self._dead:
            return f"dispense {self._open} fired again after a restart"
        return None

    def _see_birth(self, seen: Booted) -> None:
        self._state = None

    def _see_death(self, seen: Died) -> None:
        self._dead |= self._open

    def _see_state(self, seen: StateSeen) -> None:
        self._state = seen.state

    def _see_books(self, seen: BooksSeen) -> str | None:
        self._count = seen.open
        return f"{self._count} intents are open" if self._count > 1 else None

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

    def looks(self) -> Mapping[type[Seen], Look]:
        return {BooksSeen: self._see_books}

    def _see_books(self, seen: BooksSeen) -> str | None:
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

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._running: tuple[Intent, ...] = ()
        self._fell: set[int] = set()
        """The dispense of the drink that fell last."""

    def looks(self) -> Mapping[type[Seen], Look]:
        return {
            RelaySwitched: self._see_relay,
            Fell: self._see_drink,
            Entered: self._see_entry,
        }

    def _see_relay(self, seen: RelaySwitched) -> None:
        if seen.on:
            self._running = seen.intents

    def _see_drink(self, seen: Fell) -> None:
        if not seen.unseen:
            self._fell = _whose(self._running, self.limits.slot.get(seen.channel)) or self._fell

    def _see_entry(self, seen: Entered) -> str | None:
        if seen.dispense_id not in self._fell or seen.found:
            return None
        if seen.drink_kept or seen.outcome == "failed":
            return f"the drink of dispense {seen.dispense_id} fell, and the books deny it"
        return None


def _whose(running: Iterable[Intent], slot: str | None) -> set[int]:
    """Of which dispense a drink was that fell from that slot."""
    return {intent.dispense_id for intent in running if intent.slot == slot}


def _told(books: Iterable[Sums]) -> str:
    return ", ".join(str(Book(*book)) for book in books)


class ItAlwaysComesBack(Watcher):
    """S7: with the faults gone, idle or out of service within the longest timeout."""

    name = "S7 it always comes back"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._since_ms = 0
        self._state: State | None = None
        self._reason: Reason | None = None
        self._fair = True

    def looks(self) -> Mapping[type[Seen], Look]:
        return {
            Booted: self._see_birth_or_death,
            Died: self._see_birth_or_death,
            Weather: self._see_weather,
            Stalled: self._see_stall,
            StateSeen: self._see_state,
        }

    def _see_birth_or_death(self, seen: Booted | Died) -> None:
        self._state = None
        self._since_ms = seen.at_ms

    def _see_weather(self, seen: Weather) -> None:
        self._fair = seen.fair
        self._since_ms = seen.at_ms

    def _see_stall(self, seen: Stalled) -> None:
        self._since_ms = seen.until_ms

    def _see_state(self, seen: StateSeen) -> None:
        if seen.state is not self._state or seen.reason is not self._reason:
            self._state, self._reason = seen.state, seen.reason
            self._since_ms = seen.at_ms

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
        self._looks: defaultdict[type[Seen], list[tuple[str, Look]]] = defaultdict(list)
        for each in watchers:
            for kind, look in each.looks().items():
                self._looks[kind].append((each.name, look))

    def see(self, seen: Seen) -> None:
        """Raises Violation."""
        for name, look in self._looks[type(seen)]:
            wrong = look(seen)
            if wrong is not None:
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
