"""Another board, or another drop sensor, in the same machine."""

from typing import Any

from controller.config import Config
from drivers import registry
from sim.boards.base import names

SENSORS = ("none", "cts", "dsr")
"""No drop sensor, or one on that modem line of the relay board's adapter."""

PORT = "/dev/ttyUSB0"


def dialects() -> list[str]:
    """The boards that can be chosen."""
    return names()


def sensor_of(config: Config) -> str:
    """Its drop sensor, in one word: one of SENSORS, or "gpio"."""
    sensor = config.hardware.drop_sensor
    return sensor.line or sensor.driver


def rewired(config: Config, *, dialect: str, sensor: str) -> Config:
    """``config`` with that board and that sensor; slots for which it has no relay are left out."""
    data = config.model_dump(mode="json", exclude_unset=True)
    relay, driver = data["hardware"]["relay"], registry.load(dialect)
    channels = min(config.hardware.relay.channels, driver.max_channels)
    relay.pop("active_low", None)
    relay.update(driver=dialect, port=relay.get("port", PORT), channels=channels)
    if sensor != sensor_of(config):
        data["hardware"]["drop_sensor"] = _sensor(sensor)
    data["slots"] = _slots(data["slots"], channels)
    for slot in data["slots"]:
        slot["pulse_ms"] = driver.nearest_pulse_ms(slot["pulse_ms"])
    if sensor == "none":
        data.get("safety", {}).pop("on_no_drop", None)
    return Config.model_validate(data)


def _sensor(name: str) -> dict[str, Any]:
    return {"driver": "none"} if name == "none" else {"driver": "serial-line", "line": name}


def _slots(slots: list[dict[str, Any]], channels: int) -> list[dict[str, Any]]:
    """As many as there are relays; those of pins, which have large numbers, are counted anew."""
    kept = slots[:channels]
    if any(slot["channel"] > channels for slot in kept):
        kept = [{**slot, "channel": channel} for channel, slot in enumerate(kept, start=1)]
    return kept
