"""The capabilities of FINALES 2 and some more, with their types; a lab adds its own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from messages.access import DECLARATION, DeclarationInput, DeclarationOutput
from messages.archive import DEPOSIT, DepositInput, DepositOutput
from messages.cell import CellAssemblyInput, CellAssemblyOutput
from messages.cycling import (
    CapacityInput,
    CapacityOutput,
    CyclingChannelInput,
    CyclingChannelOutput,
)
from messages.degradation import (
    DegradationInput,
    DegradationModelOutput,
    DegradationWorkflowInput,
    DegradationWorkflowOutput,
)
from messages.electrolyte import (
    ConductivityInput,
    ConductivityOutput,
    DensityInput,
    DensityOutput,
    ElectrolyteInput,
    ElectrolyteOutput,
    ElectrolytePropertiesInput,
    ElectrolytePropertiesOutput,
    StockSolutionInput,
    StockSolutionOutput,
    ViscosityInput,
    ViscosityOutput,
)
from messages.eln import (
    DEPLOYMENT,
    IMPORT,
    ElnDeploymentInput,
    ElnDeploymentOutput,
    ElnEntry,
    ElnImportInput,
)
from messages.frozen_protocol import FREEZING, FrozenProtocol, FrozenProtocolInput
from messages.logistics import TransportInput, TransportOutput
from messages.meaning import of_process
from messages.model import JsonObject, Model
from messages.model_card import TrainingInput, TrainingOutput
from messages.sample_state import INSPECTION, InspectionInput, InspectionOutput
from messages.schema import json_schema
from messages.simulation import (
    RadialDistributionInput,
    RadialDistributionOutput,
    SimulatedConductivityInput,
    SimulatedConductivityOutput,
    SimulatedDensityInput,
    SimulatedDensityOutput,
)
from messages.workflow import WorkflowPlan, WorkflowRecordInput, WorkflowVerdict


@dataclass(frozen=True, slots=True)
class CapabilityTypes:
    """What a capability takes and gives.

    Attributes:
        input: Model of a request's parameters.
        output: Model of a result's data.
        description: One line for people.
        process: Term of what is done, where the models do not say it exactly: they serve several
            methods.
    """

    input: type[Model]
    output: type[Model]
    description: str
    process: str = ""

    @property
    def schemas(self) -> tuple[JsonObject, JsonObject]:
        """JSON Schemas of input and output, with the process at their roots. Do not change them."""
        return (
            of_process(json_schema(self.input), self.process),
            of_process(json_schema(self.output), self.process),
        )


FINALES_CAPABILITIES: Final[Mapping[tuple[str, str], CapabilityTypes]] = {
    ("conductivity", "two_electrode"): CapabilityTypes(
        ConductivityInput,
        ConductivityOutput,
        "Ionic conductivity by impedance between two electrodes",
        "ImpedanceConductometry",
    ),
    ("conductivity", "molecular_dynamics"): CapabilityTypes(
        SimulatedConductivityInput,
        SimulatedConductivityOutput,
        "Ionic conductivity from a molecular dynamics simulation",
    ),
    ("conductivity", "polynomial_interpolation"): CapabilityTypes(
        ConductivityInput,
        ConductivityOutput,
        "Ionic conductivity from a polynomial fitted to measurements",
        "PropertyInterpolation",
    ),
    ("density", "vibrating_tube_densimetry"): CapabilityTypes(
        DensityInput,
        DensityOutput,
        "Density, and viscosity, from a vibrating tube",
        "OscillatingTubeDensimetry",
    ),
    ("density", "molecular_dynamics"): CapabilityTypes(
        SimulatedDensityInput,
        SimulatedDensityOutput,
        "Density from a molecular dynamics simulation",
    ),
    ("radial_density_function", "molecular_dynamics"): CapabilityTypes(
        RadialDistributionInput,
        RadialDistributionOutput,
        "Radial distribution functions from a molecular dynamics simulation",
        "MolecularDynamicsSimulation",
    ),
    ("electrolyte", "flow"): CapabilityTypes(
        ElectrolyteInput, ElectrolyteOutput, "Electrolyte mixed from stock solutions by pumps"
    ),
    ("cell_assembly", "autobass_assembly"): CapabilityTypes(
        CellAssemblyInput, CellAssemblyOutput, "A batch of coin cells assembled by a robot"
    ),
    ("cycling_channel", "service"): CapabilityTypes(
        CyclingChannelInput, CyclingChannelOutput, "Reservation of channels of a cycler"
    ),
    ("capacity", "cycling"): CapabilityTypes(
        CapacityInput, CapacityOutput, "Capacities of a cell over formation and cycling"
    ),
    ("degradation_eol", "degradation_model"): CapabilityTypes(
        DegradationInput, DegradationModelOutput, "End of life of a cell from its first cycles"
    ),
    ("degradation_eol", "degradation_workflow"): CapabilityTypes(
        DegradationWorkflowInput,
        DegradationWorkflowOutput,
        "End of life of a chemistry: electrolyte, cells, cycling and prediction in one",
    ),
    ("transport", "transport_service"): CapabilityTypes(
        TransportInput, TransportOutput, "Samples carried from one place to another"
    ),
}
"""Those of FINALES 2 by (quantity, method)."""

OWN_CAPABILITIES: Final[Mapping[tuple[str, str], CapabilityTypes]] = {
    ("viscosity", "rolling_ball"): CapabilityTypes(
        ViscosityInput,
        ViscosityOutput,
        "Dynamic viscosity from a ball that rolls in a capillary",
        "RollingBallViscometry",
    ),
    ("electrolyte_properties", "flow"): CapabilityTypes(
        ElectrolytePropertiesInput,
        ElectrolytePropertiesOutput,
        "Density, viscosity and conductivity of one sample, mixed once by pumps",
    ),
    ("stock_solution", "weighing"): CapabilityTypes(
        StockSolutionInput,
        StockSolutionOutput,
        "A stock solution weighed in; told by whoever has its bottle, not asked for",
    ),
    INSPECTION: CapabilityTypes(
        InspectionInput,
        InspectionOutput,
        "A person's word on the state of a sample; told by who has looked, not asked for",
    ),
    DECLARATION: CapabilityTypes(
        DeclarationInput,
        DeclarationOutput,
        "Who may have a campaign's, a sample's or a result's data; told by a person, not asked for",
    ),
    FREEZING: CapabilityTypes(
        FrozenProtocolInput,
        FrozenProtocol,
        "What a protocol's name stands for; told by the cycler that first used it, not asked for",
    ),
    ("degradation_model", "training"): CapabilityTypes(
        TrainingInput,
        TrainingOutput,
        "Models of the end of life, trained on what the ledger holds; also told when it grows",
    ),
    IMPORT: CapabilityTypes(
        ElnImportInput,
        ElnEntry,
        "An entry of somebody's electronic lab notebook; told by who imports it, not asked for",
    ),
    DEPLOYMENT: CapabilityTypes(
        ElnDeploymentInput,
        ElnDeploymentOutput,
        "A campaign written into an electronic lab notebook",
    ),
    ("workflow", "plan"): CapabilityTypes(
        WorkflowRecordInput,
        WorkflowPlan,
        "The definition a workflow was begun with; told by its orchestrator, not asked for",
    ),
    ("workflow", "verdict"): CapabilityTypes(
        WorkflowRecordInput,
        WorkflowVerdict,
        "Why a workflow was given up; told by its orchestrator, not asked for",
    ),
    DEPOSIT: CapabilityTypes(
        DepositInput, DepositOutput, "A campaign's crate, given to an archive for good"
    ),
}
"""Those that FINALES 2 has no word for."""

CAPABILITIES: Final[Mapping[tuple[str, str], CapabilityTypes]] = {
    **FINALES_CAPABILITIES,
    **OWN_CAPABILITIES,
}
"""Every capability by (quantity, method)."""
