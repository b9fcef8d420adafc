"""The Modbus dialects against a board that nobody here wrote: pymodbus' serial server."""

import asyncio
import os
import pty
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from controller.clock import MonotonicClock
from drivers import registry
from drivers.hal import BadAnswer, Refused, Relay, RelaySettings, open_with_off
from tests.processes import PATIENCE_S

ADDRESS = 1
CHANNELS = 4
PULSE_MS = 1_000


class PtyPair:
    """A cable with two ends that any program can open as a serial port."""

    def __init__(self) -> None:
        self._masters, self.ends = [], []
        self._slaves = []
        for _ in range(2):
            master, slave = pty.openpty()
            tty.setraw(slave)
            self._masters.append(master)
            self._slaves.append(slave)  # held open, so that programs may come and go
            self.ends.append(os.ttyname(slave))
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        one, other = self._masters
        while True:
            ready, _, _ = select.select([one, other, self._stop], [], [])
            if self._stop in ready:
                return
            for master in ready:
                os.write(other if master == one else one, os.read(master, 4096))

    def close(self) -> None:
        os.write(self._stopped, b"x")
        self._thread.join(PATIENCE_S)
        for end in (*self._masters, *self._slaves, self._stop, self._stopped):
            os.close(end)


def standard(size: int = CHANNELS) -> tuple[SimDevice, dict[int, bool]]:
    """A board with ``size`` standard coils, and nothing of Waveshare's own."""
    coils: dict[int, bool] = {}

    async def watch(
        function: int, start: int, address: int, count: int, now: list[int], new: object
    ) -> None:
        if isinstance(new, list):
            coils[address + 1] = bool(new[0])

    bits = SimData(0, count=size, values=False, datatype=DataType.BITS)
    unused = SimData(0, count=1, datatype=DataType.REGISTERS)
    return SimDevice(ADDRESS, ([bits], [bits], [unused], [unused]), action=watch), coils


def verbs() -> tuple[SimDevice, dict[int, bool]]:
    """A board with verbs in its registers, as the R421A08 has; and its coils, by channel."""
    coils: dict[int, bool] = {}
    told: dict[int, int] = {}

    async def act(
        function: int, start: int, address: int, count: int, now: list[int], new: object
    ) -> None:
        if isinstance(new, list):
            told[address] = int(new[0])
            coils[address] = told[address] != 0x0200
        elif function == 6:  # the echo
            now[address - start] = told[address]
        else:
            now[address - start] = int(coils.get(address, False))

    bits = SimData(0, count=16, values=False, datatype=DataType.BITS)
    registers = SimData(0, count=16, datatype=DataType.REGISTERS)
    return SimDevice(ADDRESS, ([bits], [bits], [registers], [registers]), action=act), coils


@contextmanager
def served(device: SimDevice) -> Iterator[str]:
    """The path at which a host finds ``device``."""
    loop = asyncio.new_event_loop()
    with closing(PtyPair()) as cable:
        server: list[ModbusSerialServer] = []

        async def start() -> None:
            server.append(ModbusSerialServer(device, port=cable.ends[0], baudrate=9600))
            await server[0].listen()

        loop.run_until_complete(start())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield cable.ends[1]
        finally:
            asyncio.run_coroutine_threadsafe(server[0].shutdown(), loop).result(PATIENCE_S)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE_S)
            loop.close()


def opened(dialect: str, path: str, *, timed: bool) -> Relay:
    settings = RelaySettings(
        dialect, path, range(1, CHANNELS + 1), address=ADDRESS, device_timed=timed
    )
    return open_with_off(registry.load(dialect), settings, MonotonicClock())


@pytest.mark.parametrize(("dialect", "make"), [("waveshare", standard), ("r421a08", verbs)])
def test_host_timed_it_passes_whole(dialect: str, make: object) -> None:
    device, coils = make()  # type: ignore[operator]
    with served(device) as path:
        relay = opened(dialect, path, timed=False)
        assert coils == dict.fromkeys(range(1, CHANNELS + 1), False), "each was told OFF"
        for channel in relay.channels:
            assert relay.on(channel, PULSE_MS)
            assert [each for each, on in coils.items() if on] == [channel]
            assert relay.off(channel)
            assert not any(coils.values())
        relay.check()
        relay.close()


def test_a_standard_board_refuses_the_pulse_and_nothing_is_energised() -> None:
    device, coils = standard()
    with served(device) as path:
        relay = opened("waveshare", path, timed=True)
        with pytest.raises(Refused, match="Modbus exception 2"):
            relay.on(1, PULSE_MS)
        assert not any(coils.values())
        relay.check()
        assert relay.off(1), "the board is well"
        relay.close()


def test_a_board_that_takes_the_time_for_on_is_not_believed() -> None:
    """It has a coil where Waveshare has its timer, and echoes ON: something is energised."""
    device, coils = standard(size=0x0300)
    with served(device) as path:
        relay = opened("waveshare", path, timed=True)
        with pytest.raises(BadAnswer, match="FF 00"):
            relay.on(1, PULSE_MS)
        assert coils[0x0201]
        relay.close()


def test_a_pulse_of_the_boards_own_is_acknowledged() -> None:
    device, coils = verbs()
    with served(device) as path:
        relay = opened("r421a08", path, timed=True)
        assert relay.on(2, PULSE_MS)
        assert coils[2]
        assert relay.off(2)
        relay.close()
