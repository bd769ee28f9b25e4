"""The page of the documentation, from a report."""

from __future__ import annotations

import subprocess
from importlib.metadata import version

from choices import CHOICES
from compare import AGREES, REFUSES
from compare import GENERATED as AS_GENERATED
from damage import AS_REFERENCE, REFUSED, UNHARMED
from run import CHOSEN, Report, Row

START = """# Conformance of image reading

Written by `make conformance`, and compared by `make test`: {files} generated DICOM files, {damaged} damaged ones and
{real} that others made, read here, by pydicom {pydicom} (with pylibjpeg, pyjpegls and Pillow) and by DCMTK {dcmtk}.

- Stored values are equal; of lossy JPEG, JPEG 2000 and JPEG XL within 1.
- What is seen is within 1 of 255, for every window and table of the file; where stored values may differ by 1, that
  much more: of lossy colours 3 of 255.
- "As generated" are the values that were encoded, and the standard's formulas on them; of lossy JPEG XL, which neither
  reference reads, what libjxl decodes.
- "chosen otherwise" is in the table of [choices](#choices). What a reference refuses is no disagreement. Empty: the coding
  is lossy, or DCMTK has no decoder for it.
"""


def dcmtk_version() -> str:
    try:
        said = subprocess.run(["dcmdump", "--version"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""
    return said.split()[2].lstrip("v")


def _cell(row: Row, reference: str) -> str:
    counted = row.outcomes.get(reference)
    if not counted:
        return ""
    parts = [f"{counted[AGREES]} agree"] if counted[AGREES] else []
    parts += [f"{counted[CHOSEN]} chosen otherwise"] if counted[CHOSEN] else []
    parts += [f"{counted[REFUSES]} refused"] if counted[REFUSES] else []
    return ", ".join(parts)


def _compared(rows: dict[str, Row], first: str) -> list[str]:
    lines = [f"| {first} | made by | files | as generated | pydicom | DCMTK |", "|---|---|---|---|---|---|"]
    for name, row in rows.items():
        cells = [_cell(row, reference) for reference in (AS_GENERATED, "pydicom", "DCMTK")]
        encoders = ", ".join(row.encoders) if len(row.encoders) < 4 else "all"
        lines.append(f"| {name} | {encoders} | {row.files} | {' | '.join(cells)} |")
    return lines


def sections(report: Report) -> dict[str, list[str]]:
    """The page's lines by their headings."""
    files = [
        "| files | number | refused here | pydicom | DCMTK |", "|---|---|---|---|---|",
        *(f"| {name} | {row.files} | {row.outcomes['ours'][REFUSES]} | {_cell(row, 'pydicom')} "
          f"| {_cell(row, 'DCMTK')} |"
          for name, row in report.tables["files"].items()),
        "", "What is refused here is refused by both, or a choice: most are no images."]
    outcomes = (REFUSED, AS_REFERENCE, UNHARMED, CHOSEN)
    damaged = [
        f"| damage | files | {' | '.join(outcomes)} |", "|---|---|---|---|---|---|",
        *(f"| {name} | {row.files} | {' | '.join(str(row.outcomes['ours'][outcome]) for outcome in outcomes)} |"
          for name, row in report.tables["damaged"].items()),
        "",
        "None has pixels where all references refuse, but for those of the undamaged file, nor others than they have.",
    ]
    choices = [
        "| | pydicom | DCMTK | here | PS3.3, unless said otherwise | files |", "|---|---|---|---|---|---|",
        *(f"| {choice.what} | {choice.pydicom} | {choice.dcmtk} | {choice.here} | {choice.clause} "
          f"| {report.choices[choice.what]} |"
          for choice in CHOICES)]
    return {
        "Transfer syntaxes": _compared(report.tables["coding"], "transfer syntax"),
        "Windows and tables": _compared(report.tables["display"], "shown with"),
        "Files that others made": files,
        "Damaged files": damaged,
        "Choices": choices,
    }


def written(report: Report) -> str:
    counted = {name: sum(row.files for row in rows.values()) for name, rows in report.tables.items()}
    start = START.format(
        files=counted["coding"] + counted["display"], damaged=counted["damaged"], real=counted["files"],
        pydicom=version("pydicom"), dcmtk=dcmtk_version())
    parts = [f"\n## {name}\n\n" + "\n".join(lines) + "\n" for name, lines in sections(report).items()]
    return start + "".join(parts)
