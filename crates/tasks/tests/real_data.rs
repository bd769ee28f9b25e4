//! Training and heatmaps on real angiograms, where they are: in `../shared/data` beside the checkout.

use lens_base::{Control, left_out};
use lens_images::{Dataset, DatasetOptions, ImageFile, PixelFormat, PixelView, Preprocessing, Windowing, write_png};
use lens_runtime::{Context, ContextOptions};
use lens_tasks::heatmap::{HeatmapOptions, OverlayOptions, compute_heatmaps};
use lens_tasks::train::{SelectBy, TrainOptions, train};
use std::io::Write;
use std::path::{Path, PathBuf};

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    path.is_dir().then_some(path)
}

fn open(path: &Path) -> Dataset {
    let mut dataset = Dataset::default();
    dataset.extend(path, &DatasetOptions::default()).unwrap();
    dataset
}

/// Past the capture of passing tests' output.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "real data: {message}");
}

#[test]
fn training_and_heatmaps_on_angiograms() {
    let (Some(tiles), Some(frames)) = (data("arcade-tiles"), data("arcade-frames")) else {
        left_out("training and heatmaps on real angiograms (no ../shared/data/arcade-tiles and arcade-frames)");
        return;
    };
    let context = Context::new(ContextOptions::default()).unwrap();
    let options = TrainOptions {
        epochs: 2,
        batch_size: 32,
        learning_rate: 3e-4,
        select_by: SelectBy::Auc,
        seed: 1,
        preprocessing: Preprocessing { image_size: 64, ..Preprocessing::default() },
        ..TrainOptions::default()
    };
    let (training, validation) = (open(&tiles.join("train")), open(&tiles.join("val")));
    let model = train(&context, &training, Some(&validation), &options, &mut Control::default()).unwrap();
    let record = &model.describe()["training"];
    let best = record["best_epoch"].as_u64().unwrap() as usize;
    let auc = record["epochs"][best - 1]["auc"].as_f64().unwrap();
    // By chance alone the AUC of 255 positives and 360 negatives has a standard deviation of 0.024 about 0.5.
    assert!(auc > 0.5 + 4.0 * 0.024, "validation AUC {auc}");

    let output = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for name in ["27", "28", "29"] {
        let image = ImageFile::load(&frames.join(format!("images/{name}.png")), 0).unwrap();
        let heatmap =
            &compute_heatmaps(&model, &[image.view()], &HeatmapOptions::default(), &mut Control::default()).unwrap()[0];
        assert_eq!((heatmap.width(), heatmap.height()), (512, 512));
        // 64-pixel tiles every 48 pixels, and one more flush with the border.
        assert_eq!((heatmap.columns(), heatmap.rows()), (11, 11));
        let values = heatmap.values();
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(values.iter().any(|value| (value - values[0]).abs() > 1e-3), "frame {name}: the heatmap is flat");
        let overlay = heatmap.overlay(&image.view(), &OverlayOptions::default()).unwrap();
        let view = PixelView::new(&overlay, 512, 512, 4 * 512, PixelFormat::Rgba8, Windowing::default()).unwrap();
        write_png(&output.join(format!("frame-{name}.png")), &view).unwrap();
    }
    say(&format!("validation AUC {auc:.3}; heatmaps in {}", output.display()));
}
