"""What is right by itself in a config, and can't stand together.

Looks at the data as it was read, so that one mistake elsewhere hides none of these.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from controller.mistakes import Mistake, at
from drivers import registry
from drivers.hal import Driver


def clashes(root: yaml.Node, data: Any) -> Iterator[Mistake]:
    """Every mistake of this kind in ``data``, which was read from ``root``."""
    slots = _get(data, "slots")
    relay = _get(_get(data, "hardware"), "relay")
    seen: dict[tuple[str, object], int] = {}
    for index, slot in enumerate(slots if isinstance(slots, list) else ()):
        for key in ("name", "channel"):
            value = _get(slot, key)
            if not isinstance(value, str | int):
                continue
            first = seen.setdefault((key, value), index)
            if first != index:
                text = f"{value!r} is the {key} of slots[{first}] already; allowed: another"
                yield at(root, ("slots", index, key), text)
        yield from _no_such_channel(root, relay, index, _get(slot, "channel"))
        yield from _untimeable(root, relay, index, _get(slot, "pulse_ms"))
    channels = {value: index for (key, value), index in seen.items() if key == "channel"}
    yield from _sensor_clashes(root, data, relay, channels)


def _sensor_clashes(
    root: yaml.Node, data: Any, relay: Any, slot_of: Mapping[object, int]
) -> Iterator[Mistake]:
    """A beam on a slot's pin, and what only makes sense with a beam."""
    sensor = _get(_get(data, "hardware"), "drop_sensor")
    driver, pin = _driver_named(relay), _get(sensor, "pin")
    if driver is not None and driver.on_pins and isinstance(pin, int) and pin in slot_of:
        text = f"pin {pin} is the channel of slots[{slot_of[pin]}] already; allowed: another"
        yield at(root, ("hardware", "drop_sensor", "pin"), text)
    if driver is not None and driver.on_pins and _get(sensor, "driver") == "serial-line":
        text = "relays on pins have no adapter with lines; allowed: gpio, none"
        yield at(root, ("hardware", "drop_sensor", "driver"), text)
    senseless = _get(sensor, "driver") in (None, "none")
    if senseless and _get(_get(data, "safety"), "on_no_drop") == "try_another_slot":
        text = "without a drop sensor nobody sees that none fell; allowed: fail"
        yield at(root, ("safety", "on_no_drop"), text)


def _no_such_channel(root: yaml.Node, relay: Any, index: int, channel: Any) -> Iterator[Mistake]:
    """A slot on a relay that the board hasn't, or on a pin that this computer hasn't."""
    driver, most = _driver_named(relay), _get(relay, "channels")
    if driver is not None and driver.on_pins:
        most, kind, where = driver.max_channels, "pin", "the pins of the header"
    else:
        kind, where = "channel", "hardware.relay.channels"
    if isinstance(channel, int) and isinstance(most, int) and channel > most:
        owner = "the header" if kind == "pin" else "the board"
        text = f"{owner} has no {kind} {channel}; allowed: 1 to {most}, {where}"
        yield at(root, ("slots", index, "channel"), text)


def _driver_named(relay: Any) -> Driver | None:
    name = _get(relay, "driver")
    try:
        return registry.load(name) if isinstance(name, str) else None
    except (KeyError, registry.BrokenDriver):
        return None


def _untimeable(root: yaml.Node, relay: Any, index: int, pulse_ms: Any) -> Iterator[Mistake]:
    """A pulse that the board times itself, and can't."""
    name, driver = _get(relay, "driver"), _driver_named(relay)
    if not isinstance(pulse_ms, int) or driver is None:
        return
    if driver.can(_get(relay, "device_timed") is not False).device_timed:
        nearest_ms = driver.nearest_pulse_ms(pulse_ms)
        if nearest_ms != pulse_ms:
            text = (
                f"{name} boards can't time {pulse_ms} ms; allowed: {nearest_ms}, the nearest,"
                " or hardware.relay.device_timed: false"
            )
            yield at(root, ("slots", index, "pulse_ms"), text)


def _get(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None
