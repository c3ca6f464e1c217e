"""Synthetic: one small test in the spellings of many vendors' exports, as those are known publicly.

Charge 1 A for 600 s, rest 60 s, discharge 0.5 A for 600 s, twice; a record each 60 s.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

BEGUN = datetime(2024, 3, 25, 22, 0, 0)  # noqa: DTZ001
"""Day 25 tells day from month, and the test crosses no midnight."""


@dataclass(frozen=True)
class Record:
    index: int
    time: float
    step_time: float
    volts: float
    amps: float
    cycle: int
    step: int
    kind: str
    charged: float
    discharged: float

    @property
    def date(self) -> datetime:
        return BEGUN + timedelta(seconds=self.time)


def records() -> list[Record]:
    found: list[Record] = []
    begun, index = 0.0, 1
    for cycle in (1, 2):
        for step, (kind, amps, seconds) in enumerate(
            (("C", 1.0, 600), ("R", 0.0, 60), ("D", -0.5, 600)), 1
        ):
            for at in range(0, seconds + 1, 60):
                share = at / 600
                volts = {"C": 3.5 + 0.5 * share, "R": 3.95, "D": 3.9 - 0.45 * share}[kind]
                charge = abs(amps) * at / 3600
                found.append(
                    Record(
                        index,
                        begun + at,
                        float(at),
                        round(volts, 4),
                        amps,
                        cycle,
                        step,
                        kind,
                        charge if amps > 0 else 0.0,
                        charge if amps < 0 else 0.0,
                    )
                )
                index += 1
            begun += seconds
    return found


RECORDS = records()


def hms(seconds: float, days: bool = False) -> str:
    whole = int(seconds)
    text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{seconds % 60:06.3f}"
    return f"  0d {text}" if days else text


def rows(header: str, line: Callable[[Record], str], end: str = "\n") -> str:
    return end.join([header, *(line(each) for each in RECORDS)]) + end


def arbin_mits8() -> bytes:
    return rows(
        "Data_Point,Date_Time,Test_Time(s),Step_Time(s),Cycle_Index,Step_Index,Voltage(V),"
        "Current(A),Charge_Capacity(Ah),Discharge_Capacity(Ah),Charge_Energy(Wh),"
        "Discharge_Energy(Wh),dV/dt(V/s)",
        lambda r: (
            f"{r.index},{r.date:%m/%d/%Y %H:%M:%S}.000,{r.time},{r.step_time},{r.cycle},{r.step},"
            f"{r.volts},{r.amps},{r.charged:.9f},{r.discharged:.9f},0,0,0"
        ),
        "\r\n",
    ).encode()


def arbin_milli() -> bytes:
    return rows(
        "Data Point,Test Time (s),Cycle Index,Step Index,Current (mA),Voltage (mV),"
        "Charge Capacity (mAh),Discharge Capacity (mAh)",
        lambda r: (
            f"{r.index},{r.time},{r.cycle},{r.step},{r.amps * 1e3:.3f},{r.volts * 1e3:.3f},"
            f"{r.charged * 1e3:.6f},{r.discharged * 1e3:.6f}"
        ),
    ).encode()


def maccor_unsigned(time: Callable[[Record], str] = lambda r: hms(r.time, days=True)) -> bytes:
    return rows(
        "Today's Date\t03/26/2024\nDate of Test:\t03/25/2024 10:00:00 PM\n\n"
        "Rec#\tCyc#\tStep\tTestTime\tStepTime\tAmp-hr\tWatt-hr\tAmps\tVolts\tState\tES\tDPt Time",
        lambda r: (
            f"{r.index}\t{r.cycle}\t{r.step}\t{time(r)}\t{hms(r.step_time, days=True)}\t"
            f"{r.charged + r.discharged:.9f}\t0\t{abs(r.amps)}\t{r.volts}\t{r.kind}\t1\t"
            f"{r.date:%m/%d/%Y %I:%M:%S %p}"
        ),
        "\r\n",
    ).encode()


def maccor_minutes() -> bytes:
    """Without preamble, time in minutes that the header does not say, decimal comma."""
    return rows(
        "Rec\tCycle P\tCycle C\tStep\tTestTime\tStepTime\tCap. [Ah]\tEner. [Wh]\tCurrent [A]\t"
        "Voltage [V]\tMd\tES\tDPT Time",
        lambda r: (
            (
                f"{r.index}\t0\t{r.cycle}\t{r.step}\t{r.time / 60:.6f}\t{r.step_time / 60:.6f}\t"
                f"{r.charged + r.discharged:.8f}\t0\t{abs(r.amps):.4f}\t{r.volts:.4f}\t"
                f"{r.kind}\t1\t"
            ).replace(".", ",")
            + f"{r.date:%d.%m.%Y %H:%M:%S}"
        ),
    ).encode("latin-1")


def neware_chinese() -> bytes:
    kinds = {"C": "恒流充电", "D": "恒流放电", "R": "搁置"}
    return rows(
        "数据序号,循环号,工步号,工步类型,时间,总时间,电流(mA),电压(V),容量(mAh),充电容量(mAh),"
        "放电容量(mAh),能量(Wh),绝对时间,功率(W),T1(℃)",
        lambda r: (
            f"{r.index},{r.cycle},{r.step},{kinds[r.kind]},{hms(r.step_time)},{hms(r.time)},"
            f"{r.amps * 1e3:.1f},{r.volts},0,{r.charged * 1e3:.6f},{r.discharged * 1e3:.6f},0,"
            f"{r.date:%Y-%m-%d %H:%M:%S},0,25.0"
        ),
    ).encode("gbk")


def neware_layers() -> bytes:
    """The older program's layers, with tabs; no total time; current without sign."""
    kinds = {"C": "CC_Chg", "D": "CC_DChg", "R": "Rest"}
    lines = [
        "Cycle ID\tCap_Chg(mAh)\tCap_DChg(mAh)\tCap.Eff(%)",
        "\tStep ID\tStep Name\tStep Time(h:min:s.ms)\tCap(mAh)",
        "\t\tRecord ID\tTime(h:min:s.ms)\tVoltage(V)\tCurrent(mA)\tCapacity(mAh)\tRealtime",
    ]
    cycle = step = 0
    for r in RECORDS:
        if r.cycle != cycle:
            cycle, step = r.cycle, 0
            lines.append(f"{cycle}\t166.7\t83.3\t50")
        if r.step != step:
            step = r.step
            lines.append(f"\t{step}\t{kinds[r.kind]}\t0:10:00.000\t0")
        lines.append(
            f"\t\t{r.index}\t{hms(r.step_time)}\t{r.volts}\t{abs(r.amps) * 1e3:.1f}\t"
            f"{(r.charged + r.discharged) * 1e3:.6f}\t{r.date:%Y-%m-%d %H:%M:%S}"
        )
    return "\n".join(lines).encode() + b"\n"


def biologic_bare() -> bytes:
    return rows(
        "mode\tox/red\terror\tcontrol changes\tNs changes\tcounter inc.\tNs\ttime/s\t"
        "control/V/mA\tEwe/V\tI/mA\tdQ/mA.h\tQ discharge/mA.h\tQ charge/mA.h\tcycle number\t",
        lambda r: (
            f"1\t1\t0\t0\t0\t0\t{r.step}\t{r.time:.6E}\t0\t{r.volts:.7E}\t{r.amps * 1e3:.7E}\t0\t"
            f"{r.discharged * 1e3:.7E}\t{r.charged * 1e3:.7E}\t{r.cycle}"
        ),
        "\r\n",
    ).encode()


def novonix_old() -> bytes:
    """Records quoted as a whole, a protocol in words, AM and PM."""
    return (
        "[Summary]\nNovonix HPC data file\nNovonix\nChannel: 07\nCell: A1.csv\n"
        "Protocol: CC.pro1\nCapacity (Ah): 0.24\nStarted: 2024-03-25 10:00:00 PM\n"
        "Version: 2.2.1.6\n[End Summary]\n[Protocol]\n"
        '"   [During CV, End step when hold time > 15 hours]"\n[End Protocol]\n[Data]\n'
        + rows(
            '"Date and Time,Cycle Number,Step Type,Run Time (h),Step Time (h),Current (A),'
            'Potential (V),Capacity (Ah),Temperature (°C),Step Number"',
            lambda r: (
                f'"{r.date:%Y-%m-%d %I:%M:%S %p},{r.cycle},1,{r.time / 3600:.9f},'
                f"{r.step_time / 3600:.9f},{r.amps},{r.volts},{r.charged - r.discharged:.9f},"
                f'25.1,{r.step}"'
            ),
        )
    ).encode()


def basytec_hours() -> bytes:
    return (
        "~Resultfile from Basytec Battery Test System\r\n~Battery: A1\r\n"
        "~Start of Test: 25.03.2024 22:00:00\r\n~\r\n"
        + rows(
            "~Time[h]\tDataSet\tt-Step[h]\tLine\tCommand\tU[V]\tI[mA]\tAh[Ah]\tAh-Cyc-Charge\t"
            "Ah-Cyc-Discharge\tT1[°C]\tCyc-Count\tState",
            lambda r: (
                f"{r.time / 3600:.9f}\t{r.index}\t{r.step_time / 3600:.9f}\t{r.step}\t{r.kind}\t"
                f"{r.volts}\t{r.amps * 1e3}\t0\t{r.charged:.9f}\t{r.discharged:.9f}\t25\t"
                f"{r.cycle}\t1"
            ),
            "\r\n",
        )
    ).encode("latin-1")


def pec_seconds(cells: Sequence[int] = (1,)) -> bytes:
    header = (
        "Test:,187\nRequestor:,vie\nTest,Cell,Rack,Shelf,Position,Cell ID,Step,Cycle,"
        "Total Time (Seconds),Step Time (Seconds),Real Time,Voltage (mV),Current (mA),"
        "Charge Capacity (mAh),Discharge Capacity (mAh),Charge Capacity (mWh),"
        "Discharge Capacity (mWh),ReasonCode,"
    )
    return rows(
        header,
        lambda r: (
            f"187,{cells[r.index % len(cells)]},R1,001,1,,{r.step},{r.cycle},{r.time},"
            f"{r.step_time},{r.date:%m/%d/%Y %H:%M:%S},{r.volts * 1e3:.4f},{r.amps * 1e3},"
            f"{r.charged * 1e3:.6f},{r.discharged * 1e3:.6f},0,0,30,"
        ),
    ).encode()


def bdf_labels() -> bytes:
    """Preferred labels, in units that the ontology allows but does not prefer."""
    return rows(
        "Test Time / min,Voltage / mV,Current / mA,Cycle Count / 1,Step ID,Operator",
        lambda r: f"{r.time / 60:.9f},{r.volts * 1e3:.4f},{r.amps * 1e3},{r.cycle},{r.step},nobody",
    ).encode()


Line = Sequence[str | float]
Sheet = list[Line]


def workbook(path: Path, sheets: dict[str, Sheet]) -> Path:
    """A workbook with its strings inline."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/'
            '2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
            'officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        names, relations = "", ""
        for number, (name, lines) in enumerate(sheets.items(), 1):
            names += f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
            relations += (
                f'<Relationship Id="rId{number}" Type="http://schemas.openxmlformats.org/'
                f'officeDocument/2006/relationships/worksheet" Target="worksheets/s{number}.xml"/>'
            )
            archive.writestr(f"xl/worksheets/s{number}.xml", _sheet(lines))
        archive.writestr(
            "xl/workbook.xml",
            '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/'
            'spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/'
            f'2006/relationships"><sheets>{names}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/'
            f'2006/relationships">{relations}</Relationships>',
        )
    return path


def _sheet(lines: Sheet) -> str:
    body = ""
    for number, line in enumerate(lines, 1):
        cells = "".join(
            f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            if isinstance(cell, str)
            else f"<c><v>{cell}</v></c>"
            for cell in line
        )
        body += f'<row r="{number}">{cells}</row>'
    return (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/'
        f'2006/main"><sheetData>{body}</sheetData></worksheet>'
    )


def landt_sheet() -> Sheet:
    head = [
        "Record",
        "Cycle-Index",
        "Step-Index",
        "TestTime/Sec",
        "StepTime/Sec",
        "Current/mA",
        "Voltage/V",
        "Capacity/mAh",
        "SysTime",
    ]
    lines: Sheet = [head]
    lines += [
        [
            r.index,
            r.cycle,
            r.step,
            r.time,
            r.step_time,
            r.amps * 1e3,
            r.volts,
            (r.charged + r.discharged) * 1e3,
            f"{r.date:%Y-%m-%d %H:%M:%S}",
        ]
        for r in RECORDS
    ]
    return lines


def neware_sheet(begin: int = 0, end: int | None = None) -> Sheet:
    kinds = {"C": "CC Chg", "D": "CC DChg", "R": "Rest"}
    head = [
        "DataPoint",
        "Cycle Index",
        "Step Index",
        "Step Type",
        "Time",
        "Total Time",
        "Current(A)",
        "Voltage(V)",
        "Capacity(Ah)",
        "Chg. Cap.(Ah)",
        "DChg. Cap.(Ah)",
        "Date",
    ]
    lines: Sheet = [head]
    lines += [
        [
            r.index,
            r.cycle,
            r.step,
            kinds[r.kind],
            hms(r.step_time),
            hms(r.time),
            r.amps,
            r.volts,
            0.0,
            r.charged,
            r.discharged,
            f"{r.date:%Y-%m-%d %H:%M:%S}",
        ]
        for r in RECORDS[begin:end]
    ]
    return lines


def arbin_sheet(begin: int = 0, end: int | None = None) -> Sheet:
    head = [
        "Data_Point",
        "Test_Time(s)",
        "Date_Time",
        "Step_Time(s)",
        "Step_Index",
        "Cycle_Index",
        "Current(A)",
        "Voltage(V)",
        "Charge_Capacity(Ah)",
        "Discharge_Capacity(Ah)",
    ]
    origin = datetime(1899, 12, 30)  # noqa: DTZ001
    lines: Sheet = [head]
    lines += [
        [
            r.index,
            r.time,
            (r.date - origin).total_seconds() / 86400,
            r.step_time,
            r.step,
            r.cycle,
            r.amps,
            r.volts,
            r.charged,
            r.discharged,
        ]
        for r in RECORDS[begin:end]
    ]
    return lines
