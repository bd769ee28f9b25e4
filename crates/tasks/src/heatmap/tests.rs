//! Heatmaps of whole images, against naive ones.

use super::*;
use crate::classify::{Prediction, logits};
use lens_base::Control;
use lens_base::options::Choice;
use lens_images::{Batch, PixelFormat, PixelView, Raster, Windowing};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};

fn model() -> Classifier {
    let context = Context::new(ContextOptions::default()).unwrap();
    Classifier::new(&context, Model::new(Parameters::initial(2).unwrap(), Metadata::default())).unwrap()
}

/// The network's output for a gray image, by itself.
fn logit_of(model: &Classifier, samples: &[f32], width: usize, height: usize) -> f32 {
    let raster = Raster::new(width, height, 1, samples.to_vec()).unwrap();
    let mut batch = Batch::new(width, height);
    batch.push(&raster, 0, 0, model.preprocessing());
    logits(model, &batch).unwrap()[0]
}

fn pixels(width: usize, height: usize, seed: usize) -> Vec<u8> {
    (0..width * height).map(|index| ((index * 31 + index / width * 17 + seed * 7) % 251) as u8).collect()
}

fn view(bytes: &[u8], width: usize, height: usize) -> PixelView<'_> {
    let (width, height) = (width as u32, height as u32);
    PixelView::new(bytes, width, height, width as usize, PixelFormat::Gray8, Windowing::default()).unwrap()
}

/// Steps 1 to 4 of the reference, one tile at a time, by naive loops.
fn reference(model: &Classifier, bytes: &[u8], width: usize, height: usize) -> (Vec<f32>, f32) {
    let (mut sums, mut counts) = (vec![0f32; width * height], vec![0f32; width * height]);
    let mut probabilities = Vec::new();
    let mut y = 0;
    while y + 64 <= height {
        let mut x = 0;
        while x + 64 <= width {
            let tile: Vec<f32> =
                (0..64 * 64).map(|index| f32::from(bytes[(y + index / 64) * width + x + index % 64]) / 255.0).collect();
            let probability = 1.0 / (1.0 + (-logit_of(model, &tile, 64, 64)).exp());
            for row in y..y + 64 {
                for column in x..x + 64 {
                    sums[row * width + column] += probability;
                    counts[row * width + column] += 1.0;
                }
            }
            probabilities.push(probability);
            x += 48;
        }
        y += 48;
    }
    let heatmap = sums.iter().zip(&counts).map(|(sum, count)| if *count > 0.0 { sum / count } else { 0.0 }).collect();
    (heatmap, probabilities.iter().sum::<f32>() / probabilities.len() as f32)
}

#[test]
fn reference_edge_rule() {
    let model = model();
    let options = HeatmapOptions { edge: Edge::Reference, ..HeatmapOptions::default() };
    for (width, height) in [(128, 128), (64, 64), (150, 97), (65, 64), (111, 113), (113, 175), (64, 129)] {
        let bytes = pixels(width, height, 1);
        let heatmaps =
            compute_heatmaps(&model, &[view(&bytes, width, height)], &options, &mut Control::default()).unwrap();
        let (expected, mean) = reference(&model, &bytes, width, height);
        for (index, (value, expected)) in heatmaps[0].values().iter().zip(&expected).enumerate() {
            assert!((value - expected).abs() < 1e-5, "{width} x {height}, pixel {index}: {value} {expected}");
            assert_eq!(*value == 0.0, *expected == 0.0);
        }
        assert!((heatmaps[0].prediction().probability - mean).abs() < 1e-5);
    }
}

#[test]
fn maps_of_shared_batches() {
    let model = model();
    let sizes = [(100, 70), (40, 90), (64, 64), (130, 65), (20, 20)];
    let bytes: Vec<Vec<u8>> = sizes.iter().map(|(width, height)| pixels(*width, *height, *width)).collect();
    let views: Vec<PixelView> =
        sizes.iter().zip(&bytes).map(|((width, height), bytes)| view(bytes, *width, *height)).collect();
    let options = HeatmapOptions { batch_limit: 3, ..HeatmapOptions::default() };
    let together = compute_heatmaps(&model, &views, &options, &mut Control::default()).unwrap();
    for (index, (heatmap, view)) in together.iter().zip(&views).enumerate() {
        let alone = compute_heatmaps(&model, &[*view], &HeatmapOptions::default(), &mut Control::default()).unwrap();
        assert_eq!((heatmap.width(), heatmap.height()), sizes[index]);
        let difference =
            heatmap.values().iter().zip(alone[0].values()).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        assert!(difference < 1e-5, "image {index}: {difference}");
    }
}

#[test]
fn scaled_image() {
    let model = model();
    let bytes = pixels(80, 60, 5);
    let options = HeatmapOptions { resize_width: 128, resize_height: 128, ..HeatmapOptions::default() };
    let heatmap = &compute_heatmaps(&model, &[view(&bytes, 80, 60)], &options, &mut Control::default()).unwrap()[0];
    assert_eq!((heatmap.width(), heatmap.height(), heatmap.columns(), heatmap.rows()), (80, 60, 3, 3));
    let last = heatmap.tiles()[8];
    assert_eq!((last.x + last.width, last.y + last.height), (80.0, 60.0));
}

fn whole_logit(model: &Classifier, bytes: &[u8], width: usize, height: usize) -> f32 {
    let mut batch = Batch::new(width, height);
    batch.push(&view(bytes, width, height).to_raster().unwrap(), 0, 0, model.preprocessing());
    logits(model, &batch).unwrap()[0]
}

fn draw(model: &Classifier, bytes: &[u8], width: usize, height: usize, options: &HeatmapOptions) -> Heatmap {
    compute_heatmaps(model, &[view(bytes, width, height)], options, &mut Control::default()).unwrap().remove(0)
}

#[test]
fn mean_of_cam() {
    let model = model();
    let bytes = pixels(96, 128, 9);
    let logit = whole_logit(&model, &bytes, 96, 128);
    let heatmap = draw(&model, &bytes, 96, 128, &HeatmapOptions { method: Method::Cam, ..HeatmapOptions::default() });
    let mean = heatmap.tiles().iter().map(|tile| tile.logit).sum::<f32>() / heatmap.tiles().len() as f32;
    assert!((mean - logit).abs() < 1e-4 && (heatmap.prediction().logit - logit).abs() < 1e-4);
    assert_eq!((heatmap.columns(), heatmap.rows(), heatmap.values().len()), (3, 4, 96 * 128));
}

#[test]
fn grad_cam_plus_plus_scale() {
    let model = model();
    let bytes = pixels(96, 128, 9);
    let options = HeatmapOptions { method: Method::GradCamPlusPlus, ..HeatmapOptions::default() };
    let heatmap = draw(&model, &bytes, 96, 128, &options);
    assert!((heatmap.prediction().logit - whole_logit(&model, &bytes, 96, 128)).abs() < 1e-4);
    assert!(heatmap.values().iter().all(|value| (0.0..=1.0).contains(value)));
    let tiles = draw(&model, &bytes, 96, 128, &HeatmapOptions { resolution: Resolution::Tiles, ..options });
    assert_eq!((tiles.width(), tiles.height()), (3, 4));
    assert_eq!(tiles.values()[tiles.hottest_tile()], 1.0);
    assert!(tiles.values().iter().any(|value| *value < 0.999));
}

#[test]
fn occlusion() {
    let model = model();
    let (width, height) = (90, 70);
    let bytes = pixels(width, height, 4);
    let options = HeatmapOptions {
        method: Method::Occlusion,
        tile_size: 40,
        stride: 30,
        blend: Blend::Gaussian,
        batch_limit: 9,
        ..HeatmapOptions::default()
    };
    let heatmap = draw(&model, &bytes, width, height, &options);
    let whole = Prediction::from_logit(whole_logit(&model, &bytes, width, height), 0.5);
    assert!((heatmap.prediction().logit - whole.logit).abs() < 1e-4);
    let mean = bytes.iter().map(|byte| f64::from(*byte) / 255.0).sum::<f64>() / bytes.len() as f64;
    let (mut sums, mut weights) = (vec![0f64; width * height], vec![0f64; width * height]);
    let corners = [0, 30].into_iter().flat_map(|y| [0, 30, 50].map(|x| (x, y)));
    for (tile, (left, top)) in heatmap.tiles().iter().zip(corners) {
        assert_eq!((tile.x, tile.y, tile.width, tile.height), (left as f32, top as f32, 40.0, 40.0));
        let inside = |index: usize| {
            let (x, y) = (index % width, index / width);
            (left..left + 40).contains(&x) && (top..top + 40).contains(&y)
        };
        let hidden: Vec<f32> = (0..width * height)
            .map(|index| if inside(index) { mean as f32 } else { f32::from(bytes[index]) / 255.0 })
            .collect();
        let logit = logit_of(&model, &hidden, width, height);
        assert!((tile.logit - logit).abs() < 1e-4, "{left} {top}: {} {logit}", tile.logit);
        let fall = f64::from(whole.probability - tile.probability);
        for index in (0..width * height).filter(|index| inside(*index)) {
            let from_middle = |position: usize, start: usize| (position - start) as f64 - 19.5;
            let squares = from_middle(index % width, left).powi(2) + from_middle(index / width, top).powi(2);
            let weight = (-0.5 * squares / 25.0).exp().max(1e-3);
            sums[index] += weight * fall;
            weights[index] += weight;
        }
    }
    for (index, value) in heatmap.values().iter().enumerate() {
        let expected = if weights[index] > 0.0 { (sums[index] / weights[index]).max(0.0) } else { 0.0 };
        assert!((f64::from(*value) - expected).abs() < 1e-5, "{index}: {value} {expected}");
    }
    let hottest = heatmap.tiles()[heatmap.hottest_tile()];
    assert!(heatmap.tiles().iter().all(|tile| tile.probability >= hottest.probability));
}

#[test]
fn occlusion_of_small_images() {
    let model = model();
    let bytes = pixels(20, 50, 4);
    let options = HeatmapOptions { method: Method::Occlusion, ..HeatmapOptions::default() };
    let heatmap = draw(&model, &bytes, 20, 50, &options);
    assert_eq!((heatmap.columns(), heatmap.rows(), heatmap.width(), heatmap.height()), (1, 1, 20, 50));
    assert_eq!((heatmap.tiles()[0].width, heatmap.tiles()[0].height), (20.0, 50.0));
}

#[test]
fn resolution_tiles() {
    let model = model();
    let bytes = pixels(150, 97, 2);
    let options = HeatmapOptions { scale: 1.5, ..HeatmapOptions::default() };
    let pixels = draw(&model, &bytes, 150, 97, &options);
    let tiles = draw(&model, &bytes, 150, 97, &HeatmapOptions { resolution: Resolution::Tiles, ..options });
    assert_eq!((tiles.width(), tiles.height()), (pixels.columns(), pixels.rows()));
    assert!(tiles.values().iter().zip(tiles.tiles()).all(|(value, tile)| *value == tile.probability));
    assert_eq!((tiles.tiles(), tiles.mean(), tiles.maximum()), (pixels.tiles(), pixels.mean(), pixels.maximum()));
}

#[test]
fn too_many_pixels_for_one_pass() {
    let model = model();
    let bytes = vec![0; 5000 * 5000];
    for method in [Method::Cam, Method::GradCamPlusPlus, Method::Occlusion] {
        let options = HeatmapOptions { method, ..HeatmapOptions::default() };
        let error =
            compute_heatmaps(&model, &[view(&bytes, 5000, 5000)], &options, &mut Control::default()).unwrap_err();
        for sign in ["image 0", "5000 x 5000", "16777216", "scale", "0.819", "TILES", &method.name().to_uppercase()] {
            assert!(error.message().contains(sign), "{error}");
        }
    }
    let options = HeatmapOptions { tile_size: 3000, ..HeatmapOptions::default() };
    let error = compute_heatmaps(&model, &[view(&bytes, 10_000, 2500)], &options, &mut Control::default()).unwrap_err();
    assert!(error.message().contains("tile_size 3000") && error.message().contains("at most 2500"), "{error}");
}

#[test]
fn cancelled_heatmap() {
    let model = model();
    let bytes = pixels(512, 64, 1);
    for method in [Method::Tiles, Method::Occlusion] {
        let mut seen = Vec::new();
        let stop = |update: &lens_base::Update| {
            seen.push((update.done, update.total));
            seen.len() < 2
        };
        let mut control = Control::new(Some(Box::new(stop)), None);
        let options =
            HeatmapOptions { method, stride: 16, batch_limit: 9, edge: Edge::Reference, ..HeatmapOptions::default() };
        let error = compute_heatmaps(&model, &[view(&bytes, 512, 64)], &options, &mut control).unwrap_err();
        assert_eq!(error.kind(), lens_base::ErrorKind::Cancelled);
        drop(control);
        let expected = if method == Method::Tiles { [(8, 29), (16, 29)] } else { [(1, 30), (2, 30)] };
        assert_eq!(seen, expected, "{method:?}");
    }
}

#[test]
fn options_out_of_range() {
    let model = model();
    let bytes = pixels(64, 64, 0);
    for (options, sign) in [
        (HeatmapOptions { tile_size: 31, ..HeatmapOptions::default() }, "31"),
        (HeatmapOptions { stride: 65, ..HeatmapOptions::default() }, "65"),
        (HeatmapOptions { scale: f64::NAN, ..HeatmapOptions::default() }, "NaN"),
        (HeatmapOptions { resize_width: 70_000, resize_height: 9, ..HeatmapOptions::default() }, "70000"),
        (HeatmapOptions { batch_limit: 65_537, ..HeatmapOptions::default() }, "batch_limit is 65537"),
        (HeatmapOptions { threshold: Some(1.5), ..HeatmapOptions::default() }, "1.5"),
    ] {
        let error = compute_heatmaps(&model, &[view(&bytes, 64, 64)], &options, &mut Control::default()).unwrap_err();
        assert!(error.message().contains(sign), "{error}");
    }
}
