//! A heatmap needs memory for its values and its batches, not for copies of the image. Alone in its process: it
//! measures.

use lens_base::Control;
use lens_images::{PixelFormat, PixelView, Windowing};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_system::peak_memory_bytes;
use lens_tasks::classify::{ClassifyOptions, classify};
use lens_tasks::heatmap::{Edge, Heatmap, HeatmapOptions, Resolution, compute_heatmaps};

const MIB: u64 = 1 << 20;

/// How far the process's memory rises above where it was.
fn growth(work: impl FnOnce()) -> u64 {
    // Forgets the peak so far.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_memory_bytes().unwrap();
    work();
    peak_memory_bytes().unwrap() - before
}

/// 16-bit gray, no tile like another.
fn words(width: usize, height: usize) -> Vec<u8> {
    let word = |index: usize| ((index % width * 7) ^ (index / width * 13) ^ (index >> 9)) as u16;
    (0..width * height).flat_map(|index| word(index).to_ne_bytes()).collect()
}

fn view(bytes: &[u8], width: usize, height: usize) -> PixelView<'_> {
    let format = PixelFormat::Gray16;
    PixelView::new(bytes, width as u32, height as u32, 2 * width, format, Windowing::default()).unwrap()
}

fn draw(model: &Classifier, image: PixelView, options: &HeatmapOptions) -> Heatmap {
    compute_heatmaps(model, &[image], options, &mut Control::default()).unwrap().remove(0)
}

#[test]
fn heatmap_memory() {
    let context = Context::new(ContextOptions::default()).unwrap();
    let mut metadata = Metadata::default();
    metadata.preprocessing.image_size = 256;
    let model = Classifier::new(&context, Model::new(Parameters::initial(2).unwrap(), metadata)).unwrap();
    let tiles_of = |edge| HeatmapOptions {
        tile_size: 256,
        stride: 256,
        edge,
        batch_limit: 1,
        resolution: Resolution::Tiles,
        ..HeatmapOptions::default()
    };
    // What is set up once.
    let small = words(512, 256);
    draw(&model, view(&small, 512, 256), &tiles_of(Edge::Cover));

    // 4096 x 2600 pixels: 41 MiB as f32, 122 MiB as the network's input; bands and a batch are 68 MiB.
    let (width, height) = (4096, 2600);
    let bytes = words(width, height);
    let mut heatmap = None;
    let grown = growth(|| heatmap = Some(draw(&model, view(&bytes, width, height), &tiles_of(Edge::Cover))));
    assert!(grown < 95 * MIB, "{} MiB", grown / MIB);
    let heatmap = heatmap.unwrap();
    assert_eq!((heatmap.width(), heatmap.height()), (16, 11));
    // A tile is what the same part of the image is by itself, also in the last bands.
    for index in [0, 15, 16 * 4 + 7, 16 * 5, 16 * 9 + 3, 16 * 10 + 15] {
        let tile = heatmap.tiles()[index];
        let first = 2 * (tile.y as usize * width + tile.x as usize);
        let part = PixelView::new(&bytes[first..], 256, 256, 2 * width, PixelFormat::Gray16, Windowing::default());
        let part = classify(&model, &[part.unwrap()], &ClassifyOptions::default(), &mut Control::default()).unwrap();
        assert!((part[0].logit - tile.logit).abs() < 1e-4, "{index}: {} {}", part[0].logit, tile.logit);
    }

    // 8192 x 8192 pixels, of which a copy as f32 would be 256 MiB, as the heatmap is.
    let bytes = words(8192, 8192);
    let quarter = HeatmapOptions { scale: 0.0625, ..tiles_of(Edge::Cover) };
    let grown = growth(|| drop(draw(&model, view(&bytes, 8192, 8192), &quarter)));
    assert!(grown < 100 * MIB, "{} MiB for a heatmap of tiles", grown / MIB);
    let quarter = HeatmapOptions { resolution: Resolution::Image, ..quarter };
    let grown = growth(|| drop(draw(&model, view(&bytes, 8192, 8192), &quarter)));
    assert!(grown < (256 + 100) * MIB, "{} MiB for a heatmap of pixels", grown / MIB);
}
