"""Protocols by name: recipes whose rates and limits a request fills in, and unicycler's own files.

A recipe (YAML) says how formation and cycling run unless the request says otherwise; a file of
aurora-unicycler (JSON) runs as it is. A folder of the lab's own is read beside the one that comes
with the node; its names win.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from aurora_unicycler import CyclingProtocol as UnicyclerProtocol
from pydantic import Field, ValidationError

from messages.cycling import CapacityInput, CycleProgram
from messages.errors import LabmeshError
from messages.model import Count, JsonObject, Model, Name, Positive, Real, Text
from messages.protocol import CyclingProtocol, Loop, OpenCircuitVoltage, StartState, Tag
from nodes.cycler._frozen import canonical

SHIPPED: Final = Path(__file__).parent / "protocols"

_Positive = Annotated[Real, Field(gt=0)]


class Phase(Model):
    """Equal cycles: constant current, constant voltage, constant current back. SI units."""

    cycles: Positive = 1
    c_rate_charge: _Positive
    c_rate_discharge: _Positive
    voltage_max: Real
    voltage_min: Real
    cutoff_rate: _Positive
    charge_limit: _Positive
    hold_limit: _Positive
    discharge_limit: _Positive


class Recipe(Model):
    """A file of the library. ``start_state``: number or label of the state a cell must be in."""

    description: Text
    record: _Positive
    rest: _Positive | None = None
    start_state: Count | Name | None = None
    formation: Phase | None = None
    cycling: Phase | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request asks for, ready to run.

    Attributes:
        name: For people.
        protocol: The method, with the capacity that its rates refer to.
        formation: Cycles of it that are formation; these come first.
        cycles: All of its cycles.
        canonical: What the name stands for: the recipe, whatever a request filled in, or the
            protocol that runs as it is.
    """

    name: str
    protocol: CyclingProtocol
    formation: int
    cycles: int
    canonical: JsonObject


class Library:
    """The protocols that a node knows.

    Args:
        folders: Where files are; later ones win.

    Raises:
        LabmeshError: A file is not valid; names it.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.recipes: dict[str, Recipe] = {}
        self.fixed: dict[str, CyclingProtocol] = {}
        for folder in folders:
            for file in sorted(folder.iterdir()):
                self._read(file)

    def names(self) -> list[str]:
        """Return what a request may name."""
        return sorted({**self.recipes, **self.fixed})

    def plan(self, asked: CapacityInput, *, capacity: float, record: float | None) -> Plan:
        """Return what a request asks for.

        Args:
            asked: The request.
            capacity: Nominal, A.h, where the request does not say.
            record: Seconds between records instead of the recipe's, or None.

        Raises:
            LabmeshError: The protocol is not known, or cannot do what is asked.
        """
        nominal = (asked.capacity or capacity) * 1e3
        fixed = asked.protocol or self.fixed.get(asked.cycling_protocol)
        if fixed is not None:
            validated(fixed)
            plan = _as_it_is(asked, fixed)
        else:
            recipe = self.recipes.get(asked.cycling_protocol)
            if recipe is None:
                raise LabmeshError(
                    f"there is no protocol {asked.cycling_protocol!r}",
                    where="cycling_protocol",
                    remedy=f"name one of {', '.join(self.names())}, or give a protocol",
                )
            plan = _filled(asked, recipe, nominal, record)
        sample = plan.protocol.sample
        sample = sample.model_copy(
            update={
                "name": asked.cell_info.sample,
                "capacity_mAh": nominal if asked.capacity else sample.capacity_mAh or nominal,
            }
        )
        safety = _narrowed(plan.protocol, asked)
        protocol = plan.protocol.model_copy(update={"sample": sample, "safety": safety})
        return replace(plan, protocol=protocol)

    def _read(self, file: Path) -> None:
        try:
            if file.suffix in (".yaml", ".yml"):
                plain = yaml.safe_load(file.read_text(encoding="utf-8"))
                self.recipes[file.stem] = Recipe.model_validate(plain)
                self.fixed.pop(file.stem, None)
            elif file.suffix == ".json":
                plain = json.loads(file.read_text(encoding="utf-8"))
                self.fixed[file.stem] = validated(CyclingProtocol.model_validate(plain))
                self.recipes.pop(file.stem, None)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise LabmeshError(
                f"the protocol is not valid: {_first(error)}",
                where=str(file),
                remedy="a recipe is as in nodes/cycler/protocols, a .json as unicycler writes it",
            ) from error


def validated(protocol: CyclingProtocol) -> CyclingProtocol:
    """Return the protocol when unicycler takes it (loops and tags among what it checks).

    Raises:
        LabmeshError: It does not; its words.
    """
    try:
        to_unicycler(protocol)
    except ValidationError as error:
        raise LabmeshError(
            f"the protocol is not valid: {_first(error)}", where="protocol"
        ) from None
    return protocol


def to_unicycler(protocol: CyclingProtocol) -> UnicyclerProtocol:
    """Return unicycler's object, which exports to vendors' formats; our two additions stay behind.

    Raises:
        pydantic.ValidationError: It is not one of unicycler's.
    """
    plain = protocol.model_dump(
        mode="json", exclude_none=True, exclude={"temperature", "start_state", "unicycler"}
    )
    return UnicyclerProtocol.model_validate(plain)


def from_unicycler(protocol: UnicyclerProtocol) -> CyclingProtocol:
    """Return our message of unicycler's object."""
    return CyclingProtocol.model_validate(json.loads(protocol.to_json()))


def _as_it_is(asked: CapacityInput, protocol: CyclingProtocol) -> Plan:
    formation = asked.formation_cycles or 0
    cycles = _cycles(protocol)
    form = canonical(protocol)
    return Plan(asked.cycling_protocol, protocol, min(formation, cycles), cycles, form)


def _cycles(protocol: CyclingProtocol) -> int:
    """Return how many cycles a method has by its loops; nested ones multiply."""
    total, body = 0, 1
    for step in protocol.method:
        if isinstance(step, Loop):
            total, body = total + step.cycle_count * body, 1
    return max(total, 1)


def _filled(asked: CapacityInput, recipe: Recipe, nominal: float, record: float | None) -> Plan:
    name, formation_cycles = asked.cycling_protocol, asked.formation_cycles
    if recipe.cycling is None and asked.number_cycles:
        raise LabmeshError(
            f"{name} has no cycles after formation, and {asked.number_cycles} are asked for",
            where="number_cycles",
            remedy="ask for 0, or for another protocol",
        )
    if recipe.formation is None and formation_cycles:
        raise LabmeshError(
            f"{name} has no formation", where="formation_cycles", remedy="name another protocol"
        )
    method: list[Any] = []
    if recipe.rest is not None:
        method.append(OpenCircuitVoltage(until_time_s=recipe.rest))
    formation = 0
    if recipe.formation is not None:
        formation = formation_cycles or recipe.formation.cycles
        method += _phase("formation", recipe.formation, asked.formation, formation, nominal)
    if recipe.cycling is not None and asked.number_cycles:
        method += _phase("cycling", recipe.cycling, asked.cycling, asked.number_cycles, nominal)
    if not formation and not asked.number_cycles:
        raise LabmeshError(
            "no cycle is asked for", where="number_cycles", remedy="ask for at least one"
        )
    start = _start(recipe.start_state)
    protocol = CyclingProtocol.model_validate(
        {"record": {"time_s": record or recipe.record}, "method": method, "start_state": start}
    )
    form = {"recipe": recipe.model_dump(mode="json", exclude_none=True, exclude={"description"})}
    return Plan(name, validated(protocol), formation, formation + asked.number_cycles, form)


def _start(state: int | str | None) -> StartState | None:
    if state is None:
        return None
    return StartState(label=state) if isinstance(state, str) else StartState(state=state)


def _phase(
    tag: str, phase: Phase, asked: CycleProgram, cycles: int, nominal: float
) -> list[Mapping[str, Any] | Tag | Loop]:
    top = phase.voltage_max if asked.voltage_max is None else asked.voltage_max
    bottom = phase.voltage_min if asked.voltage_min is None else asked.voltage_min
    cut = asked.cutoff_current * 1e3 if asked.cutoff_current else phase.cutoff_rate * nominal
    return [
        Tag(tag=tag),
        {
            "step": "constant_current",
            "rate_C": asked.c_rate_charge or phase.c_rate_charge,
            "until_voltage_V": top,
            "until_time_s": phase.charge_limit,
        },
        {
            "step": "constant_voltage",
            "voltage_V": top,
            "until_current_mA": cut,
            "until_time_s": phase.hold_limit,
        },
        {
            "step": "constant_current",
            "rate_C": -(asked.c_rate_discharge or phase.c_rate_discharge),
            "until_voltage_V": bottom,
            "until_time_s": phase.discharge_limit,
        },
        Loop(loop_to=tag, cycle_count=cycles),
    ]


def _narrowed(protocol: CyclingProtocol, asked: CapacityInput) -> Any:
    """Return the safety block with the limits of the request, where those are narrower."""
    safety, current = protocol.safety, asked.current_max
    updates: dict[str, float] = {}
    if asked.voltage_max is not None:
        updates["max_voltage_V"] = min(asked.voltage_max, safety.max_voltage_V or asked.voltage_max)
    if asked.voltage_min is not None:
        known = safety.min_voltage_V
        updates["min_voltage_V"] = (
            asked.voltage_min if known is None else max(known, asked.voltage_min)
        )
    if current is not None:
        updates["max_current_mA"] = min(current * 1e3, safety.max_current_mA or current * 1e3)
        updates["min_current_mA"] = max(-current * 1e3, safety.min_current_mA or -current * 1e3)
    return safety.model_copy(update=updates)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
    return str(error).splitlines()[0]
