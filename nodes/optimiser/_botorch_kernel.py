"""Covariance of what several fidelities and several sources say about one function.

Rows of X are (coordinates in the unit cube..., source, fidelity, given variance). Source 0 is the
campaign itself; fidelity 0 is the target. With f the target function,

    observed = gain[fidelity] * f(x) + discrepancy[fidelity](x) + offset[source] + noise

where gain and discrepancy of the target are 1 and 0: the autoregressive model of Kennedy and
O'Hagan (Biometrika 87 (2000) 1, DOI 10.1093/biomet/87.1.1) with every fidelity tied to the target
by itself. A discrepancy is an unknown constant plus a Gaussian process of its own.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel, MaternKernel, ScaleKernel
from gpytorch.likelihoods.gaussian_likelihood import _GaussianLikelihoodBase
from gpytorch.likelihoods.noise_models import Noise
from gpytorch.priors import NormalPrior
from linear_operator.operators import DiagLinearOperator

EXTRA: Final = 3
"""Columns of X after the coordinates: source, fidelity, given variance."""

_VARIANCE_BOUNDS: Final = (0.05, 20.0)
_LENGTH_BOUNDS: Final = (0.05, 10.0)
_NOISE_BOUNDS: Final = (1e-6, 0.5)
_DISCREPANCY_BOUNDS: Final = (1e-4, 20.0)
_GAIN_BOUNDS: Final = (-1.5, 1.5)


def _matern(size: int, variance: float, bounds: tuple[float, float], lengths: int | None) -> Any:
    """Return a scaled Matern 5/2 kernel, its priors on logarithms as in the light backend."""
    matern = MaternKernel(
        nu=2.5,
        ard_num_dims=lengths,
        lengthscale_constraint=Interval(*_LENGTH_BOUNDS, initial_value=0.5),
    )
    matern.register_prior(
        "length_prior", NormalPrior(math.log(0.5 * math.sqrt(size)), 0.75), _log_length
    )
    scaled = ScaleKernel(matern, outputscale_constraint=Interval(*bounds, initial_value=variance))
    scaled.register_prior("variance_prior", NormalPrior(math.log(variance), 1.0), _log_variance)
    return scaled


def _log_length(kernel: Any) -> torch.Tensor:
    return kernel.lengthscale.log()


def _log_variance(kernel: Any) -> torch.Tensor:
    return kernel.outputscale.log()


class CampaignKernel(Kernel):  # type: ignore[misc]
    """The covariance above, without the noise.

    Args:
        size: Number of coordinates.
        offsets: Prior standard deviation of each source's offset; entry 0 is 0.
        biases: Prior standard deviation of each fidelity's constant discrepancy; entry 0 is 0.
    """

    has_lengthscale = False

    def __init__(self, size: int, offsets: tuple[float, ...], biases: tuple[float, ...]) -> None:
        super().__init__()
        self.width = size
        self.latent = _matern(size, 1.0, _VARIANCE_BOUNDS, size)
        self.discrepancies = torch.nn.ModuleList(
            _matern(size, min(max(bias, 0.1) ** 2, 1.0), _DISCREPANCY_BOUNDS, None)
            for bias in biases[1:]
        )
        self.register_buffer("offsets", torch.tensor(offsets))
        self.register_buffer("biases", torch.tensor(biases))
        if len(biases) > 1:
            self.register_parameter("raw_gain", torch.nn.Parameter(torch.zeros(len(biases) - 1)))
            self.register_constraint("raw_gain", Interval(*_GAIN_BOUNDS, initial_value=0.0))
            self.register_prior("gain_prior", NormalPrior(0.0, 0.3), _log_gain)

    @property
    def gains(self) -> torch.Tensor:
        """Gain of each fidelity; the target's is 1."""
        one = self.offsets.new_ones(1)
        if not len(self.discrepancies):
            return one
        return torch.cat([one, _log_gain(self).exp()])

    def forward(
        self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **_: Any
    ) -> torch.Tensor:
        """Return the covariance of the rows of x1 and x2, or its diagonal."""
        near, far = x1[..., : self.width], x2[..., : self.width]
        cover = self.latent.forward(near, far, diag=diag)
        if len(self.discrepancies):
            first, second = _codes(x1, self.width + 1, x2, diag)
            cover = cover * self.gains[first] * self.gains[second]
            for code, kernel in enumerate(self.discrepancies, start=1):
                share = ((first == code) & (second == code)).to(cover)
                own = kernel.forward(near, far, diag=diag) + self.biases[code].square()
                cover = cover + share * own
        if len(self.offsets) > 1:
            first, second = _codes(x1, self.width, x2, diag)
            cover = cover + (first == second) * self.offsets[first].square()
        return cover


class CampaignNoise(Noise):  # type: ignore[misc]
    """The given variance of each row plus a learned one of its fidelity.

    Args:
        size: Number of coordinates.
        fidelities: How many there are.
        start: Variance from which the search sets out.
    """

    def __init__(self, size: int, fidelities: int, start: float) -> None:
        super().__init__()
        self.size = size
        self.register_parameter("raw_noise", torch.nn.Parameter(torch.zeros(fidelities)))
        self.register_constraint("raw_noise", Interval(*_NOISE_BOUNDS, initial_value=start))
        # Centred on (3 %)^2 of the spread, as in the light backend.
        self.register_prior("noise_prior", NormalPrior(math.log(1e-3), 1.5), _log_noise)

    @property
    def noise(self) -> torch.Tensor:
        """Learned variance of each fidelity."""
        return self.raw_noise_constraint.transform(self.raw_noise)

    def forward(self, *params: Any, **_: Any) -> Any:
        """Return the noise of the rows in ``params``."""
        rows = params[0] if torch.is_tensor(params[0]) else params[0][0]
        return DiagLinearOperator(self.variances(rows))

    def variances(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the noise variance of each of ``rows``."""
        codes = rows[..., self.size + 1].long()
        return rows[..., self.size + 2] + self.noise[codes]


class CampaignLikelihood(_GaussianLikelihoodBase):  # type: ignore[misc]
    """Gaussian, with `CampaignNoise`."""

    def __init__(self, size: int, fidelities: int, start: float) -> None:
        super().__init__(noise_covar=CampaignNoise(size, fidelities, start))


def _log_gain(kernel: CampaignKernel) -> torch.Tensor:
    return kernel.raw_gain_constraint.transform(kernel.raw_gain)


def _log_noise(noise: CampaignNoise) -> torch.Tensor:
    return noise.noise.log()


def _codes(
    x1: torch.Tensor, column: int, x2: torch.Tensor, diag: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = x1[..., column].long(), x2[..., column].long()
    return (first, second) if diag else (first.unsqueeze(-1), second.unsqueeze(-2))
