"""All comparisons, on as many processes as there are processors."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from choices import choice_for, choice_for_damage, choice_for_file
from compare import DIFFERS, Comparer
from damage import BOTH_REFUSE, OTHERS, damages, verdict, whole_files
from matrix import generated
from ours import Ours
from real import compare_file, pydicom_files

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("LENS_READ_FRAME", ROOT / "target/release/examples/read_frame"))
SHARED = ROOT.parent / "shared"
CHOSEN = "chosen otherwise"
GENERATED, DAMAGED = list(generated()), list(whole_files())


def with_dcmtk() -> bool:
    programs = "dcm2pnm", "dcmj2pnm", "dcml2pnm", "dcmconv", "dcmcjpeg", "dcmcjpls", "dcmcrle"
    return all(shutil.which(name) for name in programs)


@dataclass
class Row:
    """A line of a table: outcomes by column."""

    files: int = 0
    encoders: dict[str, None] = field(default_factory=dict)
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@dataclass
class Report:
    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Row)))
    #: Choices by what they are about: files.
    choices: Counter[str] = field(default_factory=Counter)
    #: What nobody declared.
    failures: list[str] = field(default_factory=list)


_comparer: Comparer | None = None
_folder = Path()


def _start(folder: str) -> None:
    global _comparer, _folder
    _comparer, _folder = Comparer(Ours(PROGRAM)), Path(folder)


def _path() -> Path:
    """A file of the process's own, under a new name, so that nobody remembers another one."""
    _comparer.pydicom.forget()
    return _folder / f"{os.getpid()}.dcm"


def _of_generated(index: int) -> tuple | None:
    made, path = GENERATED[index], _path()
    return _comparer.generated(made, path, with_dcmtk()) if made.write(path) else None


def _of_file(path: Path) -> tuple:
    _comparer.pydicom.forget()
    return compare_file(_comparer, path, with_dcmtk())


def _of_damaged(index: int) -> list[tuple[str, str, str, str]]:
    made, path = DAMAGED[index], _path()
    if not made.write(path):
        return []
    coded, whole = path.read_bytes(), _comparer.ours.read(path)
    found = []
    for damage in damages(made, coded):
        path.write_bytes(damage.coded)
        found.append((damage.table, damage.name, *verdict(_comparer, made, path, whole, with_dcmtk())))
    return found


def _spread(work: Callable, items: Iterable) -> list:
    with tempfile.TemporaryDirectory() as folder:
        with multiprocessing.get_context("fork").Pool(os.cpu_count(), _start, (folder,)) as pool:
            return pool.map(work, list(items), chunksize=4)


def row_name(name: str) -> str:
    """Predictors share lines."""
    if "point transform" in name:
        return "JPEG Lossless, point transforms 1 to 3"
    return "JPEG Lossless, predictors 2 to 7" if "predictor" in name else name


def compare_generated(report: Report) -> None:
    for made, result in zip(GENERATED, _spread(_of_generated, range(len(GENERATED)))):
        if result is None:
            continue
        row = report.tables[made.table][row_name(made.coding.name if made.table == "coding" else made.display.name)]
        row.files += 1
        row.encoders[made.coding.encoder] = None
        chosen = set()
        for reference, outcome in result.outcomes.items():
            choice = choice_for(made, reference) if outcome == DIFFERS else None
            if choice:
                outcome = CHOSEN
                chosen.add(choice.what)
            elif outcome == DIFFERS or reference == "ours":
                report.failures.append(f"{made.name}: {reference} {outcome}: {result.reasons[reference]}")
            row.outcomes[reference][outcome] += 1
        report.choices.update(chosen)


def sets_of_files() -> dict[str, list[Path]]:
    """Files that others made; those that are not here have none."""
    return {
        "hospitals' files": sorted((SHARED / "data/dicom").glob("*.dcm")),
        "files of bug reports": sorted((SHARED / "cases").glob("*.dcm")),
        "pydicom's test files": pydicom_files(),
    }


def compare_files(report: Report, name: str, paths: list[Path]) -> None:
    for path, result in zip(paths, _spread(_of_file, paths)):
        row = report.tables["files"][name]
        row.files += 1
        choice = choice_for_file(path.name)
        is_chosen = False
        refused = "ours" in result.outcomes
        for reference, outcome in result.outcomes.items():
            if outcome == DIFFERS:
                if choice:
                    outcome, is_chosen = CHOSEN, True
                else:
                    reasons = f"{result.reasons[reference]}; {result.reasons.get('ours', 'read here')}"
                    report.failures.append(f"{path.name}: {reference}: {reasons}")
            if reference == "ours" or not refused:
                row.outcomes[reference][outcome] += 1
        if choice and is_chosen:
            report.choices[choice.what] += 1


def compare_damaged(report: Report) -> None:
    for made, found in zip(DAMAGED, _spread(_of_damaged, range(len(DAMAGED)))):
        for table, name, outcome, reason in found:
            row = report.tables["damaged"][table]
            row.files += 1
            if outcome in (BOTH_REFUSE, OTHERS):
                if choice := choice_for_damage(made, table):
                    report.choices[choice.what] += 1
                    outcome = CHOSEN
                else:
                    report.failures.append(f"{made.name}, {name}: {outcome}: {reason}")
            row.outcomes["ours"][outcome] += 1
