//! Calibrating a model: what it says afterwards, on the data set and from its file.

use lens_base::Control;
use lens_images::{Dataset, PixelFormat, PixelView, Preprocessing, Windowing};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions, FileFormat};
use lens_tasks::classify::{ClassifyOptions, classify};
use lens_tasks::evaluate::{CalibrateOptions, EvaluateOptions, OperatingPointChoice, calibrate, evaluate};
use lens_tasks::heatmap::{HeatmapOptions, Method, compute_heatmaps};
use serde_json::Value;
use std::sync::Arc;

const SIDE: usize = 32;

fn pixels(index: usize) -> Vec<u8> {
    (0..SIDE * SIDE).map(|pixel| ((pixel * (index + 3) + pixel / SIDE * 7 * index) % 251) as u8).collect()
}

fn view(pixels: &[u8]) -> PixelView<'_> {
    PixelView::new(pixels, SIDE as u32, SIDE as u32, SIDE, PixelFormat::Gray8, Windowing::default()).unwrap()
}

fn model() -> Classifier {
    let context: Arc<Context> = Context::new(ContextOptions::default()).unwrap();
    let preprocessing = Preprocessing { image_size: SIDE as u32, ..Preprocessing::default() };
    let model = Model::new(Parameters::initial(4).unwrap(), Metadata::new(preprocessing, 0.5));
    Classifier::new(&context, model).unwrap()
}

/// Images whose labels go mostly with what the model says of them.
fn dataset(model: &Classifier) -> Dataset {
    let images: Vec<Vec<u8>> = (0..40).map(pixels).collect();
    let views: Vec<_> = images.iter().map(|pixels| view(pixels)).collect();
    let said = classify(model, &views, &ClassifyOptions::default(), &mut Control::default()).unwrap();
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by(|one, other| said[*one].logit.total_cmp(&said[*other].logit));
    let mut dataset = Dataset::default();
    for (rank, index) in order.into_iter().enumerate() {
        dataset.add(&views[index], i32::from((rank >= 24) != (rank % 6 == 1)), None).unwrap();
    }
    dataset
}

fn report(model: &Classifier, dataset: &Dataset) -> Value {
    evaluate(model, dataset, &EvaluateOptions::default(), &mut Control::default()).unwrap()
}

fn calibrated(model: &Classifier, dataset: &Dataset, options: &CalibrateOptions) -> (Classifier, Value) {
    calibrate(model, dataset, options, &mut Control::default()).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn fitted_temperature() {
    let plain = model();
    let dataset = dataset(&plain);
    let before = report(&plain, &dataset);
    let (made, said) = calibrated(&plain, &dataset, &CalibrateOptions::default());
    let after = report(&made, &dataset);
    assert_eq!(made.sha256(), plain.sha256());
    assert_eq!((plain.temperature(), made.threshold()), (1.0, 0.5));
    assert!(number(&after["metrics"]["log_loss"]) < number(&before["metrics"]["log_loss"]));
    for (said, report) in [(&said["before"], &before), (&said["after"], &after)] {
        for name in ["log_loss", "brier", "ece", "sensitivity", "specificity"] {
            assert!((number(&said[name]) - number(&report["metrics"][name])).abs() < 1e-6, "{name}");
        }
    }
    assert_eq!(before["metrics"]["roc_auc"], after["metrics"]["roc_auc"]);
    assert_eq!(before["confusion_matrix"], after["confusion_matrix"]);
    for (one, other) in before["results"].as_array().unwrap().iter().zip(after["results"].as_array().unwrap()) {
        let expected = number(&one["logit"]) / made.temperature();
        assert!((number(&other["logit"]) - expected).abs() <= 1e-6 * expected.abs().max(1e-3), "{one} {other}");
    }
    // A second fit to the same data finds the same, whatever the temperature now.
    let (again, _) = calibrated(&made, &dataset, &CalibrateOptions::default());
    assert_eq!(again.temperature(), made.temperature());
}

#[test]
fn chosen_operating_point() {
    let plain = model();
    let dataset = dataset(&plain);
    for (operating_point, target_sensitivity) in [
        (OperatingPointChoice::Youden, 0.95),
        (OperatingPointChoice::Sensitivity, 0.8),
        (OperatingPointChoice::Sensitivity, 1.0),
    ] {
        for fit_temperature in [false, true] {
            let options =
                CalibrateOptions { fit_temperature, operating_point, target_sensitivity, ..Default::default() };
            let (made, said) = calibrated(&plain, &dataset, &options);
            let promised = &said["operating_point"];
            assert_eq!(promised, &made.describe()["operating_point"]);
            // In batches of other sizes the network's last bits may differ.
            for batch_limit in [32, 7, 1] {
                let options = EvaluateOptions { batch_limit, ..EvaluateOptions::default() };
                let report = evaluate(&made, &dataset, &options, &mut Control::default()).unwrap();
                for (name, count) in report["confusion_matrix"].as_object().unwrap() {
                    assert_eq!(&promised[name], count, "{operating_point:?} {target_sensitivity} {name}");
                }
                assert_eq!(report["metrics"]["sensitivity"], promised["sensitivity"]["value"]);
            }
            if operating_point == OperatingPointChoice::Sensitivity {
                assert!(number(&promised["sensitivity"]["value"]) >= target_sensitivity);
            }
            assert_eq!(made.temperature() == 1.0, !fit_temperature);
        }
    }
}

#[test]
fn operating_point_at_a_new_temperature() {
    let plain = model();
    let dataset = dataset(&plain);
    let options = CalibrateOptions {
        fit_temperature: false,
        operating_point: OperatingPointChoice::Sensitivity,
        target_sensitivity: 0.7,
        ..Default::default()
    };
    let (chosen, _) = calibrated(&plain, &dataset, &options);
    let (moved, _) = calibrated(&chosen, &dataset, &CalibrateOptions::default());
    assert_ne!(moved.threshold(), chosen.threshold());
    assert_eq!(report(&moved, &dataset)["confusion_matrix"], report(&chosen, &dataset)["confusion_matrix"]);
    assert_eq!(moved.metadata().operating_point.as_ref().unwrap().point.threshold, moved.threshold());
}

#[test]
fn saved_calibration_and_heatmaps() {
    let plain = model();
    let dataset = dataset(&plain);
    let options = CalibrateOptions { operating_point: OperatingPointChoice::Youden, ..CalibrateOptions::default() };
    let (made, _) = calibrated(&plain, &dataset, &options);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    made.save(&path, FileFormat::Safetensors).unwrap();
    let loaded = Classifier::load(made.context(), &path).unwrap();
    assert_eq!(loaded.metadata(), made.metadata());
    let (mut one, mut other) = (report(&made, &dataset), report(&loaded, &dataset));
    for name in ["started", "seconds", "timings"] {
        (one[name], other[name]) = (Value::Null, Value::Null);
    }
    assert_eq!(one, other);

    let image = pixels(3);
    let classified = classify(&made, &[view(&image)], &ClassifyOptions::default(), &mut Control::default()).unwrap()[0];
    for method in [Method::Tiles, Method::Cam] {
        let options = HeatmapOptions { method, tile_size: SIDE as u32, ..HeatmapOptions::default() };
        let heatmap = compute_heatmaps(&made, &[view(&image)], &options, &mut Control::default()).unwrap().remove(0);
        let found = heatmap.prediction();
        assert!((found.logit - classified.logit).abs() < 1e-4, "{method:?} {found:?} {classified:?}");
        assert_eq!(found.threshold, made.threshold());
    }
}

#[test]
fn invalid_calibration_data() {
    let model = model();
    let image = pixels(1);
    let of = |labels: &[i32]| {
        let mut dataset = Dataset::default();
        labels.iter().for_each(|label| dataset.add(&view(&image), *label, None).unwrap());
        dataset
    };
    let refused = |dataset: &Dataset, options: &CalibrateOptions| {
        calibrate(&model, dataset, options, &mut Control::default()).unwrap_err().to_string()
    };
    let defaults = CalibrateOptions::default();
    assert!(refused(&of(&[]), &defaults).contains("0 positive and 0 negative"));
    assert!(refused(&of(&[1, 1]), &defaults).contains("2 positive and 0 negative"));
    // The same image in both classes: no threshold tells them apart.
    let youden = CalibrateOptions { fit_temperature: false, operating_point: OperatingPointChoice::Youden, ..defaults };
    assert!(refused(&of(&[0, 1]), &youden).contains("no threshold does better than chance"));
    let nothing = CalibrateOptions { fit_temperature: false, ..defaults };
    assert!(refused(&of(&[0, 1]), &nothing).contains("nothing is left to calibrate"));
    let target = CalibrateOptions { target_sensitivity: 0.0, ..defaults };
    assert!(refused(&of(&[0, 1]), &target).contains("target_sensitivity is 0"));
}
