from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.asab.fluidics import (
    FluidicsError,
    Syringe,
    filling,
    find_way,
    load_rig,
    plan_dosing,
    plan_recipe,
    size_for,
    way_to,
)

RIG = load_rig()
SHARES = {"lipf6_ec_emc": 0.5, "lipf6_emc": 0.2, "ec_emc": 0.25, "emc": 0.05}

volumes = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.floats(1e-9, 5e-5), min_size=1, max_size=4
)
sizes = st.sampled_from([25e-9, 1e-6, 5e-6, 25e-6])


@settings(max_examples=50, deadline=None)
@given(volumes, st.fixed_dictionaries(dict.fromkeys("abcd", sizes)), st.floats(1e-10, 1e-5))
def test_a_dosing_gives_every_volume_within_every_limit(
    wanted: dict[str, float], sizes: dict[str, float], flow: float
) -> None:
    syringes = {pump: Syringe(size) for pump, size in sizes.items()}
    dosing = plan_dosing(wanted, syringes, flow, layer=1e-6)
    for pump, volume in wanted.items():
        given_ = sum(stroke.volumes[pump] for stroke in dosing.strokes)
        assert given_ == pytest.approx(volume, rel=1e-9)
    for index, stroke in enumerate(dosing.strokes):
        if stroke.fills:
            for pump, volume in filling(dosing, index).items():
                assert volume <= syringes[pump].volume * (1 + 1e-6)
        for pump, rate in stroke.flows.items():
            assert syringes[pump].least_flow <= rate <= syringes[pump].greatest_flow
    assert dosing.strokes[0].fills


def test_what_fits_is_dosed_as_wanted_in_one_stroke_that_ends_together() -> None:
    dosing = plan_dosing({"a": 2e-6, "b": 1e-6}, dict.fromkeys("ab", Syringe(5e-6)), 1e-7)
    [stroke] = dosing.strokes
    assert not dosing.remarks
    assert stroke.seconds == pytest.approx(30)
    assert stroke.volumes["b"] / stroke.flows["b"] == pytest.approx(stroke.seconds)


def test_a_limit_is_met_by_another_flow_more_strokes_or_layers_and_said() -> None:
    small = dict.fromkeys("ab", Syringe(1e-6))
    slower = plan_dosing({"a": 5e-7, "b": 4e-7}, small, 1e-6)
    assert slower.flow == pytest.approx(1e-6 / 6 * 9 / 5)
    assert "slower, by the limits of a" in slower.remarks[0]
    strokes = plan_dosing({"a": 2.5e-6, "b": 1e-6}, small, 1e-7)
    assert len(strokes.strokes) == 3
    assert strokes.remarks[0].startswith("3 strokes: 2.5 mL of a")
    assert strokes.remarks[0].endswith("; one of 2.5 mL would do it in one")
    layers = plan_dosing(
        {"a": 1e-6, "b": 1e-9}, {"a": Syringe(1e-6), "b": Syringe(25e-6)}, 1e-7, layer=2e-7
    )
    assert [stroke.fills for stroke in layers.strokes] == [True] + [False] * 5
    assert "layers a stroke: b" in layers.remarks[-1]
    with pytest.raises(FluidicsError, match="nothing to dose"):
        plan_dosing({"a": 0.0}, small, 1e-7)


def test_the_smallest_syringe_that_serves() -> None:
    found = size_for(3e-6, 1e-7)
    assert found is not None
    assert found.volume == 5e-6
    assert found.inner_diameter == pytest.approx(10.3006e-3, rel=1e-5)
    assert size_for(1e-4, 1e-7) is None


def test_a_way_says_valves_and_what_it_holds() -> None:
    way = way_to(RIG, "cells")
    assert way.names == ("trunk", "to_cells", "densimeter", "conductivity_cell", "from_cells")
    assert way.valves == {"outlet_valve": 1}
    assert way.until("conductivity_cell") == pytest.approx(1.378e-6, rel=1e-3)
    assert find_way(RIG, "pump2", "vial").valves == {"valve2": 2, "outlet_valve": 2}
    with pytest.raises(FluidicsError, match="no way leads from vial to waste through densimeter"):
        find_way(RIG, "vial", "waste", through=["densimeter"])


@settings(max_examples=30, deadline=None)
@given(st.floats(5e-7, 2.5e-5), st.sets(st.sampled_from(["pump1", "pump2", "pump3", "pump4"])))
def test_what_a_recipe_takes_is_what_it_delivers_and_wastes(
    volume: float, primed: set[str]
) -> None:
    recipe = plan_recipe(
        RIG, SHARES, "vial", volume, flow=1e-7, purge=1.5, prime=1.5, primed=primed
    )
    assert recipe.delivered == volume
    assert sum(recipe.taken().values()) == pytest.approx(recipe.delivered + recipe.wasted)
    assert set(recipe.prime) == {"pump1", "pump2", "pump3", "pump4"} - primed


def test_cells_are_purged_by_their_dead_volume() -> None:
    options = {"flow": 1e-7, "prime": 1.5, "primed": ["pump1", "pump2", "pump3", "pump4"]}
    small = plan_recipe(RIG, SHARES, "cells", 1e-7, purge=2.0, **options)  # type: ignore[arg-type]
    assert small.mixture == pytest.approx(2 * 1.378e-6, rel=1e-3)
    large = plan_recipe(RIG, SHARES, "cells", 5e-6, purge=2.0, **options)  # type: ignore[arg-type]
    assert large.mixture == pytest.approx(5e-6)
    with pytest.raises(FluidicsError, match="less than stands in the way"):
        plan_recipe(RIG, SHARES, "vial", 1e-8, purge=2.0, **options)  # type: ignore[arg-type]
