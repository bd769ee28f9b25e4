"""Golden orders: series written with pydicom, and the order in which SimpleITK (GDCM) reads them.

    pip install pydicom==3.0.2 numpy SimpleITK==2.5.7
    python tests/golden/series.py       # writes series.json beside itself

Of each series: Image Orientation (Patient), and of each file, by name, Image Position (Patient) and Instance Number, as they
are in the files; and the files in ITK's order.
"""

import json
import tempfile
from pathlib import Path

import numpy
import pydicom
import SimpleITK
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from rotation import rotation

here = Path(__file__).parent


def decimals(numbers):
    return [f"{number:.6f}" for number in numbers]


def write(path, series, number, orientation, position):
    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = CTImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = generate_uid()
    file.StudyInstanceUID, file.SeriesInstanceUID, file.Modality = generate_uid(), series, "CT"
    file.InstanceNumber, file.ImageOrientationPatient, file.ImagePositionPatient = number, orientation, position
    file.PixelSpacing, file.Rows, file.Columns, file.SamplesPerPixel = [1, 1], 2, 2, 1
    file.PhotometricInterpretation, file.BitsAllocated, file.BitsStored, file.HighBit = "MONOCHROME2", 16, 12, 11
    file.PixelRepresentation, file.PixelData = 0, bytes(8)
    file.save_as(path, enforce_file_format=True)


planes = {
    "axial": [[1, 0, 0], [0, 1, 0]],
    "axial, prone": [[-1, 0, 0], [0, -1, 0]],
    "coronal": [[1, 0, 0], [0, 0, -1]],
    "sagittal": [[0, 1, 0], [0, 0, -1]],
    "oblique": (rotation((0.4, -0.3, 0.2)) @ numpy.array([[1, 0, 0], [0, 1, 0]]).T).T.tolist(),
    "double oblique": (rotation((-1.1, 0.7, 2.2)) @ numpy.array([[1, 0, 0], [0, 1, 0]]).T).T.tolist(),
}
random = numpy.random.default_rng(5)
cases = []
for name, (row, column) in planes.items():
    normal = numpy.cross(row, column)
    # Beside the normal, slices are shifted as a tilted gantry does it.
    order, shift = random.permutation(9), 0.4 * numpy.array(column)
    orientation = decimals([*row, *column])
    positions = [decimals(numpy.array([-120.5, 33, 400]) + 2.5 * place * (normal + shift)) for place in order]
    numbers = [int(number) for number in random.permutation(9) + 1]
    with tempfile.TemporaryDirectory() as folder:
        series = generate_uid()
        for index, position in enumerate(positions):
            write(Path(folder) / f"{index}.dcm", series, numbers[index], orientation, position)
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(folder, series)
    order = [int(Path(file).stem) for file in names]
    cases.append(
        {"name": name, "orientation": orientation, "positions": positions, "numbers": numbers, "order": order}
    )
lines = ",\n".join(json.dumps(case) for case in cases)
(here / "series.json").write_text(f"[\n{lines}\n]\n")
