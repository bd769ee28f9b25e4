"""A sample of the generated files through the Python package, in pictures as they are seen."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

from test_conformance import MISSING, setUpModule  # noqa: F401 (left out together)

if not MISSING:
    import numpy
    from codings import CODINGS
    from compare import SEEN
    from display import displays
    from matrix import SHOWN_IN_ALL, Generated
    from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings/python"))
CODED = ("Implicit VR Little Endian", "Explicit VR Big Endian", "RLE Lossless", "JPEG Lossless SV1", "JPEG-LS Lossless",
         "JPEG 2000 Lossless", "JPEG XL Lossless")


class Binding(unittest.TestCase):
    def test_pictures(self) -> None:
        import lesionlens

        with tempfile.TemporaryDirectory() as folder:
            path, picture = Path(folder, "a.dcm"), Path(folder, "a.png")
            for coding in CODINGS:
                if coding.name not in CODED or coding.dcmtk:
                    continue
                for display in displays(SHOWN_IN_ALL):
                    made = Generated(coding, SHOWN_IN_ALL, display, 3 if display.per_frame else 1, "display")
                    self.assertTrue(made.write(path))
                    frame = made.frames - 1
                    lesionlens.write_png(picture, lesionlens.ImageFile(path, frame))
                    seen = numpy.asarray(Image.open(picture)).astype("f8")
                    seen /= 65535 if seen.max() > 255 else 255
                    expected = display.seen(made.values[frame], made.kind, frame, 0)
                    self.assertLessEqual(numpy.abs(seen - expected).max(), SEEN, made.name)


if __name__ == "__main__":
    unittest.main()
