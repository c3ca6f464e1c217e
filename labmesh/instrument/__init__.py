"""Instruments: what keeps people, devices and samples safe around an author's drivers."""

from labmesh.instrument._calibrations import Calibration, Calibrations
from labmesh.instrument._file import InstrumentFile
from labmesh.instrument._journal import OpenStep, StepJournal
from labmesh.instrument._node import InstrumentNode
from labmesh.instrument._pace import Pace
from labmesh.instrument._parameters import InstrumentParameters
from labmesh.instrument._step import Step
from labmesh.instrument._supplies import Supplies, Supply
from messages.errors import (
    CalibrationExpiredError,
    EmergencyStopError,
    NotReadyError,
    StepDoneError,
    StepInDoubtError,
    SupplyShortError,
)
from messages.safety import Condition, EmergencyStop, InstrumentCondition

__all__ = [
    "Calibration",
    "CalibrationExpiredError",
    "Calibrations",
    "Condition",
    "EmergencyStop",
    "EmergencyStopError",
    "InstrumentCondition",
    "InstrumentFile",
    "InstrumentNode",
    "InstrumentParameters",
    "NotReadyError",
    "OpenStep",
    "Pace",
    "Step",
    "StepDoneError",
    "StepInDoubtError",
    "StepJournal",
    "Supplies",
    "Supply",
    "SupplyShortError",
]
