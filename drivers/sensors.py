"""Finds the drop sensor that a config names. It is imported then, and not before."""

import importlib
from typing import cast

from drivers.hal import DropSensor, Relay, SensorSettings

NAMES = ("gpio", "serial-line")


def open_sensor(settings: SensorSettings, relay: Relay) -> DropSensor:
    """Open the sensor; ``relay`` is the open board, whose adapter it may hang on.

    Raises SensorError.
    """
    module = importlib.import_module(f"drivers.sensor.{settings.driver.replace('-', '_')}")
    return cast(DropSensor, module.open_sensor(settings, relay))
