from __future__ import annotations

import nodes.asab


def test_the_public_face() -> None:
    assert nodes.asab.__all__ == [
        "AsabNode",
        "AsabParameters",
        "Plan",
        "PlanInput",
        "RefillInput",
        "StockLevel",
        "StockLevels",
    ]
    assert all(hasattr(nodes.asab, name) for name in nodes.asab.__all__)
