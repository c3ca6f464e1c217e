"""How fast files of cyclers are read, beside the fastest peer that is installed.

A peer is a parser that knows the format. Beside them stand plain readers (pandas, calamine), which
are told where the table begins and give it as it stands there: no units, signs, dates or metadata.

Every reader runs in a process of its own, so that a peer may live in another environment
(``--peers PYTHON``) and one under the GPL is never imported here. Of each: the best of some rounds
in a warm process, for the same file, from the file's name to a table in memory. Ours is measured
twice: the table alone, as peers give it, and all that `read_cycler_file` does (recognition, sha256,
cycles, checks).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
DATA = HERE.parents[2] / "shared" / "data" / "cycler"

OURS, WHOLE = "labmesh", "labmesh, all"
OWN_DEPENDENCIES = {"fastnda", "calamine"}
"""Peers that we read through ourselves: they are told, not competed with."""

PASSES = 3

PLAIN = {"pandas", "calamine", "mdb-export+pandas"}

CASES: dict[str, tuple[str, ...]] = {
    "biologic_mpr/jdb11-1_e1_s3_squidTest_data_C15.mpr": ("galvani", "yadg", "bdf"),
    "biologic_mpt/gcpl.issue_211.mpt": ("galvani", "yadg", "bdf", "pandas"),
    "arbin_res/20160805_test001_45_cc_01.res": ("bdf", "mdb-export+pandas"),
    "arbin_text/arbin_example.csv": ("pandas", "bdf"),
    "arbin_text/bs542_004_gr_li_50ua_50mv_1v_191020_Channel_11.xlsx": ("calamine", "bdf"),
    "maccor/maccor_002.txt": ("pandas", "bdf"),
    "maccor/maccor_three.txt": ("pandas", "bdf"),
    "maccor/maccor_example.xls": ("calamine",),
    "neware_csv/nw_regular_export_ife_example.csv": ("pandas", "bdf"),
    "neware_csv/interp-test.csv": ("pandas", "bdf"),
    "neware_nda/nw4-120-1-6-53.ndax": ("fastnda", "NewareNDA"),
    "neware_nda/TestFile.nda": ("fastnda", "NewareNDA"),
    "landt/SINTEF__LiGrR2032__2024-04-30__25degC__Landt.csv": ("pandas", "bdf"),
    "bdf/SINTEF__LiGrR2032__2024-04-30__25degC__Landt.bdf.csv": ("pandas", "bdf"),
    "novonix/sample_data_novonix.csv": ("pandas", "bdf"),
    "pec/Test25205.csv": ("pandas", "bdf"),
    "basytec/sample_data_basytec.txt": ("pandas", "bdf"),
    "gamry/ocvcurve_data.dta": ("pandas", "bdf"),
}

PANDAS: dict[str, dict[str, object]] = {
    "gcpl.issue_211.mpt": {"sep": "\t", "encoding": "latin-1", "skiprows": "mode\t"},
    "maccor_002.txt": {"sep": "\t", "encoding": "latin-1", "skiprows": "Rec\t"},
    "maccor_three.txt": {"sep": "\t", "encoding": "latin-1", "skiprows": "Rec#"},
    "nw_regular_export_ife_example.csv": {"header": None, "names": list(range(40))},
    "interp-test.csv": {"encoding": "latin-1"},
    "SINTEF__LiGrR2032__2024-04-30__25degC__Landt.csv": {"skiprows": "channel_index"},
    "sample_data_novonix.csv": {"skiprows": "Date and Time"},
    "Test25205.csv": {"skiprows": "Test,"},
    "sample_data_basytec.txt": {"sep": r"\t", "engine": "python", "skiprows": "~Time"},
    "ocvcurve_data.dta": {"sep": "\t", "skiprows": "\tPt\t", "nrows": 40},
}
"""How pandas must be told to read a file that our reader finds out about by itself. ``skiprows``:
the header's first words; finding its line counts, as it must be found."""

# What runs in the peer's interpreter: argv are the peer, the file, options and the rounds.
WORKER = r"""
import importlib, io, json, subprocess, sys, time, warnings, logging, contextlib
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
peer, path, options, rounds = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])

def reader():
    if peer == "galvani":
        import galvani
        import pandas as pd
        if path.endswith(".mpt"):
            return lambda: galvani.BioLogic.MPTfile(path)[0]
        return lambda: pd.DataFrame(galvani.BioLogic.MPRfile(path).data)
    if peer == "yadg":
        from yadg.extractors import extract
        kind = "eclab.mpt" if path.endswith(".mpt") else "eclab.mpr"
        return lambda: extract(filetype=kind, path=path)
    if peer == "bdf":
        import bdf
        return lambda: bdf.read(path, validate=False)
    if peer == "NewareNDA":
        import NewareNDA
        return lambda: NewareNDA.read(path)
    if peer == "fastnda":
        import fastnda
        return lambda: fastnda.read(path)
    if peer == "calamine":
        from python_calamine import CalamineWorkbook
        import pandas as pd
        def read():
            book = CalamineWorkbook.from_path(path)
            for name in book.sheet_names:
                frame = pd.DataFrame(book.get_sheet_by_name(name).to_python())
            return frame
        return read
    import pandas as pd
    if peer == "mdb-export+pandas":
        def read():
            out = subprocess.run(["mdb-export", path, "Channel_Normal_Table"],
                                 stdout=subprocess.PIPE, check=True).stdout
            return pd.read_csv(io.BytesIO(out))
        return read
    if peer == "pandas":
        def read():
            given = dict(options)
            words = given.get("skiprows")
            if words:
                with open(path, encoding="latin-1") as file:
                    given["skiprows"] = next(
                        n for n, line in enumerate(file) if line.lstrip('"').startswith(words))
            given.setdefault("on_bad_lines", "skip")
            return pd.read_csv(path, **given)
        return read
    if peer == "labmesh":
        from pathlib import Path
        from nodes.cycler.files import FORMATS, Source, read_cycler_file
        form = read_cycler_file(path).metadata.format
        chosen = next(each for each in FORMATS if each.name == form)
        return lambda: chosen.read(Source.open(Path(path))).table
    from nodes.cycler.files import read_cycler_file
    return lambda: read_cycler_file(path).table

try:
    read = reader()
except ImportError:
    print(json.dumps({"missing": True})); sys.exit()
best, spent = 1e9, 0.0
try:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for n in range(rounds + 1):
            start = time.perf_counter()
            table = read()
            took = time.perf_counter() - start
            spent += took
            if n:
                best = min(best, took)
            if n and spent > 1:
                break
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {str(error)[:80]}"})); sys.exit()
print(json.dumps({"seconds": best}))
"""


@dataclass(frozen=True)
class Timing:
    """Seconds of one reader, or why there are none."""

    reader: str
    seconds: float | None
    why: str = ""


def timed(python: str, reader: str, path: Path, rounds: int) -> Timing:
    """Time one reader in a process of its own."""
    options = json.dumps(PANDAS.get(path.name, {}))
    done = subprocess.run(
        [python, "-c", WORKER, reader, str(path), options, str(rounds)],
        capture_output=True, text=True, cwd=HERE.parents[1], check=False,
    )  # fmt: skip
    if done.returncode:
        return Timing(reader, None, (done.stderr.strip().splitlines() or ["failed"])[-1][:80])
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    if "seconds" in answer:
        return Timing(reader, answer["seconds"])
    return Timing(reader, None, "not installed" if "missing" in answer else answer["error"])


def line(path: Path, python: str, rounds: int, peers: tuple[str, ...]) -> str:
    """One line of the table."""
    best: dict[str, Timing] = {}
    # By turns, so that what else the machine does meets all of them.
    for _ in range(PASSES):
        for reader in (OURS, WHOLE, *peers):
            where = sys.executable if reader in {OURS, WHOLE, *OWN_DEPENDENCIES} else python
            found = timed(where, reader, path, rounds)
            before = best.get(reader, found)
            best[reader] = min(before, found, key=lambda each: each.seconds or 1e9)
    ours, whole = best[OURS], best[WHOLE]
    megabytes = path.stat().st_size / 1e6
    if ours.seconds is None or whole.seconds is None:
        return f"| {path.name} | {megabytes:.2f} | {ours.why or whole.why} | | | | | | |"
    rivals = [best[peer] for peer in peers]
    cells = [path.name[:44], f"{megabytes:.2f}", f"{ours.seconds * 1e3:.2f}",
             f"{megabytes / ours.seconds:.1f}", f"{whole.seconds * 1e3:.2f}"]  # fmt: skip
    parsers = [each for each in rivals if each.reader not in PLAIN]
    plain = [each for each in rivals if each.reader in PLAIN]
    cells += [*_compared(parsers, ours.seconds), *_compared(plain, ours.seconds)]
    return f"| {' | '.join(cells)} |"


def _compared(rivals: list[Timing], ours: float) -> tuple[str, str]:
    """The rivals in words, and how much longer than ours the fastest takes."""
    if not rivals:
        return "", ""
    said = [
        f"{r.reader} {r.seconds * 1e3:.2f}"
        if r.seconds
        else f"{r.reader}: {' '.join(r.why.split())[:60]}"
        for r in sorted(rivals, key=lambda each: each.seconds or 1e9)
    ]
    own = [r for r in rivals if r.reader in OWN_DEPENDENCIES]
    if own:
        said.append(f"({', '.join(r.reader for r in own)} reads for us)")
    there = [r.seconds for r in rivals if r.seconds and r not in own]
    return ", ".join(said), f"{min(there) / ours:.2f}" if there else ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the collected files")
    parser.add_argument("--peers", default=sys.executable, help="Python that has the peers")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="", help="files whose name holds this")
    given = parser.parse_args()
    print(
        "| file | MB | ours, ms | MB/s | with checks, ms | parsers, ms | peer / ours "
        "| plain readers, ms | plain / ours |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, peers in CASES.items():
        path = given.data / name
        if given.only in name and path.is_file():
            print(line(path, given.peers, given.rounds, peers), flush=True)


if __name__ == "__main__":
    main()
