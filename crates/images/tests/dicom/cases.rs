//! Files that other readers got wrong, in `../shared/cases` beside the checkout, each with what is to be seen.

use crate::shared;
use lens_images::{ImageFile, ReadOptions};
use std::path::{Path, PathBuf};

fn cases() -> Option<PathBuf> {
    shared("cases", "tests on files that other readers got wrong")
}

/// An array of 32-bit floats or of bytes of numpy's format, and its shape.
fn array(path: &Path) -> (Vec<f64>, Vec<usize>) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..7], b"\x93NUMPY\x01");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (text, values) = (str::from_utf8(&bytes[10..10 + header]).unwrap(), &bytes[10 + header..]);
    assert!(text.contains("'fortran_order': False"), "{text}");
    let shape = text.split('(').nth(1).unwrap().split(')').next().unwrap();
    let shape = shape.split(',').filter(|side| !side.trim().is_empty()).map(|side| side.trim().parse().unwrap());
    let values = if text.contains("'<f4'") {
        values.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value).into()).collect()
    } else if text.contains("'|u1'") {
        values.iter().map(|value| f64::from(*value)).collect()
    } else {
        panic!("{text}");
    };
    (values, shape.collect())
}

/// The largest difference of what is seen from what is expected, of 255.
fn difference(path: &Path, options: &ReadOptions) -> f64 {
    let image = ImageFile::load_as(path, 0, options).unwrap();
    let raster = image.view().to_raster().unwrap();
    let (expected, shape) = array(&PathBuf::from(format!("{}.expected.npy", path.display())));
    assert_eq!([raster.height(), raster.width()], shape[..2], "{}", path.display());
    let channels = shape.get(2).copied().unwrap_or(1);
    let seen = (0..raster.height()).flat_map(|y| (0..raster.width()).map(move |x| (x, y)));
    let differences = seen.zip(expected.chunks(channels)).flat_map(|((x, y), expected)| {
        raster.rgb(x, y).into_iter().zip(expected.to_vec()).map(|(one, other)| (f64::from(one) * 255.0 - other).abs())
    });
    differences.fold(0.0, f64::max)
}

#[test]
fn structure_and_display() {
    let Some(directory) = cases() else {
        return;
    };
    for name in [
        "meta_implicit_vr_no_preamble.dcm",
        "meta_implicit_vr_with_preamble.dcm",
        "says_explicit_is_implicit.dcm",
        "says_implicit_is_explicit.dcm",
        "un_rescale.dcm",
        "un_rows_columns.dcm",
        "un_undefined_length_sequence.dcm",
        "voi_lut_alone.dcm",
        "voi_sigmoid.dcm",
        "vr_zero_short_length.dcm",
        "window_below_1_small_slope.dcm",
        "xa_modality_lut.dcm",
        "ybr422_full_length.dcm",
        "jpeg_exif_orientation_6.jpg",
        "tiff_orientation_6.tif",
    ] {
        let difference = difference(&directory.join(name), &ReadOptions::default());
        // Within 1 of 255, and what 32-bit floats add to it.
        assert!(difference < 1.001, "{name}: {difference}");
    }
}

#[test]
fn decimal_comma() {
    let Some(directory) = cases() else {
        return;
    };
    let error = ImageFile::load(&directory.join("comma_rescale_slope.dcm"), 0).unwrap_err();
    assert!(error.message().contains("Rescale Slope (0028,1053) is \"0,5\", which is no number"), "{error}");
}
