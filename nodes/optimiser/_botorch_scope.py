"""What surrounds every computation with torch: same numbers every time, no trace left behind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

DOUBLE = torch.float64
"""Covariances of near points need every digit."""


@contextmanager
def scope(seed: int) -> Iterator[None]:
    """Compute on one thread from ``seed``, and put the process' own settings back.

    Sums of floats depend on how many threads share them, so one thread is part of what makes
    an answer repeatable. The warnings silenced are of searches that were cut short on purpose.

    Args:
        seed: Of torch's generator inside the block; the process' generator is untouched.
    """
    threads = torch.get_num_threads()
    with (
        torch.random.fork_rng(devices=[]),
        threadpool_limits(limits=1),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed % 2**63)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
