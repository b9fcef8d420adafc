"""Pins of an imagined Raspberry Pi with a relay on each: the gpio driver's, on gpiozero's mock."""

from gpiozero.pins.mock import MockFactory, MockPin

from drivers import pins
from drivers.hal import Clock
from sim.boards.base import Board, Frame
from sim.link import Wire


class PinBoard(Board):
    """The relays; a pin is its channel. Nothing is asked of it, and nothing answered."""

    max_channels = pins.HIGHEST

    def drive(self, pin: int, high: bool, on: bool, now_ms: int) -> None:
        """Put ``pin`` high or low, which means ON or OFF."""
        words = self.switch(pin, on, now_ms)
        self.on_frame(Frame(now_ms, True, b"", f"pin {'high' if high else 'low'}: {words}"))

    def _next_frame(self, now_ms: int) -> tuple[int, str, bytes]:
        raise NotImplementedError("pins have no wire")


class PinWire(Wire):
    """From pins to relays, in place of a cable. As long as it is there, drivers get these pins."""

    def __init__(self, name: str, clock: Clock, *, active_low: bool) -> None:
        board = PinBoard(pins.HIGHEST)
        super().__init__(name, board, clock)

        class RelayPin(MockPin):  # type: ignore[misc]  # gpiozero is untyped
            """Switches the relay behind it, as it is driven."""

            def _set_state(self, value: bool) -> None:
                super()._set_state(value)
                pin = int(self.info.name.removeprefix("GPIO"))
                board.drive(pin, value, value is not active_low, clock.now_ms())

            def _set_function(self, value: str) -> None:
                super()._set_function(value)
                if value == "input":  # nothing drives the relay any more
                    board.let_go(int(self.info.name.removeprefix("GPIO")), clock.now_ms())

        self._factory = MockFactory(pin_class=RelayPin)
        pins.simulate(self._factory)

    def release(self) -> None:
        """The program let go of the pins, or died: the kernel makes them inputs."""
        super().release()
        self.board.power_off(self.clock.now_ms())
        self._factory.reset()
