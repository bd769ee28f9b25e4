//! The work that is done on both devices.

use lens_base::{Control, LogLevel};
use lens_engine::policy::{DeviceRequest, PrecisionRequest};
use lens_images::{Dataset, PixelFormat, PixelView, Preprocessing, Windowing};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_tasks::classify::{ClassifyOptions, classify};
use lens_tasks::heatmap::{HeatmapOptions, Method, compute_heatmaps};
use lens_tasks::train::{TrainOptions, train};
use std::sync::{Arc, Mutex};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

pub const SIDE: u32 = 128;
pub const IMAGES: usize = 128;

/// Messages of a context.
pub type Messages = Arc<Mutex<Vec<String>>>;

/// Bright squares (positive) and bars (negative).
pub fn pictures() -> Vec<Vec<u8>> {
    let picture = |seed: usize| {
        let (left, top) = (seed * 7 % 64, seed * 5 % 64);
        let (width, height) = if seed % 2 == 1 { (40, 40) } else { (60, 12) };
        (0..(SIDE * SIDE) as usize)
            .map(|pixel| {
                let (x, y) = (pixel % SIDE as usize, pixel / SIDE as usize);
                let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
                (seed * 31 + pixel * 17) as u8 % 60 + if inside { 150 } else { 20 }
            })
            .collect()
    };
    (0..IMAGES).map(picture).collect()
}

fn view(pixels: &[u8]) -> Outcome<PixelView<'_>> {
    Ok(PixelView::new(pixels, SIDE, SIDE, SIDE as usize, PixelFormat::Gray8, Windowing::default())?)
}

fn views(pictures: &[Vec<u8>]) -> Outcome<Vec<PixelView<'_>>> {
    pictures.iter().map(|pixels| view(pixels)).collect()
}

/// A context whose warnings are kept and printed. With `deterministic` the same call gives the same bits; otherwise
/// algorithms are benchmarked.
pub fn context(
    device: DeviceRequest,
    precision: PrecisionRequest,
    deterministic: bool,
    messages: &Messages,
) -> Outcome<Arc<Context>> {
    let messages = Arc::clone(messages);
    Ok(Context::new(ContextOptions {
        device,
        precision,
        deterministic,
        log: Some(Box::new(move |_, message| {
            eprintln!("{message}");
            if let Ok(mut messages) = messages.lock() {
                messages.push(message.into());
            }
        })),
        log_level: LogLevel::Warning,
        ..ContextOptions::default()
    })?)
}

pub fn logits(model: &Classifier, pictures: &[Vec<u8>]) -> Outcome<Vec<f64>> {
    let options = ClassifyOptions { batch_limit: IMAGES as u32, ..ClassifyOptions::default() };
    let found = classify(model, &views(pictures)?, &options, &mut Control::default())?;
    Ok(found.iter().map(|prediction| f64::from(prediction.logit)).collect())
}

/// The heatmaps of some pictures.
pub fn heatmaps(model: &Classifier, pictures: &[Vec<u8>], method: Method) -> Outcome<Vec<f64>> {
    let options = HeatmapOptions { method, stride: 32, ..HeatmapOptions::default() };
    let heatmaps = compute_heatmaps(model, &views(pictures)?, &options, &mut Control::default())?;
    Ok(heatmaps.iter().flat_map(|heatmap| heatmap.values()).map(|value| f64::from(*value)).collect())
}

pub fn max_difference(one: &[f64], other: &[f64]) -> f64 {
    assert_eq!(one.len(), other.len());
    let differences = one.iter().zip(other).map(|(one, other)| (one - other).abs());
    differences.fold(0.0, |limit, difference| if difference <= limit { limit } else { difference })
}

pub fn dataset(pictures: &[Vec<u8>]) -> Outcome<Dataset> {
    let mut dataset = Dataset::default();
    for (index, pixels) in pictures.iter().enumerate() {
        dataset.add(&view(pixels)?, (index % 2) as i32, None)?;
    }
    Ok(dataset)
}

pub fn options(epochs: u32) -> TrainOptions {
    TrainOptions {
        epochs,
        batch_size: IMAGES as u32,
        learning_rate: 1e-3,
        preprocessing: Preprocessing { image_size: SIDE, ..Preprocessing::default() },
        ..TrainOptions::default()
    }
}

pub fn trained(context: &Arc<Context>, pictures: &[Vec<u8>], options: &TrainOptions) -> Outcome<Classifier> {
    Ok(train(context, &dataset(pictures)?, None, options, &mut Control::default())?)
}

pub fn losses(model: &Classifier) -> Vec<f64> {
    let description = model.describe();
    let epochs = description["training"]["epochs"].as_array().cloned().unwrap_or_default();
    epochs.iter().map(|epoch| epoch["loss"].as_f64().unwrap_or(f64::NAN)).collect()
}
