"""Where text exports mislead: told apart by evidence, said, or refused."""

from __future__ import annotations

import random
import zipfile
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path

import pytest

from nodes.cycler.files import FORMATS, CyclerData, UnreadableFileError, read_cycler_file
from nodes.cycler.files._recognise import candidates
from nodes.cycler.files._sheets import cells_as_series
from nodes.cycler.files._source import Source
from tests.nodes.cycler.files import spellings
from tests.nodes.cycler.files.reference import DATA, references
from tests.nodes.cycler.files.spellings import RECORDS, Sheet, hms, rows, workbook

FOLDERS = ("arbin_text", "maccor", "neware_csv", "biologic_mpt", "basytec", "novonix", "pec",
           "landt", "gamry", "bdf")  # fmt: skip
TEXTS = [each.path for each in references() if each.file.startswith(FOLDERS)]


def read(path: Path, data: bytes | str, name: str = "export.csv") -> CyclerData:
    file = path / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_cycler_file(file)


def codes(data: CyclerData, *severities: str) -> set[str]:
    return {each.code for each in data.remarks if each.severity in (severities or ("error",))}


def test_each_collected_file_is_recognised_by_exactly_one_format() -> None:
    for reference in references():
        found = candidates(Source.open(reference.path).head, FORMATS)
        assert len(found) == 1, (reference.file, [str(each) for each in found])


@pytest.mark.parametrize(
    "header",
    [
        "Step,Status,Prog Time,Step Time,Cycle,Procedure,Voltage,Current,AhAccu,WhAccu,Watt",
        "Program Duration#s,Voltage#V,Current#A,AhAccu#Ah",
        "time/s,voltage,amps",
        "V,I,t,cycle,step",
        "Cycle_Index,Step,Time_s,Amphr,Watthr,Current_A,Voltage_V",
        "cycle_index,test_time,current,voltage,charge_capacity,discharge_capacity",
    ],
)
def test_another_makers_table_is_refused(tmp_path: Path, header: str) -> None:
    line = ",".join("1" for _ in header.split(","))
    with pytest.raises(UnreadableFileError, match="no format recognises this file; it begins"):
        read(tmp_path, f"{header}\n{line}\n{line}\n")


def test_a_file_cut_anywhere_gives_the_beginning_of_its_table_or_is_refused(
    tmp_path: Path,
) -> None:
    random_ = random.Random(7)
    for path in TEXTS:
        data = path.read_bytes()
        if data[:2] in {b"PK", b"\xd0\xcf"} or len(data) > 600_000:
            continue
        whole = read_cycler_file(path).table
        for _ in range(3):
            cut = random_.randrange(len(data) // 2, len(data))
            try:
                table = read(tmp_path, data[:cut], f"cut{path.suffix}").table
            except UnreadableFileError:
                continue
            assert table.height <= whole.height
            for column in ("test_time_second", "voltage_volt", "current_ampere"):
                expected = whole[column].head(table.height)
                apart = (table[column] - expected).abs().max()
                assert apart is None or float(apart) < 1e-12, (path.name, cut, column)  # type: ignore[arg-type]
                assert table[column].null_count() == expected.null_count()


def test_a_last_number_that_is_cut_is_left_out(tmp_path: Path) -> None:
    text = spellings.bdf_labels().decode()
    lines = [line.rsplit(",", 3)[0] for line in text.splitlines()]
    data = read(tmp_path, "\n".join(lines)[:-2])
    assert data.table.height == len(RECORDS) - 1
    assert codes(data, "warning") == {"truncated_last_line"}


def test_damaged_lines_are_counted_and_many_refused(tmp_path: Path) -> None:
    lines = spellings.arbin_mits8().decode().split("\r\n")
    fields = lines[9].split(",")
    for broken, code in (
        (lines[9][:30], "damaged_lines"),
        (lines[9] + ",1,2", "damaged_lines"),
        (lines[9].replace(",3.", ',3."', 1), "damaged_records"),
        (",".join([*fields[:7], "1.0.0", *fields[8:]]), "damaged_records"),
    ):
        data = read(tmp_path, "\n".join([*lines[:9], broken, *lines[10:]]))
        assert codes(data) == {code}
        assert data.table.height == len(RECORDS) - 1
    wrong = [",".join([*line.split(",")[:7], "x", *line.split(",")[8:]]) for line in lines]
    with pytest.raises(UnreadableFileError, match=r"5 of 48 records are damaged \('Current\(A\)'"):
        read(tmp_path, "\n".join([*lines[:9], *wrong[9:14], *lines[14:]]))
    with pytest.raises(UnreadableFileError, match=r"5 of 48 lines do not have the 13 fields"):
        read(tmp_path, "\n".join(line[:30] if 8 < i < 14 else line for i, line in enumerate(lines)))


def test_a_header_alone_is_refused_and_one_record_is_one_record(tmp_path: Path) -> None:
    for write in (spellings.arbin_mits8, spellings.neware_chinese, spellings.biologic_bare):
        lines = write().split(b"\n")
        with pytest.raises(UnreadableFileError, match="no whole record follows"):
            read(tmp_path, lines[0] + b"\n")
        data = read(tmp_path, b"\n".join(lines[:2]) + b"\n")
        assert data.table.height == 1
        assert data.table["voltage_volt"][0] == RECORDS[0].volts


# Maccor


def test_a_maccor_file_is_never_taken_for_landts() -> None:
    for path in (*(DATA / "maccor").iterdir(),):
        head = Source.open(path).head
        assert [each.name for each in FORMATS if each.recognise(head)] == [
            "maccor_xls" if path.suffix.startswith(".xls") else "maccor_text"
        ]


def _without(data: bytes, *columns: str) -> str:
    lines = data.decode().replace("\r\n", "\n").split("\n")
    begin = next(i for i, line in enumerate(lines) if line.startswith("Rec#"))
    drop = {lines[begin].split("\t").index(column) for column in columns}
    return "\n".join(
        line
        if i < begin
        else "\t".join(field for j, field in enumerate(line.split("\t")) if j not in drop)
        for i, line in enumerate(lines)
    )


def test_unsigned_current_without_a_state_is_refused_when_the_voltage_falls(tmp_path: Path) -> None:
    stateless = _without(spellings.maccor_unsigned(), "State")
    with pytest.raises(UnreadableFileError, match=r"falls in 2 of 4 steps .* State \(Md\)"):
        read(tmp_path, stateless)
    charging = "\n".join(stateless.split("\n")[: 4 + 11])
    data = read(tmp_path, charging)
    assert codes(data) == {"sign_unknown"}
    assert data.table["current_ampere"].to_list() == [1.0] * 11


def test_a_signed_current_against_its_state_is_an_error(tmp_path: Path) -> None:
    text = spellings.maccor_unsigned().decode()
    turned = text.replace("\t0.5\t", "\t-0.5\t").replace("\tD\t", "\tX\t")
    turned = turned.replace("\tC\t", "\tD\t").replace("\tX\t", "\tC\t")
    assert "sign_against_state" in codes(read(tmp_path, turned))


def test_an_unnamed_unit_of_time_is_told_by_evidence_or_refused(tmp_path: Path) -> None:
    for size, unit in ((1.0, "s"), (60.0, "min"), (3600.0, "h")):
        plain = spellings.maccor_unsigned(lambda r, size=size: f"{r.time / size:.9f}")  # type: ignore[misc]
        for text in (plain.decode(), _without(plain, "DPt Time"), _without(plain, "Amp-hr")):
            data = read(tmp_path, text)
            assert data.metadata.units["test_time_second"] == unit
            assert data.table["test_time_second"][-1] == pytest.approx(RECORDS[-1].time)
    with pytest.raises(UnreadableFileError, match="neither dates nor the capacity counter tell it"):
        read(tmp_path, _without(plain, "DPt Time", "Amp-hr"))


def test_volts_that_may_be_millivolts_are_refused_without_evidence(tmp_path: Path) -> None:
    text = rows(
        "Date of Test:\t03/25/2024\n"
        "Rec#\tCyc#\tStep\tTestTime\tStepTime\tmAmp-hr\tmWatt-hr\tmAmps\tVolts\tState",
        lambda r: (
            f"{r.index}\t1\t1\t{hms(r.time, days=True)}\t{hms(r.step_time)}\t0\t0\t0\t"
            f"{r.volts * 1000}\tR"
        ),
    )
    with pytest.raises(UnreadableFileError, match="volts or millivolts"):
        read(tmp_path, text)


# Dates


def test_day_and_month_are_told_by_elapsed_time_or_said(tmp_path: Path) -> None:
    def text(days: int) -> str:
        lines = ["Data_Point,Test_Time(s),Date_Time,Cycle_Index,Step_Index,Current(A),Voltage(V)"]
        lines += [f"{i},{i * 86400},0{5 + i}/03/2024 10:00:00,1,1,0,3.5" for i in range(days)]
        return "\n".join(lines) + "\n"

    data = read(tmp_path, text(3))
    assert codes(data, "note") == {"day_month_by_elapsed_time", "zone_unknown"}
    assert str(data.table["local_time"][0]) == "2024-03-05 10:00:00"
    data = read(tmp_path, text(1))
    assert codes(data, "warning") == {"day_month_ambiguous"}
    words = next(each.words for each in data.remarks if each.code == "day_month_ambiguous")
    assert "2024-05-03, not 2024-03-05" in words


# Parts


def test_parts_of_a_test_are_read_as_one_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    lines = spellings.arbin_mits8().split(b"\r\n")
    for number, part in ((1, lines[1:16]), (2, lines[16:31]), (10, lines[31:])):
        file = tmp_path / f"T_Channel_4_Wb_{number}.CSV"
        file.write_bytes(b"\r\n".join([lines[0], *part]))
    data = read_cycler_file(tmp_path / "T_Channel_4_Wb_2.CSV")
    assert data.table["test_time_second"].to_list() == [r.time for r in RECORDS]
    assert codes(data) == {"parts_missing"}
    (tmp_path / "T_Channel_4_Wb_10.CSV").rename(tmp_path / "T_Channel_4_Wb_3.CSV")
    data = read_cycler_file(tmp_path / "T_Channel_4_Wb_1.CSV")
    assert codes(data) == set()
    assert set(data.metadata.extra) == {
        f"sha256 of T_Channel_4_Wb_{number}.CSV" for number in (2, 3)
    }
    (tmp_path / "T_Channel_4_Wb_2.CSV").write_bytes(b"\r\n".join([lines[0], *lines[1:16]]))
    assert "parts_overlap" in codes(read_cycler_file(tmp_path / "T_Channel_4_Wb_1.CSV"))


def test_two_cells_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="2 cells"):
        read(tmp_path, spellings.pec_seconds(cells=(1, 2)))
    sheets: dict[str, Sheet] = {
        "Channel_1_1": spellings.arbin_sheet(),
        "Channel_2_1": spellings.arbin_sheet(),
    }
    with pytest.raises(UnreadableFileError, match="2 channels"):
        read_cycler_file(workbook(tmp_path / "two.xlsx", sheets))


# Workbooks


def test_a_workbook_that_makes_its_reader_panic_is_refused(tmp_path: Path) -> None:
    data = (DATA / "maccor" / "maccor_example.xls").read_bytes()
    with pytest.raises(UnreadableFileError):
        read(tmp_path, data[:49105], "cut.xls")


def test_a_workbook_that_would_ask_for_terabytes_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "wide.xlsx", {"record": spellings.neware_sheet()})
    far = tmp_path / "far.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(far, "w") as new:
        for entry in old.infolist():
            data = old.read(entry).replace(
                b"</sheetData>",
                b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
            )
            new.writestr(entry.filename, data)
    with pytest.raises(UnreadableFileError, match="spans 16384 columns and 1048576 rows"):
        read_cycler_file(far)
    old_book = bytearray((DATA / "maccor" / "maccor_example.xls").read_bytes())
    random_ = random.Random(3)
    for _ in range(6):
        at = random_.randrange(512, len(old_book) - 50)
        old_book[at : at + 50] = random_.randbytes(50)
        with suppress(UnreadableFileError):
            read(tmp_path, bytes(old_book), "damaged.xls")


def test_numbers_in_cells_that_look_like_dates_are_numbers() -> None:
    day = datetime(1900, 1, 3, 12, 58, 49, 961000)  # noqa: DTZ001
    found = cells_as_series([day, time(8, 52, 48), -0.25, ""])
    assert found.to_list() == pytest.approx([3.540856, 0.37, -0.25, None], abs=1e-6)
    midnight = cells_as_series([date(2024, 3, 25), datetime(2024, 3, 25, 0, 1)])  # noqa: DTZ001
    assert str(midnight[0]) == "2024-03-25 00:00:00"


# Others


def test_ec_lab_without_current_gives_the_mean_of_each_interval(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        "mode\ttime/s\tdq/mA.h\tEwe/V\thalf cycle\n"
        "1\t0\t0\t3.0\t0\n1\t3600\t2\t3.1\t0\n1\t7200\t-1\t3.0\t1\n",
    )
    assert data.table["current_ampere"].to_list() == pytest.approx([0.0, 0.002, -0.001])
    assert "interval_current" in codes(data, "note")


def test_bdf_that_contradicts_itself_says_so() -> None:
    data = read_cycler_file(DATA / "bdf" / "arbin_example.bdf.csv")
    assert codes(data) == {"current_unit_contradicted"}
    assert "1000 times" in next(r.words for r in data.remarks if r.severity == "error")


def test_bdf_with_discharge_counted_positive_says_so(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        "Test Time / s,Current / A,Voltage / V,Step Type\n"
        + "".join(f"{t},{1 if t < 9 else -1},{3.5},{'discharge' if t < 9 else 'charge'}\n"
                  for t in range(20)),
    )  # fmt: skip
    assert "sign_against_step_type" in codes(data)


def test_gamrys_cycles_are_joined_and_its_other_tables_named(tmp_path: Path) -> None:
    def table(name: str, columns: str, begin: int) -> str:
        units = "\t".join("V" for _ in columns.split("\t"))
        body = "".join(f"\t{i}\t{i}\t0.{i}\t1E-3\n" for i in range(begin, begin + 3))
        return f"{name}\tTABLE\t3\n\t{columns}\n\t{units}\n{body}"

    head = "EXPLAIN\nTAG\tCV\nDATE\tLABEL\t8/25/2019\tDate\nTIME\tLABEL\t11:50:33\tTime\n"
    curve = "Pt\tT\tVf\tIm"
    text = head + table("CURVE1", curve, 0) + table("CURVE2", curve, 3)
    data = read(tmp_path, text, "a.dta")
    assert data.table["cycle_count"].to_list() == [1, 1, 1, 2, 2, 2]
    data = read(tmp_path, head + table("OCVCURVE", "Pt\tT\tVf\tVm", 0) + text[len(head) :], "b.dta")
    assert data.table.height == 3
    assert codes(data, "warning") == {"tables_unread"}
    with pytest.raises(UnreadableFileError, match="with 1 tables, but none"):
        read(tmp_path, head + table("VFPCURVE", "X\tY\tZ\tW", 0), "c.dta")
