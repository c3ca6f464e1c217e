"""From published rows to what a strategy learns from and what the ledger keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import NAMESPACE_URL, UUID, uuid5

from messages.chemistry import RunInfo
from messages.electrolyte import ConductivityInput, ConductivityOutput
from messages.formulation_algebra import formulation_from
from messages.ledger import Provenance, Result, Source
from messages.quantity import Quantity
from nodes.optimiser._campaign_file import DatasetSection
from nodes.optimiser._published import PublishedRow, PublishedTable
from nodes.optimiser._space import Space
from nodes.optimiser._strategy import Observation

_SAME_TEMPERATURE = 0.1
_SAME_MOLALITY = 0.01


@dataclass(frozen=True, slots=True)
class LiteraturePoint:
    """A published conductivity at the campaign's temperature.

    Attributes:
        molality: mol/kg of solvent.
        w_ec: kg/kg.
        conductivity: S/m.
        doi: The experimental work.
        rows: Numbers of the published rows it comes from: one, or two that enclose the
            temperature.
    """

    molality: float
    w_ec: float
    conductivity: float
    doi: str
    rows: tuple[int, ...]


def at_temperature(
    rows: Sequence[PublishedRow], temperature: float, *, interpolate: bool
) -> list[LiteraturePoint]:
    """Return the published conductivities at ``temperature`` (K).

    A row within 0.1 K counts as it is. With ``interpolate``, two rows of one work with the same
    solvent and the same molality (within 0.01 mol/kg; figures were digitised one temperature at a
    time) that enclose the temperature give one more: ln(conductivity) linear in 1/T. Checked on
    the table itself, this errs by -0.8 % over a gap of 20 K (125 cases, Ding et al. 2001), so by
    about -0.2 % over one of 10 K.
    """
    found: list[LiteraturePoint] = []
    for group in _compositions(rows):
        exact = [r for r in group if abs(r.temperature - temperature) <= _SAME_TEMPERATURE]
        if exact:
            found.extend(_as_is(r) for r in exact)
        elif interpolate:
            ordered = sorted(group, key=lambda r: r.temperature)
            for below, above in pairwise(ordered):
                if below.temperature < temperature < above.temperature:
                    found.append(_between(below, above, temperature))
    return found


def inside(points: Sequence[LiteraturePoint], space: Space, margin: float) -> list[LiteraturePoint]:
    """Return the points within the bounds of w_ec and molality, widened by ``margin``.

    Args:
        points: From `at_temperature`.
        space: Has the dimensions w_ec and molality (mol/kg).
        margin: Fraction of each range that is added at either end.
    """
    slack = margin + 1e-9
    found = []
    for point in points:
        unit = space.normalise(space.point({"w_ec": point.w_ec, "molality": point.molality}))
        if bool(((unit >= -slack) & (unit <= 1 + slack)).all()):
            found.append(point)
    return found


def as_observation(point: LiteraturePoint, space: Space, section: DatasetSection) -> Observation:
    """Return what a strategy may learn from a published point: one source per work."""
    return Observation.of(
        point=space.point({"w_ec": point.w_ec, "molality": point.molality}),
        value=point.conductivity,
        uncertainty=section.relative_uncertainty * point.conductivity,
        source=f"doi:{point.doi}",
        offset=section.relative_offset * point.conductivity,
    )


def as_result(
    row: PublishedRow, table: PublishedTable, section: DatasetSection
) -> tuple[UUID, Result]:
    """Return a published row as a result that nobody asked for, and its uuid.

    Both depend on the row alone, so that importing it again, for whichever campaign, adds nothing.
    The result holds what was published, at its own temperature; nothing is interpolated.
    """
    formulation = formulation_from(row.molality, row.w_ec)
    uncertainty = row.conductivity * math.hypot(
        section.relative_uncertainty, section.relative_offset
    )
    output = ConductivityOutput(
        run_info=RunInfo(formulation=formulation, internal_reference=f"{table.name} row {row.row}"),
        conductivity=Quantity.of(row.conductivity, "S/m", uncertainty),
        temperature=Quantity.of(row.temperature, "K"),
    )
    asked = ConductivityInput(formulation=formulation, temperature=row.temperature)
    result = Result(
        quantity=section.quantity,
        method=section.method,
        parameters=asked.model_dump(mode="json"),
        outcome="resolved",
        data=output.model_dump(mode="json"),
        provenance=Provenance(
            simulated=False,
            source=Source(
                title=table.source.title,
                doi=table.source.doi,
                licence=table.source.licence,
                retrieved=f"{table.name} row {row.row}; {table.source.retrieved}".rstrip("; "),
            ),
            notes={
                "work": row.doi,
                "published": row.original,
                "molality": row.molality,
                "w_ec": row.w_ec,
                "converted": (
                    "mol/l to mol/kg by volume additivity"
                    if row.original["c units"] == "mol/l"
                    else ""
                ),
            },
        ),
    )
    name = f"labmesh:published:{table.name}:{row.row}:{section.quantity}:{section.method}"
    return uuid5(NAMESPACE_URL, name), result


def _compositions(rows: Sequence[PublishedRow]) -> Iterator[list[PublishedRow]]:
    """Yield rows of one work, one solvent and one molality together."""
    ordered = sorted(rows, key=lambda r: (r.doi, r.w_ec, r.molality, r.temperature))
    group: list[PublishedRow] = []
    for row in ordered:
        if group and not (
            row.doi == group[0].doi
            and math.isclose(row.w_ec, group[0].w_ec)
            and row.molality - group[-1].molality <= _SAME_MOLALITY
        ):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _as_is(row: PublishedRow) -> LiteraturePoint:
    return LiteraturePoint(row.molality, row.w_ec, row.conductivity, row.doi, (row.row,))


def _between(below: PublishedRow, above: PublishedRow, temperature: float) -> LiteraturePoint:
    share = (1 / temperature - 1 / below.temperature) / (
        1 / above.temperature - 1 / below.temperature
    )
    logarithm = (1 - share) * math.log(below.conductivity) + share * math.log(above.conductivity)
    return LiteraturePoint(
        molality=(1 - share) * below.molality + share * above.molality,
        w_ec=below.w_ec,
        conductivity=math.exp(logarithm),
        doi=below.doi,
        rows=(below.row, above.row),
    )
