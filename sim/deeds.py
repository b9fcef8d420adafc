"""What people, the operator and bad luck do to a machine: deeds, a line of text each.

A deed is data, so that a run can be written down, thinned out and played again; and
each can be done at any moment: one that makes no sense just then does nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from inspect import Parameter, signature
from itertools import repeat
from typing import NamedTuple

from controller.door import Page, Word
from controller.errors import JournalError
from controller.journal import FOUND
from controller.table import State
from controller.web import pages
from controller.web.words import EN
from sim import faults
from sim.properties import SELF_MENDING, Violation, teaches
from sim.world import World

SLOTS = ("water", "tea")
"""Those of the machines that runs are drawn for."""

_WORDS = {"slot": SLOTS, "found": FOUND, "way": ("forth", "back")}


class Deed(NamedTuple):
    """At ``at_ms``, or as soon after it as the world has come there."""

    at_ms: int
    what: str
    args: tuple[int | str, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, (self.at_ms, self.what, *self.args)))


class BadDeed(ValueError):
    """The text says what is wrong, and what is allowed."""


def written(deeds: Iterable[Deed]) -> str:
    """All of them in one line."""
    return "; ".join(map(str, deeds))


def read(text: str) -> list[Deed]:
    """What :func:`written` wrote. Raises BadDeed."""
    return [_read_one(part) for part in text.split(";") if part.strip()]


def _read_one(text: str) -> Deed:
    at, _, rest = text.strip().partition(" ")
    what, *args = rest.split() or [""]
    said = text.strip()
    if not at.isdecimal():
        raise BadDeed(f"{said!r} does not begin with its time in milliseconds")
    if what not in DEEDS:
        raise BadDeed(f"nobody can {what!r}; allowed: {', '.join(sorted(DEEDS))}")
    wanted = list(signature(DEEDS[what]).parameters.values())[1:]
    if len(args) != len(wanted):
        names = " ".join(each.name.upper() for each in wanted)
        raise BadDeed(f"{said!r} has {len(args)} words more; {what} takes {len(wanted)}: {names}")
    return Deed(int(at), what, tuple(map(_argument, repeat(said), wanted, args)))


def _argument(said: str, wanted: Parameter, word: str) -> int | str:
    if wanted.annotation is int:
        if not word.isdecimal():
            raise BadDeed(f"{said!r}: {wanted.name.upper()} is a number")
        return int(word)
    if wanted.name == "fault" and word not in LASTING:
        try:
            faults.switch(word)
        except faults.UnknownFault as error:
            raise BadDeed(f"{said!r}: {error}") from error
    allowed = _WORDS.get(wanted.name, (word,))
    if word not in allowed:
        raise BadDeed(f"{said!r}: {wanted.name.upper()} is one of {', '.join(allowed)}")
    return word


class Hall:
    """A world full of people, each with a phone; they are known by numbers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.phones: dict[int, tuple[str, str]] = {}
        """The token and the mark of the page that each has open."""
        self.pages: dict[int, Page] = {}
        """What each was told last."""
        self.tokens: list[str] = []
        """All that were ever scanned."""
        self.fired: Counter[str] = Counter()
        """How often each fault was there."""
        self.mattered: Counter[str] = Counter()
        """How often it changed what happened."""
        self.broken: set[str] = set()
        """What lasts and is not mended yet, by name."""
        self.crash = ""
        """The kind of crash that is about to come."""
        world.on_down = self._went_down
        self._lost_sectors = 0
        self._bites: dict[str, int] = {}
        """The faults that are there, and how often each had bitten before."""

    def do(self, deed: Deed) -> None:
        """Wait for its moment, and do it."""
        self.wait_until(deed.at_ms)
        DEEDS[deed.what](self, *deed.args)

    def wait_until(self, now_ms: int) -> None:
        if now_ms > self.world.now_ms:
            self.world.wait(now_ms - self.world.now_ms)

    @property
    def open(self) -> bool:
        """Whether anybody answers."""
        return self.world.controller is not None

    def fires(self, fault: str) -> None:
        """It is there from now on; how often it has bitten so far is noted."""
        self.fired[fault] += 1
        self._bites.setdefault(fault, self.world.bites[fault])

    def ends(self, fault: str) -> None:
        """It is gone, and mattered if it has bitten meanwhile."""
        before = self._bites.pop(fault, None)
        if before is not None:
            self.mattered[fault] += self.world.bites[fault] > before

    def _went_down(self, busy: bool) -> None:
        """It came. One in the middle of a dispense matters, and one of a disk by what was lost."""
        self.broken.discard("lock")  # whoever held it has no power either
        lost = self.world.lost_sectors > self._lost_sectors
        self._lost_sectors = self.world.lost_sectors
        self.fired[self.crash] += 1
        self.mattered[self.crash] += lost if self.crash.startswith("writes") else lost or busy

    def settle(self) -> None:
        """Every fault has ended, however it did."""
        for fault in list(self._bites):
            self.ends(fault)


# -- visitors --------------------------------------------------------------------------------


def _visit(hall: Hall, visitor: int, token: str, mark: str = "", *, by_person: bool = True) -> None:
    page = hall.pages[visitor] = hall.world.fetch(token, mark, by_person=by_person, visitor=visitor)
    if not teaches(pages.phone(page, EN, token)):
        raise Violation(f"S8 the lesson is free: at {hall.world.now_ms} ms: no warning on a page")
    if page.word is Word.FORM:
        hall.phones[visitor] = token, page.mark


def scan(hall: Hall, visitor: int) -> None:
    """Somebody scans the code that the screen shows."""
    if hall.world.token:
        hall.tokens.append(hall.world.token)
        _visit(hall, visitor, hall.world.token)


def preview(hall: Hall, visitor: int) -> None:
    """A messenger fetches the address that it was sent, to draw a preview."""
    if hall.world.token:
        _visit(hall, visitor, hall.world.token, by_person=False)


def gone(hall: Hall, visitor: int) -> None:
    """A phone is switched off in the middle of its page."""
    world = hall.world
    if world.token:
        was = world.state
        hall.fires("client-gone")
        world.fetch(world.token, visitor=visitor, gone=True)
        world.bites["client-gone"] += hall.open and world.state is not was
        hall.ends("client-gone")


def forward(hall: Hall, visitor: int, friend: int) -> None:
    """A photo of the code, or the address, reaches a friend."""
    if hall.open and visitor in hall.phones:
        _visit(hall, friend, hall.phones[visitor][0])


def look(hall: Hall, visitor: int) -> None:
    """A phone loads its page again."""
    if hall.open and visitor in hall.phones:
        _visit(hall, visitor, *hall.phones[visitor])


def show(hall: Hall, visitor: int) -> None:
    """A phone renders its page, and says so."""
    if hall.open and visitor in hall.phones:
        hall.world.show(*hall.phones[visitor], visitor)


def tap(hall: Hall, visitor: int) -> None:
    """Somebody taps the button."""
    if hall.open and visitor in hall.phones:
        hall.world.tap(*hall.phones[visitor], visitor)


def race(hall: Hall, visitor: int, other: int) -> None:
    """Two tap at one moment, the first of them twice."""
    if hall.open and visitor in hall.phones and other in hall.phones:
        first, second = hall.phones[visitor], hall.phones[other]
        hall.world.race([first, second, first])


def forge(hall: Hall, visitor: int) -> None:
    """Somebody taps with a mark, and with a token, that nobody was given."""
    if hall.open and visitor in hall.phones:
        token, mark = hall.phones[visitor]
        hall.world.race([(token, "AAAA"), ("A" * 22, mark), ("", "")])


# -- the operator ----------------------------------------------------------------------------


def load(hall: Hall, slot: str, drinks: int) -> None:
    """The operator fills a slot, if there is such a one."""
    _at_the_journal(lambda: hall.world.load(slot, drinks))


def reconcile(hall: Hall, found: str) -> None:
    """The operator settles the oldest dispense of unknown outcome."""
    _at_the_journal(lambda: hall.world.reconcile(found))


def _at_the_journal(deed: Callable[[], None]) -> None:
    try:
        deed()
    except JournalError:
        """It is locked, or the disk is full: the operator reads so, and nothing was done."""


def stop(hall: Hall) -> None:
    """The operator stops the controller."""
    hall.world.stop()


def hurry(hall: Hall) -> None:
    """The operator stops it, and doesn't wait for a drink that is on its way."""
    hall.world.stop(hurry=True)


def boot(hall: Hall) -> None:
    """The controller is started, unless it runs, or can't."""
    world = hall.world
    if world.controller is None:
        try:
            world.boot()
        except JournalError:
            """The supervisor tries again, as it does: that is the next deed of this kind."""


# -- bad luck --------------------------------------------------------------------------------


def throw(hall: Hall, fault: str) -> None:
    """Something breaks, until it is mended."""
    if fault in LASTING:
        hall.fires(fault)
        LASTING[fault].begin(hall.world)
        hall.world.see_weather()
        hall.broken.add(fault)
    elif not hall.world.board.why_not(faults.switch(fault)):
        hall.fires(fault.partition(":")[0])
        hall.world.throw(fault)
        hall.broken.add(fault)


def mend(hall: Hall, fault: str) -> None:
    """It is mended."""
    if fault in LASTING:
        LASTING[fault].end(hall.world)
        hall.world.see_weather()
    else:
        hall.world.mend(fault)
    hall.broken.discard(fault)
    hall.ends(fault.partition(":")[0])


def cut(hall: Hall, instants: int, torn: int) -> None:
    """The power goes at that instant from now on; ``torn`` percent of what is unsafe is lost."""
    hall.crash = {0: "power-cut", 100: "writes-lost"}.get(torn, "writes-torn")
    hall.world.torn = torn / 100
    hall.world.cut_after(instants)


def cut_again(hall: Hall, instants: int, torn: int) -> None:
    """The same, while the machine recovers from the last time."""
    cut(hall, instants, torn)
    hall.crash = "cut-again"


def kill(hall: Hall, instants: int) -> None:
    """The controller is killed at that instant from now on."""
    hall.crash = "kill"
    hall.world.cut_after(instants, kill=True)


def blackout(hall: Hall) -> None:
    """The power goes now."""
    if hall.open:
        hall.fires("power-cut")
        hall.world.cut_power()
        hall.broken.discard("lock")
        hall.ends("power-cut")


def crash(hall: Hall) -> None:
    """The controller is killed now."""
    if hall.open:
        hall.fires("kill")
        hall.world.kill()
        hall.ends("kill")


def spare(hall: Hall) -> None:
    """Whatever was to be cut is not, if it has not been yet."""
    hall.world.instants.cut_at = 0


def time_out(hall: Hall) -> None:
    """The next write to the wire is reported as timed out, and arrives."""
    hall.world.wire.write_timeouts += 1
    hall.fires("write-timeout")


def replug(hall: Hall) -> None:
    """The board's cable is pulled and is back at once, as a port with another name."""
    if hall.world.wire.plugged:
        hall.fires("replug")
        hall.world.replug()


def noise(hall: Hall) -> None:
    """Bytes that nobody sent are on the wire."""
    hall.fires("noise")
    if hall.world.wire.plugged:
        hall.world.wire.say(b"\x00\xff\xa0\x01\x55")
        hall.world.bites["noise"] += 1


def flood(hall: Hall, letters: int) -> None:
    """So many phones at one moment that the box is full."""
    if hall.open:
        hall.fires("flood")
        hall.world.flood(letters)
        hall.ends("flood")


def stall(hall: Hall, span_ms: int) -> None:
    """The computer is too busy for the loop."""
    hall.fires("stall")
    hall.world.stall(span_ms)
    hall.ends("stall")


def jump(hall: Hall, way: str, years: int) -> None:
    """The clock on the wall jumps, forth or back."""
    hall.fires("clock-jump")
    hall.world.clock_is_off += timedelta(days=365 * years * (-1 if way == "back" else 1))


def twice(hall: Hall, channel: int) -> None:
    """A canary: a hand switches a relay on. No controller can help it; the properties must see."""
    world = hall.world
    if hall.open and channel <= len(world.board.coils):
        hall.fires("canary")
        world.board.switch(channel, True, world.now_ms)


DEEDS: dict[str, Callable[..., None]] = {
    deed.__name__.replace("_", "-"): deed
    for deed in (
        *(scan, preview, gone, forward, look, show, tap, race, forge),
        *(load, reconcile, stop, hurry, boot),
        *(throw, mend, cut, cut_again, kill, blackout, crash, spare),
        *(time_out, replug, noise, flood, stall, jump, twice),
    )
}


def _doubled(world: World) -> None:
    def carry(answer: bytes) -> bytes:
        world.bites["doubled"] += 1
        return answer + answer

    world.wire.carry = carry


def _single(world: World) -> None:
    world.wire.carry = lambda answer: answer


def _split(world: World) -> None:
    def pieces() -> Iterator[int]:
        while True:
            world.bites["split"] += 1
            yield 1

    world.wire.pieces = pieces()


def _whole(world: World) -> None:
    world.wire.pieces = repeat(65_536)


def _jam(world: World) -> None:
    world.jam(world.config.slots[0].channel)


def _blind(world: World) -> None:
    world.chute.blind = True


def _seeing(world: World) -> None:
    world.chute.blind = False


def _late(world: World) -> None:
    world.chute.late_ms = 1_500


def _in_time(world: World) -> None:
    world.chute.late_ms = 0


def _full(world: World) -> None:
    world.disk.full = True


def _room(world: World) -> None:
    world.disk.full = False


def _failing(world: World) -> None:
    world.disk.fails_sync = True


def _syncing(world: World) -> None:
    world.disk.fails_sync = False


class Lasting(NamedTuple):
    """Something beside the board that breaks, and is mended."""

    begin: Callable[[World], None]
    end: Callable[[World], None]
    told: str
    """What it does, in a sentence."""


LASTING: dict[str, Lasting] = {
    "unplug": Lasting(World.unplug, World.plug, "the relay board's cable is out"),
    "doubled": Lasting(_doubled, _single, "each answer of the board arrives twice"),
    "split": Lasting(_split, _whole, "answers arrive a byte at a time"),
    "jam": Lasting(_jam, World.jam, "the first slot's motor turns, and no drink comes"),
    "block": Lasting(
        World.block, lambda world: world.block(False), "something lies in the sensor's beam"
    ),
    "blind": Lasting(_blind, _seeing, "the drop sensor never sees anything"),
    "drop-late": Lasting(_late, _in_time, "drinks take 1.5 s longer to fall"),
    "lock": Lasting(
        World.lock_journal, World.unlock_journal, "another program holds the journal locked"
    ),
    "disk-full": Lasting(_full, _room, "the disk is full"),
    "fsync-fails": Lasting(_failing, _syncing, "what is written does not reach the disk"),
}
"""By name."""


def mend_everything(hall: Hall) -> None:
    """Nothing is wrong any more."""
    world = hall.world
    spare(hall)
    world.wire.write_timeouts = 0
    world.mend()
    for each in LASTING.values():
        each.end(world)
    world.see_weather()
    hall.broken.clear()
    hall.settle()


def at_rest(hall: Hall) -> bool:
    """Whether the machine waits for a visitor, or for a person who mends it."""
    if hall.world.controller is None:
        return False
    status = hall.world.controller.runner.feed.status
    if status.state is State.OUT_OF_SERVICE:
        return status.reason not in SELF_MENDING
    return status.state is State.IDLE
