"""Relays on the computer's own pins: the real driver on gpiozero's mock pins."""

from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from controller.config import load
from controller.door import Word
from controller.events import Outcome
from controller.table import State
from drivers import pins, registry
from drivers.hal import NotSent, PortBusy, PortLost, PortMissing, RelaySettings, open_with_off
from sim.clock import VirtualClock
from sim.world import World
from tests.processes import free_port, quench, written

DRIVER = registry.load("gpio")
SLOTS = [
    {"name": "water", "channel": 17, "capacity": 5, "pulse_ms": 700},
    {"name": "tea", "channel": 27, "capacity": 5, "pulse_ms": 700},
]


def settings(**more: bool) -> RelaySettings:
    return RelaySettings("gpio", "", [17, 27], **more)


def config_path(folder: Path, **more: object) -> Path:
    path = written(folder, slots=SLOTS)
    text = path.read_text(encoding="utf-8")
    start, end = text.index("  relay:\n"), text.index("journal:\n")
    relay = "  relay:\n    driver: gpio\n"
    relay += "".join(f"    {key}: {value}\n" for key, value in more.items())
    path.write_text(text[:start] + relay + text[end:], encoding="utf-8")
    return path


@pytest.mark.parametrize("active_low", [False, True])
def test_a_pin_is_driven_and_let_go(header: MockFactory, active_low: bool) -> None:
    header.pin(17).function = header.pin(27).function = "output"
    header.pin(17).state = header.pin(27).state = not active_low
    relay = open_with_off(DRIVER, settings(active_low=active_low), VirtualClock())
    off = active_low
    assert (header.pin(17).state, header.pin(27).state) == (off, off)
    assert relay.on(27, 700) is False, "a pin can't tell"
    assert (header.pin(17).state, header.pin(27).state) == (off, not off)
    relay.check()
    assert relay.off(27) is False
    assert (header.pin(17).state, header.pin(27).state) == (off, off)
    relay.close()
    assert header.pin(17).function == header.pin(27).function == "input"


def test_only_the_pins_in_use_are_touched(header: MockFactory) -> None:
    relay = open_with_off(DRIVER, settings(), VirtualClock())
    assert {pin.info.name for pin in header.pins.values()} == {"GPIO17", "GPIO27"}
    relay.close()


def test_a_pin_that_something_else_has(header: MockFactory) -> None:
    first = open_with_off(DRIVER, settings(), VirtualClock())
    with pytest.raises(PortBusy, match="pin 17: in use by another program"):
        DRIVER.open_relay(settings(), VirtualClock())
    first.close()
    second = open_with_off(DRIVER, settings(), VirtualClock())
    with pytest.raises(PortLost, match="let go"):
        first.check()
    with pytest.raises(PortLost, match="can't be switched"):
        first.on(17, 700)
    second.close()


def test_pins_that_are_claimed_in_part_are_let_go(header: MockFactory) -> None:
    other = DRIVER.open_relay(RelaySettings("gpio", "", [27]), VirtualClock())
    with pytest.raises(PortBusy):
        DRIVER.open_relay(settings(), VirtualClock())
    DRIVER.open_relay(RelaySettings("gpio", "", [17]), VirtualClock()).close()
    other.close()


def test_without_pins_it_says_what_is_missing() -> None:
    """This computer has no lgpio, or none of a Raspberry Pi's pins."""
    with pytest.raises(NotSent) as raised:
        DRIVER.open_relay(settings(), VirtualClock())
    assert isinstance(raised.value, PortMissing) or "pip install 'quench[gpio]'" in str(
        raised.value
    )


@pytest.mark.parametrize("active_low", ["false", "true"])
def test_the_whole_machine_on_pins(tmp_path: Path, active_low: str) -> None:
    world = World(load(config_path(tmp_path, active_low=active_low)))
    world.boot()
    world.wait(1_000)
    for pin in (17, 27):
        token, page = world.token, world.fetch(world.token)
        world.wait(page.wait_ms)
        world.tap(token, page.mark)
        assert [at for at, on in enumerate(world.board.coils, start=1) if on] == [pin]
        world.wait(1_000)
        assert not any(world.board.coils)
        assert world.fetch(token, page.mark).word is Word.ENJOY
    assert [entry.outcome for entry in world.entries()] == [Outcome.COMMANDED] * 2
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    assert sum(world.board.coils) == 1
    world.kill()
    assert not any(world.board.coils), "the kernel lets go of a dead program's pins"
    world.boot()
    world.wait(1_000)
    assert world.state is State.IDLE
    world.close()
    pins.simulate(None)


def test_the_simulator_has_pins(tmp_path: Path) -> None:
    path = config_path(tmp_path)
    with quench("sim", "--config", path, "--port", str(free_port())) as program:
        program.wait_for("^quench: ready at ")
        program.wait_for("-> board +pin low: channel 17 OFF$")
        program.wait_for("^quench: in service$")
        assert program.stop() == 0
    assert "Traceback" not in program.said


def test_the_real_machine_says_what_is_missing_and_serves_the_lesson(tmp_path: Path) -> None:
    with quench("run", "--config", config_path(tmp_path)) as program:
        program.wait_for(
            "WARNING: hardware.relay: gpio relays neither answer nor time a pulse themselves"
        )
        program.wait_for("^quench: ready at ")
        program.wait_for("^quench: out of service: relay_lost: pin 17: ")
        assert program.stop() == 0
    assert "Traceback" not in program.said


@pytest.mark.parametrize(
    ("relay", "told"),
    [
        ({"port": "/dev/ttyUSB0"}, "gpio relays have no port; allowed: leave it out"),
        ({"channels": 8}, "a channel of gpio is a pin's number; allowed: leave it out"),
    ],
)
def test_what_pins_do_not_have_is_a_mistake(
    tmp_path: Path, relay: dict[str, object], told: str
) -> None:
    with quench("check", "--config", config_path(tmp_path, **relay)) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert line.endswith(told)


def test_what_boards_do_not_have_is_a_mistake_too(tmp_path: Path) -> None:
    path = written(tmp_path, relay={"active_low": True})
    with quench("check", "--config", path) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert line.endswith("only pins have it, lcus boards don't; allowed: leave it out")
    text = path.read_text(encoding="utf-8")
    lines = [
        line for line in text.splitlines() if "active_low" not in line and "port: /" not in line
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with quench("check", "--config", path) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert line.endswith("hardware.relay.port: key missing: where the lcus board is plugged in")


def test_a_pin_that_the_header_has_not(tmp_path: Path) -> None:
    path = config_path(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("channel: 27", "channel: 28"))
    with quench("check", "--config", path) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert line.endswith("the header has no pin 28; allowed: 1 to 27, the pins of the header")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("on", "--driver", "gpio", "--channel", "17"), "pin 17 is let go when this command ends"),
        (("pulse", "--driver", "gpio", "--channel", "17", "--yes"), "pin 17: "),
        (("off", "--driver", "gpio", "--channel", "28"), "gpio has channels 1 to 27"),
        (("status", "--driver", "gpio"), "gpio relays can't say how their coils are"),
    ],
)
def test_pins_by_hand(flags: tuple[str, ...], told: str) -> None:
    with quench("relay", *flags) as program:
        assert program.end() == 1
    (line,) = program.said.splitlines()
    assert line.startswith(told)
