//! Localisation on frames of a multi-frame file.

use lens_base::{Control, Error, ErrorKind};
use lens_images::{ImageFile, Preprocessing};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_tasks::evaluate::{LocalizeOptions, localize};
use lens_tasks::heatmap::{HeatmapOptions, Method, compute_heatmaps};
use serde_json::Value;
use std::path::Path;

const SIDE: u16 = 64;

/// A DICOM file (Explicit VR Little Endian) of gray frames, each with a bright square elsewhere.
fn cine(frames: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..frames)
        .flat_map(|frame| {
            let first = 8 + 16 * frame;
            let is_bright = move |place: u16| (first..first + 14).contains(&place);
            (0..SIDE).flat_map(move |y| (0..SIDE).map(move |x| if is_bright(x) && is_bright(y) { 230 } else { 30 }))
        })
        .collect();
    let element = |group: u16, number: u16, vr: &[u8], value: &[u8]| {
        [&group.to_le_bytes(), &number.to_le_bytes(), vr, &(value.len() as u16).to_le_bytes(), value].concat()
    };
    let number = |number: u16, value: u16| element(0x28, number, b"US", &value.to_le_bytes());
    let pixel_data = [&[0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0][..], &(pixels.len() as u32).to_le_bytes(), &pixels];
    [
        vec![0; 128],
        b"DICM".to_vec(),
        element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0"),
        number(2, 1),
        element(0x28, 4, b"CS", b"MONOCHROME2 "),
        element(0x28, 8, b"IS", format!("{frames} ").as_bytes()),
        number(0x10, SIDE),
        number(0x11, SIDE),
        number(0x100, 8),
        number(0x101, 8),
        pixel_data.concat(),
    ]
    .concat()
}

#[test]
fn boxes_of_frames() {
    let context = Context::new(ContextOptions::default()).unwrap();
    let preprocessing = Preprocessing { image_size: 32, ..Preprocessing::default() };
    let model = Model::new(Parameters::initial(4).unwrap(), Metadata::new(preprocessing, 0.5));
    let model = Classifier::new(&context, model).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("images/cine.dcm");
    std::fs::create_dir(directory.path().join("images")).unwrap();
    std::fs::write(&file, cine(3)).unwrap();

    let options = LocalizeOptions {
        heatmap: HeatmapOptions { method: Method::Cam, ..HeatmapOptions::default() },
        tolerance: Some(0.0),
    };
    let report = |rows: &str| -> Result<Value, Error> {
        let table = format!("filename,x,y,width,height,frame\n{rows}");
        std::fs::write(directory.path().join("boxes.csv"), table).unwrap();
        localize(&model, directory.path(), &options, &mut Control::default())
    };
    let found = report("cine.dcm,40,40,14,14,2\ncine.dcm,8,8,14,14,\ncine.dcm,0,0,4,4,2\n").unwrap();
    let results = found["results"].as_array().unwrap();
    assert_eq!(
        results.iter().map(|result| result["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["cine.dcm#2", "cine.dcm"]
    );
    for (result, frame, pixels) in [(&results[0], 2, 14 * 14 + 4 * 4), (&results[1], 0, 14 * 14)] {
        let image = ImageFile::load(Path::new(&file), frame).unwrap();
        let map = &compute_heatmaps(&model, &[image.view()], &options.heatmap, &mut Control::default()).unwrap()[0];
        let highest = map.values().iter().copied().fold(f32::MIN, f32::max);
        let place = |name: &str| result["hottest"][name].as_f64().unwrap() as usize;
        assert_eq!(map.values()[place("y") * usize::from(SIDE) + place("x")], highest, "frame {frame}");
        let share = f64::from(pixels) / f64::from(SIDE).powi(2);
        assert_eq!(result["intersection_by_chance"].as_f64().unwrap(), share, "frame {frame}");
    }
    assert_ne!(results[0]["hottest"], results[1]["hottest"]);

    let error = report("cine.dcm,8,8,14,14,3\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().contains("cine.dcm: frame is 3, but it has 3 frame(s), 0 to 2"), "{error}");
    let error = report("cine.dcm,60,8,14,14,1\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.message().contains("cine.dcm#1: the box x 60"), "{error}");
}
