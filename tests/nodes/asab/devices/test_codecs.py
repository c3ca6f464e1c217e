from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.wire import WireError
from nodes.asab.devices import (
    check_list,
    decode,
    encode,
    format_weight,
    impedance_script,
    parse_number,
    parse_weight,
    read_sample_list,
    read_table,
    sample_list,
    write_table,
)


@settings(max_examples=50)
@given(st.floats(-1e9, 1e9))
def test_a_packages_value_keeps_its_digits(value: float) -> None:
    found = decode("P" + encode("cc", value) + "\n", "here")["cc"]
    assert found == pytest.approx(value, rel=4e-6, abs=1e-18)


def test_a_package_as_the_protocol_describes_it() -> None:
    # 0x80186A0 - 2^27 = 100000 and 0x7FFFC18 - 2^27 = -1000, in m and in Ohm
    assert decode("Pdc80186A0m;cd7FFFC18 ,10,288\n", "") == {"dc": 100.0, "cd": -1000.0}
    with pytest.raises(WireError, match="no package"):
        decode("Pdc80186", "")
    with pytest.raises(WireError, match="overloads"):
        decode("Pcc80186A0m,12", "")


def test_a_script_says_numbers_as_integers_with_a_prefix() -> None:
    script = impedance_script(0.01, 200e3, 100.0, 41)
    assert script.startswith("e\nvar f\n")
    assert "meas_loop_eis f r j 10m 200k 100 41 0\n" in script
    assert script.endswith("on_finished:\ncell_off\n\n")
    assert [parse_number(text) for text in ("10m", "200k", "100")] == [0.01, 200e3, 100.0]
    with pytest.raises(ValueError, match="no integer"):
        impedance_script(0.0123456789, 200e3, 100.0, 41)


def test_a_list_of_samples_and_a_check() -> None:
    assert sample_list("e-1", "DL-25") == b"#V100\n1;e-1;;;;DL-25\n"
    assert read_sample_list(sample_list("e-1", "DL-25")) == [("e-1", "DL-25")]
    assert check_list("Water") == b"#V200\nType;C (Check);Check Type;Water\n"
    with pytest.raises(ValueError, match="no name for the densimeter"):
        sample_list("a;b", "DL-25")
    with pytest.raises(ValueError, match="6 fields"):
        read_sample_list(b"#V100\n1;a;b\n")


def test_a_table_skips_masters_and_what_is_not_valid() -> None:
    table = write_table(
        [
            (1.2, "valid", 3.1, "not valid", "Master"),
            (1.2001, "valid", 3.1, "valid", "1"),
            (0.9, "not valid", 3.2, "not valid", "2"),
        ]
    )
    first, second = read_table(table, "x.csv")
    assert (first.density, first.viscosity) == pytest.approx((1200.1, 3.1e-3))
    assert math.isnan(second.density)
    assert math.isnan(second.viscosity)
    with pytest.raises(WireError, match="no column Results::Density Condition"):
        read_table(b"Results::Density;x\n1;2\n", "x.csv")
    # decimal comma, a byte-order mark, more columns than are needed
    text = table.decode().replace("1.20010", "1,20010").replace("\r\n", ";more\r\n")
    assert read_table(("\ufeff" + text).encode(), "x")[0].density == pytest.approx(1200.1)


@settings(max_examples=50)
@given(st.integers(-9_999_999, 99_999_999), st.booleans())
def test_a_weight_goes_through_22_bytes(steps: int, stable: bool) -> None:
    mass = steps * 1e-7
    line = format_weight(mass, stable=stable)
    assert len(line) == 22
    read = parse_weight(line)
    assert read.mass == pytest.approx(mass, abs=1e-12)
    assert read.stable is stable


@pytest.mark.parametrize(
    "line", [b"", b"N     + 12.3456 g\r\n", b"Stat       H        \r\n" + b" "]
)
def test_what_is_no_weight_is_refused(line: bytes) -> None:
    with pytest.raises(WireError, match="no reading of the balance"):
        parse_weight(line)
