"""The conductivity model as an AiiDA process. Imported only when a profile is about to be used."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from messages.chemistry import Formulation
from nodes.aiida._composition import composition_of
from nodes.aiida._model import ConductivityModel


@calcfunction  # type: ignore[untyped-decorator]
def polynomial_interpolation(
    formulation: orm.Dict, temperature: orm.Float, model: orm.Dict
) -> orm.Dict:
    """Return the conductivity of a formulation.

    Args:
        formulation: A `messages.chemistry.Formulation`.
        temperature: K.
        model: Terms, coefficients, covariance and bounds (``nodes.aiida.fit``).

    Returns:
        conductivity and uncertainty in S/m, the equation used, the bounds it leaves, a rating.
    """
    composition = composition_of(Formulation.model_validate(formulation.get_dict()))
    found = ConductivityModel(model.get_dict()).predict(composition, temperature.value)
    return orm.Dict(
        {
            "conductivity": found.conductivity,
            "uncertainty": found.uncertainty,
            "unit": "S/m",
            "equation": found.equation,
            "rating": found.rating,
            "reason": found.reason,
            "left": list(found.left),
            "parts": dict(found.parts),
        }
    )


def run(runner: Any, label: str, description: str, **inputs: orm.Data) -> orm.CalcFunctionNode:
    """Run the process in this thread; return its node.

    AiiDA's own ``run_get_node`` sets handlers of signals, which Python allows in the main thread
    alone; this is what it does without them. ``label`` and ``description`` are stored with the
    process before it begins.
    """
    process_class = polynomial_interpolation.process_class
    metadata = {"label": label, "description": description}
    process = process_class(
        inputs=process_class.create_inputs(**inputs, metadata=metadata), runner=runner
    )
    process.execute()
    return process.node
