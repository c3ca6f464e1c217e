"""What kind of process a capability carries out."""

from __future__ import annotations

from typing import Final

from labmesh.semantics._vocabulary import vocabulary

MEASUREMENT: Final = "CharacterisationMeasurementProcess"
TEST: Final = "BatteryTest"
_EXAMINING: Final = (MEASUREMENT, TEST, "Estimation", "Simulation", "LiteratureRetrieval")


def is_process(label: str, above: str) -> bool:
    """Tell whether a process is of a kind; one that the vocabulary does not know is of none."""
    words = vocabulary()
    return label in words and above in words and words.is_a(label, above)


def is_class(label: str) -> bool:
    """Tell whether the vocabulary knows a process."""
    return bool(label) and label in vocabulary()


def process_types(label: str, *, simulated: bool) -> tuple[str, ...]:
    """Return the classes of a process.

    A simulated one is what it imitates and a simulation: whoever wants no simulations leaves those
    out, or asks for measured properties, which a simulation has none of.
    """
    types = (label,) if label and ":" not in label else ()
    return (*types, "Simulation") if simulated and not is_process(label, "Simulation") else types


def examining(label: str) -> bool:
    """Tell whether a process finds something out about a sample."""
    return any(is_process(label, each) for each in _EXAMINING)
