"""Chemicals, formulations, and what is known about the batches behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import fsum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from messages.ledger import SampleId
from messages.location import Location
from messages.meaning import ENCLOSING, Term
from messages.model import Model, Real, Text, Unit
from messages.quantity import Density, MolarMass

InChIKey = Annotated[str, StringConstraints(pattern=r"^[A-Z]{14}-[A-Z]{10}-[A-Z]$")]
"""Hashed InChI, the key by which chemicals are compared."""

FractionType = Literal["mole", "mass"]
"""Fractions count amount of substance (mol/mol) or mass (kg/kg)."""

SUM_TOLERANCE = 1e-6
"""How far the fractions of a formulation may be from one in sum."""


class Chemical(Model, term="ChemicalSubstance"):
    """A pure substance. It has at least one of SMILES, InChIKey and name.

    Molecules have all three. Solid solutions such as NMC have no honest InChIKey, and say their
    formula as name.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ethylene carbonate", "smiles": "C1COC(=O)O1"}]}
    )

    smiles: Annotated[str, Field(max_length=1000), Term("schema:smiles")] = Field(
        default="", description="SMILES"
    )
    inchikey: Annotated[InChIKey | Literal[""], Term("schema:inChIKey")] = Field(
        default="", description="standard InChIKey"
    )
    name: Annotated[str, Field(max_length=200), Term("schema:name")] = Field(
        default="", description="for people; the formula where there is no InChIKey"
    )

    @model_validator(mode="after")
    def _identified(self) -> Chemical:
        if not self.key:
            raise ValueError("a chemical has an InChIKey, a SMILES or a name")
        return self

    @property
    def key(self) -> str:
        """The InChIKey, else the SMILES, else the name: equal keys are one chemical."""
        return self.inchikey or self.smiles or self.name


class Component(Model, term="ChemicalSubstance", relation="hasConstituent"):
    """One chemical of a formulation, and its share."""

    chemical: Annotated[Chemical, ENCLOSING]
    fraction: Annotated[Real, Unit("1"), Field(ge=0, le=1), Term("ConstituentFraction")] = Field(
        description="mol/mol or kg/kg, as the formulation's fraction_type says"
    )


class Formulation(Model, term="Mixture"):
    """A mixture. Fractions sum to one within `SUM_TOLERANCE`; no chemical comes twice."""

    components: Annotated[
        tuple[Component, ...],
        Field(min_length=1, max_length=100),
        Term("ChemicalSubstance", "hasConstituent"),
    ]
    fraction_type: Annotated[
        FractionType,
        Term(
            "ConstituentFraction",
            values=(
                ("mole", "AmountFraction"),
                ("mass", "MassFraction"),
            ),
        ),
    ] = Field(description="what all the fractions count")

    @model_validator(mode="after")
    def _consistent(self) -> Formulation:
        total = fsum(component.fraction for component in self.components)
        if abs(total - 1) > SUM_TOLERANCE:
            raise ValueError(f"fractions sum to {total:.9g}, not to 1")
        keys = [component.chemical.key for component in self.components]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} comes more than once")
        return self

    @classmethod
    def of(
        cls, shares: Mapping[Chemical, float], fraction_type: FractionType = "mole"
    ) -> Formulation:
        """Return the formulation of ``shares`` (any positive sum), normalised to one.

        Raises:
            ValueError: No share is positive, or one is negative.
        """
        total = fsum(shares.values())
        if not total > 0 or min(shares.values()) < 0:
            raise ValueError("a formulation has at least one positive share, and none below 0")
        return cls(
            components=tuple(
                Component(chemical=chemical, fraction=share / total)
                for chemical, share in shares.items()
            ),
            fraction_type=fraction_type,
        )

    def fraction(self, chemical: Chemical) -> float:
        """Return the fraction of ``chemical``, 0 where it is absent."""
        for component in self.components:
            if component.chemical.key == chemical.key:
                return component.fraction
        return 0.0

    def converted(
        self, fraction_type: FractionType, molar_masses: Mapping[str, float]
    ) -> Formulation:
        """Return the same mixture with its fractions counted the other way.

        Args:
            fraction_type: What the fractions of the result count.
            molar_masses: kg/mol by `Chemical.key`, as in `MOLAR_MASSES`.

        Raises:
            ValueError: A chemical's molar mass is not given.
        """
        if fraction_type == self.fraction_type:
            return self
        missing = [c.chemical.key for c in self.components if c.chemical.key not in molar_masses]
        if missing:
            raise ValueError(f"no molar mass of {', '.join(missing)}")
        power = 1 if fraction_type == "mass" else -1
        shares = {
            c.chemical: c.fraction * molar_masses[c.chemical.key] ** power for c in self.components
        }
        return Formulation.of(shares, fraction_type)


class ChemicalInfo(Model, term="ChemicalSubstance", relation="prov:used"):
    """What is known about the batch of a chemical that was used."""

    name: Annotated[Text, Term("schema:name")] = Field(default="", description="for people")
    molar_mass: MolarMass | None = Field(default=None, description="as used in conversions")
    density: Density | None = Field(default=None, description="as used in conversions")
    batch: Annotated[Text, Term("schema:identifier")] = Field(
        default="", description="the manufacturer's batch or lot number"
    )
    manufacturer: Annotated[Text, Term("schema:manufacturer")] = Field(
        default="", description="who made it"
    )
    manufacturing_date: Annotated[date, Term("dcterms:created")] | None = Field(
        default=None, description="when it was made"
    )


class FormulationInfo(Model, term="enclosing"):
    """What is known about a prepared mixture."""

    name: Annotated[Text, Term("schema:name")] = Field(default="", description="for people")
    sample: Annotated[SampleId, Term("Sample", "@id")] | None = Field(
        default=None, description="its identity in the ledger"
    )
    preparation_date: Annotated[date, Term("dcterms:created")] | None = Field(
        default=None, description="when it was mixed"
    )
    batch: Annotated[Text, Term("schema:identifier")] = Field(
        default="", description="the laboratory's own batch number"
    )
    location: Location | None = Field(default=None, description="where it is")


class RunInfo(Model, term="ElectrolyteSolution", relation="hasMeasurementSample"):
    """What was really examined: the achieved formulation, not the one asked for."""

    formulation: Annotated[Formulation, ENCLOSING]
    internal_reference: Annotated[Text, Term("schema:identifier")] = Field(
        description="the laboratory's own name for the run"
    )
    formulation_info: FormulationInfo | None = None
    chemicals_info: Annotated[dict[str, ChemicalInfo], Term("ChemicalSubstance", "prov:used")] = (
        Field(default_factory=dict, description="by InChIKey (or `Chemical.key`)")
    )


LIPF6 = Chemical(
    smiles="[Li+].F[P-](F)(F)(F)(F)F",
    inchikey="AXPLOJNSKRXQPA-UHFFFAOYSA-N",
    name="lithium hexafluorophosphate",
)
EC = Chemical(
    smiles="C1COC(=O)O1", inchikey="KMTRUDSVKNLOMY-UHFFFAOYSA-N", name="ethylene carbonate"
)
EMC = Chemical(
    smiles="CCOC(=O)OC", inchikey="JBTWLSYIZRCDFO-UHFFFAOYSA-N", name="ethyl methyl carbonate"
)
DMC = Chemical(
    smiles="COC(=O)OC", inchikey="IEJIGPNLZYLLBP-UHFFFAOYSA-N", name="dimethyl carbonate"
)
DEC = Chemical(
    smiles="CCOC(=O)OCC", inchikey="OIFBSDVPJOWBCH-UHFFFAOYSA-N", name="diethyl carbonate"
)
PC = Chemical(
    smiles="CC1COC(=O)O1", inchikey="RUOJZAUFBMNUDX-UHFFFAOYSA-N", name="propylene carbonate"
)
EA = Chemical(smiles="CCOC(C)=O", inchikey="XEKOWRVHYACXOJ-UHFFFAOYSA-N", name="ethyl acetate")
GRAPHITE = Chemical(smiles="[C]", inchikey="OKTJSMMVPCPJKN-UHFFFAOYSA-N", name="graphite")
LNO = Chemical(
    smiles="[Li+].[O-][Ni]=O", inchikey="VROAXDSNYPAOBJ-UHFFFAOYSA-N", name="lithium nickel oxide"
)
LFP = Chemical(
    smiles="[Li+].[Fe+2].[O-]P([O-])([O-])=O",
    inchikey="GELKBWJHTRAYNV-UHFFFAOYSA-K",
    name="lithium iron phosphate",
)
NMC622 = Chemical(name="LiNi0.6Mn0.2Co0.2O2")
NMC811 = Chemical(name="LiNi0.8Mn0.1Co0.1O2")

MOLAR_MASSES: Mapping[str, float] = {
    LIPF6.key: 0.151904,
    EC.key: 0.088062,
    EMC.key: 0.104105,
    DMC.key: 0.090078,
    DEC.key: 0.118132,
    PC.key: 0.102089,
    EA.key: 0.088106,
}
"""Molar masses in kg/mol by `Chemical.key`, from the standard atomic weights (IUPAC 2021)."""
