"""Volume additivity: from mol per litre of solution to mol per kilogram of solvent.

Apparent densities and the apparent molar volume of LiPF6 follow from measured densities of EC:EMC
30:70 (1.095 kg/L), 50:50 (1.156), and of both with 1.5 mol/kg LiPF6 (1.225, 1.287), at 26 to 28 C
(Dave et al., Nature Communications 13 (2022) 5454, DOI 10.1038/s41467-022-32938-1).
"""

from __future__ import annotations

from messages.errors import BodyError

EC_DENSITY = 1.3430
"""kg/L, apparent, of dissolved EC."""
EMC_DENSITY = 1.0147
"""kg/L."""
LIPF6_VOLUME = 0.0594
"""L/mol, apparent."""


def molality_from(concentration: float, w_ec: float) -> float:
    """Return mol/kg of solvent for ``concentration`` in mol/L of solution.

    Good to about 1 % (the densities' scatter), at room temperature, where solutions are prepared.

    Raises:
        BodyError: There is no room for the solvent beside so much salt.
    """
    room = 1.0 - LIPF6_VOLUME * concentration
    if not (concentration >= 0 and room > 0):
        raise BodyError(f"{concentration:g} mol/L of LiPF6 is no solution", where="concentration")
    return concentration * (w_ec / EC_DENSITY + (1.0 - w_ec) / EMC_DENSITY) / room
