"""DICOM files as pydicom, DCMTK and the standard read them, and that docs/conformance.md says what came of it."""

from __future__ import annotations

import functools
import os
import sys
import unittest
import warnings

MISSING = ""
try:
    import page
    import run
except ImportError as error:
    MISSING = f"no Python package {error.name}"
else:
    if not run.PROGRAM.exists():
        MISSING = f"{run.PROGRAM.name} is not built: cargo build --release -p lens-images --example read_frame"


@functools.cache
def left_out(what: str) -> None:
    """Says it once."""
    print(f"left out: {what}", file=sys.stderr)
    if "LENS_LEFT_OUT" in os.environ:
        with open(os.environ["LENS_LEFT_OUT"], "a") as file:
            print(f"left out: {what}", file=file)


def setUpModule() -> None:
    if MISSING:
        left_out(f"conformance of image reading ({MISSING})")
        raise unittest.SkipTest(MISSING)
    warnings.simplefilter("ignore")
    if not run.with_dcmtk():
        left_out("comparison of image reading with DCMTK (not installed)")


class Conformance(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.report = run.Report()
        run.compare_generated(cls.report)
        run.compare_damaged(cls.report)
        cls.whole = run.with_dcmtk()
        for name, paths in run.sets_of_files().items():
            if paths:
                run.compare_files(cls.report, name, paths)
            else:
                left_out(f"conformance of {name} (not in ../shared)")
                cls.whole = False

    def test_agreement(self) -> None:
        failures = self.report.failures
        self.assertEqual(failures, [], f"{len(failures)} file(s)")

    def test_numbers_of_files(self) -> None:
        counted = {name: sum(row.files for row in rows.values()) for name, rows in self.report.tables.items()}
        self.assertGreater(counted["coding"] + counted["display"], 800)
        self.assertGreater(counted["damaged"], 2000)

    def test_page(self) -> None:
        said = (run.ROOT / "docs/conformance.md").read_text()
        if not self.whole or f"DCMTK {page.dcmtk_version()}." not in said:
            left_out("docs/conformance.md (it was written with DCMTK and files that are not here)")
            return
        self.assertEqual(page.written(self.report), said, "make conformance writes it anew")


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--write":
        if MISSING:
            raise SystemExit(MISSING)
        warnings.simplefilter("ignore")
        Conformance.setUpClass()
        if Conformance.report.failures:
            raise SystemExit("\n".join(Conformance.report.failures))
        if not Conformance.whole:
            raise SystemExit("DCMTK or files in ../shared are missing")
        (run.ROOT / "docs/conformance.md").write_text(page.written(Conformance.report))
    else:
        unittest.main()
