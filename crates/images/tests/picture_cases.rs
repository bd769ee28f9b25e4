//! Pictures and folders that other readers got wrong, where they are: in `../shared/cases` beside the checkout.

use lens_base::left_out;
use lens_images::{Dataset, DatasetOptions, ImageFile, PixelFormat, ReadOptions, find_files};
use std::path::{Path, PathBuf};

fn cases() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    if path.is_dir() {
        return Some(path);
    }
    left_out("pictures and folders that other readers got wrong (no ../shared/cases)");
    None
}

/// What should be seen, as 0..1: `NAME.expected.npy`, of 8 or 16 bits.
fn expected(path: &Path) -> (Vec<u64>, Vec<f32>) {
    let bytes = std::fs::read(format!("{}.expected.npy", path.display())).unwrap();
    let file = npyz::NpyFile::new(&bytes[..]).unwrap();
    let shape = file.shape().to_vec();
    let is_byte = matches!(file.dtype(), npyz::DType::Plain(kind) if kind.num_bytes() == Some(1));
    let values = match is_byte {
        true => file.into_vec::<u8>().unwrap().iter().map(|value| f32::from(*value) / 255.0).collect(),
        false => file.into_vec::<u16>().unwrap().iter().map(|value| f32::from(*value) / 65_535.0).collect(),
    };
    (shape, values)
}

#[test]
fn tiff_files_of_each_kind() {
    let Some(cases) = cases() else { return };
    for (name, most) in [
        ("tiff_planar_rgb.tif", 0.0),
        ("tiff_float32_0_1.tif", 0.5 / 65_535.0),
        ("tiff_gray_extra_sample.tif", 0.0),
        ("tiff_zstd.tif", 0.0),
        // Decoders of JPEG interpolate colours and round differently.
        ("tiff_jpeg_rgb_ycbcr.tif", 4.0 / 255.0),
    ] {
        let path = cases.join(name);
        let raster = ImageFile::load(&path, 0).unwrap().view().to_raster().unwrap();
        let (shape, expected) = expected(&path);
        assert_eq!(shape[..2], [raster.height() as u64, raster.width() as u64], "{name}");
        assert_eq!(raster.samples().len(), expected.len(), "{name}");
        let furthest = raster.samples().iter().zip(&expected).map(|(one, other)| (one - other).abs());
        let furthest = furthest.fold(0.0, f32::max);
        assert!(furthest <= most + 1e-6, "{name}: {furthest}");
    }
    let signed = ImageFile::load(&cases.join("tiff_int16_signed.tif"), 0).unwrap();
    assert_eq!(signed.view().format(), PixelFormat::GrayS16);
}

#[test]
fn large_tiff_files() {
    let Some(cases) = cases() else { return };
    for (name, size, format) in [
        ("gray_24000.tif", (24_000, 24_000), PixelFormat::Gray8),
        ("rgb16_12000x8000.tif", (12_000, 8_000), PixelFormat::Rgb8),
    ] {
        let image = ImageFile::load(&cases.join(name), 0).unwrap();
        let view = image.view();
        assert_eq!(((view.width(), view.height()), view.format()), (size, format), "{name}");
    }
}

#[test]
fn folders_of_files_with_other_names() {
    let Some(cases) = cases() else { return };
    for (name, images) in [("dir_ext_dicom", 4), ("dir_ext_mixed", 6), ("dir_nested_some", 5)] {
        let mut dataset = Dataset::default();
        dataset.extend(&cases.join(name), &DatasetOptions::default()).unwrap();
        assert_eq!(dataset.samples().len(), images, "{name}");
        assert!(dataset.warning().is_none(), "{:?}", dataset.warning());
        for sample in dataset.samples() {
            assert_eq!(sample.positive, sample.id.starts_with("pos"));
            sample.load(&ReadOptions::default()).unwrap();
        }
        assert_eq!(find_files(&cases.join(name)).unwrap().images.len(), images, "{name}");
    }
}
