"""CETONI's own library behind the verbs of `Bus`: **not tested on hardware**.

``qmixsdk`` is closed and comes with the vendor's installer, not from a package index; this module
is imported only when a rig asks for it by name. Nothing here decides anything: units are set once,
and each verb is passed on.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from messages.errors import MissingProgramError
from nodes.asab.fluidics._rig import Rig
from nodes.asab.fluidics._verbs import FluidicsError, Valve


class QmixBus:
    """The devices of a CETONI bus configuration.

    Args:
        rig: On paper; its indices are those of the configuration.
        config: Folder of the configuration that CETONI Elements has written.

    Raises:
        MissingProgramError: ``qmixsdk`` is not installed.
    """

    def __init__(self, rig: Rig, config: str) -> None:
        self._rig = rig
        self._config = config
        self._modules = {name: _module(name) for name in ("qmixbus", "qmixpump", "qmixvalve")}
        self._bus: Any = None

    def open(self) -> None:
        """Open and start the bus, set units and syringes, enable the drives."""
        qmixpump = self._modules["qmixpump"]
        try:
            self._bus = self._modules["qmixbus"].Bus()
            self._bus.open(self._config, "")
            self._bus.start()
            for place in self._rig.pumps:
                pump = self.pump(place.index)
                pump.clear_fault()
                pump.enable(True)
                pump.set_syringe_param(place.limits.inner_diameter * 1e3, place.stroke * 1e3)
                pump.set_volume_unit(qmixpump.UnitPrefix.milli, qmixpump.VolumeUnit.litres)
                pump.set_flow_unit(
                    qmixpump.UnitPrefix.milli,
                    qmixpump.VolumeUnit.litres,
                    qmixpump.TimeUnit.per_second,
                )
        except Exception as error:
            raise FluidicsError(
                f"the pumps' bus cannot be opened: {error}", where=self._config,
                remedy="look at the power and the USB cable, and close CETONI Elements",
            ) from error  # fmt: skip

    def close(self) -> None:
        """Stop and close the bus."""
        if self._bus is not None:
            self._bus.stop()
            self._bus.close()
            self._bus = None

    def pump(self, index: int) -> Any:
        """Return the vendor's pump, which has the verbs of `Pump`."""
        pump = self._modules["qmixpump"].Pump()
        pump.lookup_by_device_index(index)
        return pump

    def valve(self, index: int) -> Valve:
        """Return the vendor's valve, which has the verbs of `Valve`."""
        valve: Valve = self._modules["qmixvalve"].Valve()
        valve.lookup_by_device_index(index)  # type: ignore[attr-defined]
        return valve

    def stop_all_pumps(self) -> None:
        """Stop every piston at once."""
        self._modules["qmixpump"].Pump.stop_all_pumps()


def _module(name: str) -> ModuleType:
    try:
        return import_module(f"qmixsdk.{name}")
    except ImportError:
        raise MissingProgramError(
            "CETONI's library qmixsdk is not installed",
            where="pumps: qmixsdk",
            remedy="install the CETONI SDK and put its Python folder on PYTHONPATH, "
            "or set devices.pumps to simulated",
        ) from None
