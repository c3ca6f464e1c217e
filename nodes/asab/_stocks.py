"""The stock solutions in the bottles, and the file that describes them."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from messages.chemistry import MOLAR_MASSES, Chemical
from messages.errors import ConfigurationError
from messages.formulation_algebra import LIPF6_EC_EMC
from messages.model import Model, Name, Real, Text, Unit

CHEMICALS: Final[tuple[Chemical, ...]] = LIPF6_EC_EMC
"""LiPF6, EC, EMC: the order of every vector of components in this package."""

SYMBOLS: Final = ("LiPF6", "EC", "EMC")
"""Names of `CHEMICALS` in the stocks file."""

MOLAR_MASS: Final = np.array([MOLAR_MASSES[chemical.key] for chemical in CHEMICALS])
"""kg/mol, in the order of `CHEMICALS`."""

Positive = Annotated[Real, Field(gt=0)]
NonNegative = Annotated[Real, Field(ge=0)]


class Stock(Model):
    """One stock solution as it was weighed in."""

    name: Name
    label: Text = Field(default="", description="for people")
    batch: Text = ""
    manufacturer: Text = ""
    density: Annotated[Positive, Unit("kg/m3")]
    density_uncertainty: Annotated[NonNegative, Unit("kg/m3")]
    density_temperature: Annotated[Positive, Unit("K")]
    mass_uncertainty: Annotated[NonNegative, Unit("kg")] = Field(
        description="standard uncertainty of every mass that is not zero"
    )
    masses: dict[Literal["LiPF6", "EC", "EMC"], Annotated[NonNegative, Unit("kg")]] = Field(
        description="weighed in, by component"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Stock:
        if not sum(self.masses.values()) > 0:
            raise ValueError("a stock solution has at least one mass above zero")
        return self

    @cached_property
    def mass(self) -> NDArray[np.float64]:
        """Mass in kg of each of `CHEMICALS`, as weighed in."""
        return np.array([self.masses.get(symbol, 0.0) for symbol in SYMBOLS])

    @property
    def concentration(self) -> NDArray[np.float64]:
        """Concentration in mol/m3 of each of `CHEMICALS`; divide by 1000 for mol/L."""
        return concentrations(self.mass, self.density)

    @property
    def fingerprint(self) -> str:
        """Hash of the composition: two bottles of one name must agree in it."""
        text = repr((self.density, tuple(self.mass.tolist())))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def concentrations(mass: NDArray[np.float64], density: float) -> NDArray[np.float64]:
    """Return mol/m3 of each component of a solution of these masses (kg) and density (kg/m3)."""
    molar: NDArray[np.float64] = mass / MOLAR_MASS * density / mass.sum()
    return molar


class _File(Model):
    stocks: Annotated[tuple[Stock, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _distinct(self) -> _File:
        names = [stock.name for stock in self.stocks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two stock solutions are called {', '.join(twice)}")
        return self


def load_stocks(path: str | Path | None = None) -> tuple[Stock, ...]:
    """Return the stock solutions of a YAML file; without a path the shipped four of FINALES 2.

    Raises:
        ConfigurationError: The file cannot be read or a field is wrong; each is named.
    """
    where = str(path) if path else "nodes/asab/stocks.yaml"
    source = Path(path) if path else files("nodes.asab") / "stocks.yaml"
    try:
        raw: Any = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"stocks file cannot be read: {error}", where=where, remedy="check stocks_file"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"stocks file is not YAML: {error}", where=where) from error
    try:
        return _File.model_validate(raw).stocks
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(
            f"stocks file is not valid: {reasons}",
            where=where,
            remedy="compare it with the shipped nodes/asab/stocks.yaml",
        ) from None
