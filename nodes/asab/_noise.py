"""Repeatability of the simulated measurements: how large, and drawn how."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from scipy.special import ndtri

CONDUCTIVITY_REPEATABILITY: Final = 0.0096
"""Relative standard deviation of one conductivity: pooled over the 5 triplicates with LiPF6 in the
Clio database (BattModels/Clio, Database.db, MIT; 10 degrees of freedom). Those were mixed anew on
different days, so it is rather too large than too small."""

DENSITY_REPEATABILITY: Final = 0.0046
"""The same for density, without the one value of 0.879 g/mL, 24 % below its two siblings and below
every pure component of the mixture: a bubble in the tube, most likely (9 degrees of freedom)."""

VISCOSITY_REPEATABILITY: Final = 0.060
"""The same for viscosity (10 degrees of freedom)."""


class Noise:
    """Standard normal numbers that depend on nothing but the seed and their labels.

    No generator and no order: a number asked for again, in another process or after a resume, is
    the same number.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def normal(self, *labels: str | int) -> float:
        """Return the standard normal number of ``labels``."""
        text = json.dumps([self._seed, *labels], separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).digest()
        # 53 bits and a half: never 0 or 1, where the quantile would be infinite
        uniform = ((int.from_bytes(digest[:8], "big") >> 11) + 0.5) / 2**53
        return float(ndtri(uniform))
