//! Queued calls give the results of single calls, and NCHW gives the results of NHWC, here on the CPU.

use lens_base::Control;
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, EngineRequest, PrecisionRequest};
use lens_images::{PixelFormat, PixelView, Preprocessing, Windowing};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_tasks::classify::{ClassifyOptions, classify};

const SIDE: usize = 40;

fn model(options: ContextOptions) -> Classifier {
    let context = Context::new(ContextOptions {
        device: DeviceRequest::Cpu,
        engine: EngineRequest::Torch,
        threads: 1,
        precision: PrecisionRequest::F32,
        ..options
    });
    let metadata = Metadata::new(Preprocessing { image_size: 32, ..Preprocessing::default() }, 0.5);
    let model = Classifier::new(&context.unwrap(), Model::new(Parameters::initial(3).unwrap(), metadata)).unwrap();
    assert_eq!(model.engine(), EngineName::Torch);
    model
}

fn pictures() -> Vec<Vec<u8>> {
    (0..12).map(|seed| (0..SIDE * SIDE).map(|pixel| (seed * 37 + pixel * (seed + 3)) as u8).collect()).collect()
}

fn logits(model: &Classifier, pictures: &[Vec<u8>], batch_limit: u32) -> Vec<f32> {
    let view = |pixels| {
        PixelView::new(pixels, SIDE as u32, SIDE as u32, SIDE, PixelFormat::Gray8, Windowing::default()).unwrap()
    };
    let views: Vec<_> = pictures.iter().map(|pixels| view(pixels)).collect();
    let options = ClassifyOptions { batch_limit, ..ClassifyOptions::default() };
    classify(model, &views, &options, &mut Control::default()).unwrap().iter().map(|found| found.logit).collect()
}

#[test]
fn queued_calls_of_eight_threads() {
    let model = model(ContextOptions { take_turns: Some(true), ..ContextOptions::default() });
    let pictures = pictures();
    let expected: Vec<f32> = pictures.iter().map(|one| logits(&model, std::slice::from_ref(one), 1)[0]).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (model, pictures, expected) = (&model, &pictures, &expected);
            scope.spawn(move || {
                // Calls with many and with few images.
                for round in 0..4 {
                    let count = if thread % 2 == 0 { pictures.len() } else { 1 + round };
                    assert_eq!(logits(model, &pictures[..count], 1), expected[..count], "thread {thread}");
                }
            });
        }
    });
}

#[test]
fn memory_formats_agree() {
    let pictures = pictures();
    let channels_last = logits(&model(ContextOptions::default()), &pictures, 5);
    let rows = logits(&model(ContextOptions { channels_last: Some(false), ..ContextOptions::default() }), &pictures, 5);
    for (one, other) in channels_last.iter().zip(&rows) {
        assert!((one - other).abs() < 1e-4 * one.abs().max(1.0), "{channels_last:?} {rows:?}");
    }
}
