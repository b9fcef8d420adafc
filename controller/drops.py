"""Watches the beam of the drop sensor while a drink may fall: beside the loop, which may be busy.

A can breaks a beam for some tens of milliseconds, and the loop may be waiting for
a relay board for longer than that. So a thread looks, every LOOK_MS while armed,
and leaves what it saw for the loop to take.
"""

import threading
from collections.abc import Callable

from controller.events import Dropped, Event, SensorLost
from drivers.hal import Clock, DropSensor, Relay, SensorError

BLOCKED = "something is in the beam of the drop sensor; take it out"

LOOK_MS = 2
"""A can of 12 cm that has fallen 50 cm is in the beam for 40 ms: it is seen twenty times."""


GAP_MS = 20
"""A can may have fallen unseen while nobody looked for longer than this."""


class DropWatch:
    """At most one dispense at a time. Threads may share it."""

    def __init__(self, debounce_ms: int, wake: Callable[[], object] = lambda: None) -> None:
        """A beam is broken when it has been for ``debounce_ms``; ``wake`` is called with news."""
        self._debounce_ms = debounce_ms
        self._wake = wake
        self._turn = threading.Condition()
        self._sensor: DropSensor | None = None
        self._dispense_id = 0
        self._broken_ms: int | None = None
        self._looked_ms: int | None = None
        self._gap_ms = 0
        self.news: Event | None = None
        """What was seen and not taken yet; any thread may read it."""
        self._ended = False

    def arm(self, dispense_id: int, sensor: DropSensor) -> None:
        """A drink of ``dispense_id`` may fall from now on."""
        with self._turn:
            self._dispense_id, self._sensor = dispense_id, sensor
            self._broken_ms = self._looked_ms = self.news = None
            self._gap_ms = 0
            self._turn.notify()

    def disarm(self) -> None:
        """None may fall any more. The sensor is not used again once this returns."""
        with self._turn:
            self._sensor = self.news = None

    @property
    def gap_ms(self) -> int:
        """For how long nobody looked, when armed last; 0 if a can could not fall meanwhile."""
        return self._gap_ms

    def take(self) -> Event | None:
        """What was seen since the last call: Dropped, or SensorLost; None if nothing was."""
        with self._turn:
            news, self.news = self.news, None
            return news

    def look(self, now_ms: int) -> None:
        """Look at the beam, once."""
        with self._turn:
            if self._sensor is None:
                return
            try:
                broken = self._sensor.broken()
            except SensorError as error:
                self._tell(SensorLost(str(error)))
                return
            if not broken:
                self._broken_ms = None
                return
            if self._broken_ms is None:
                self._broken_ms = now_ms
            if now_ms - self._broken_ms >= self._debounce_ms:
                self._tell(Dropped(self._dispense_id))

    def _tell(self, news: Event) -> None:
        self.news = news
        self._sensor = None
        self._wake()

    def run(self, clock: Clock) -> None:
        """Look until :meth:`end`: the body of a thread."""
        while True:
            with self._turn:
                while self._sensor is None and not self._ended:
                    self._turn.wait()
                if self._ended:
                    return
            now_ms = clock.now_ms()
            self._note_gap(now_ms)
            self.look(now_ms)
            clock.sleep_ms(LOOK_MS)

    def _note_gap(self, now_ms: int) -> None:
        """A computer that is overloaded does not let every thread run in time."""
        with self._turn:
            if self._looked_ms is not None and now_ms - self._looked_ms > GAP_MS:
                self._gap_ms = max(self._gap_ms, now_ms - self._looked_ms)
            self._looked_ms = now_ms

    def end(self) -> None:
        """Let :meth:`run` return."""
        with self._turn:
            self._ended = True
            self._turn.notify()


class Beam:
    """The drop sensor, open as long as the relay is: it may hang on the relay's adapter."""

    def __init__(
        self, watch: DropWatch, open_sensor: Callable[[Relay], DropSensor] | None = None
    ) -> None:
        """``open_sensor`` gets the open relay; None if the machine has no drop sensor."""
        self.watch = watch
        self._open_sensor = open_sensor
        self._sensor: DropSensor | None = None

    @property
    def fitted(self) -> bool:
        """Whether the machine has a drop sensor."""
        return self._open_sensor is not None

    def why_blind(self, relay: Relay) -> str:
        """Why a drink that falls would not be seen; empty if it would, or if nobody looks."""
        if self._open_sensor is None:
            return ""
        try:
            if self._sensor is None:
                self._sensor = self._open_sensor(relay)
            return BLOCKED if self._sensor.broken() else ""
        except SensorError as error:
            self.close()
            return str(error)

    def arm(self, dispense_id: int) -> None:
        """Watch for the drink of ``dispense_id``, if there is a sensor."""
        if self._sensor is not None:
            self.watch.arm(dispense_id, self._sensor)

    def close(self) -> None:
        """The relay is being closed, or the sensor has failed."""
        self.watch.disarm()
        if self._sensor is not None:
            self._sensor.close()
            self._sensor = None
