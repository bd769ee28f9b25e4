//! What a person with a GPU runs, `make test-gpu`: the same work on the CPU and on the GPU, compared, as a table.
//!
//! Argument: `auto`, `cuda`, `rocm`, or `cpu` to try the program out without a GPU. Fails when a comparison does.

use lesionlens::data::{Dataset, PixelFormat, PixelView, Preprocessing, Windowing};
use lesionlens::infer::{ClassifyOptions, classify};
use lesionlens::model::Model;
use lesionlens::runtime::{Context, ContextOptions, Control, DeviceRequest, LogLevel, PrecisionRequest};
use lesionlens::train::{TrainOptions, train};
use std::sync::Arc;
use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SIDE: u32 = 128;
const IMAGES: usize = 128;
const CALLERS: usize = 4;

/// Lines of the table, and whether all comparisons held.
#[derive(Default)]
struct Table {
    failed: bool,
}

impl Table {
    fn line(&self, name: &str, value: impl std::fmt::Display) {
        println!("| {name} | {value} |");
    }

    fn compare(&mut self, name: &str, difference: f64, most: f64) {
        let holds = difference <= most;
        self.failed |= !holds;
        let verdict = if holds { "ok" } else { "FAILED" };
        self.line(name, format!("{difference:.2e} (at most {most:.0e}): {verdict}"));
    }
}

/// Bright squares (positive) and bars (negative).
fn pictures() -> Vec<Vec<u8>> {
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

fn context(device: DeviceRequest, precision: PrecisionRequest) -> Outcome<Arc<Context>> {
    Ok(Context::new(ContextOptions {
        device,
        precision,
        deterministic: true,
        log: Some(Box::new(|_, message| eprintln!("{message}"))),
        log_level: LogLevel::Warning,
        ..ContextOptions::default()
    })?)
}

fn logits(model: &Model, pictures: &[Vec<u8>]) -> Outcome<Vec<f64>> {
    let views = pictures.iter().map(|pixels| view(pixels)).collect::<Outcome<Vec<_>>>()?;
    let found = classify(model, &views, &ClassifyOptions::default(), &mut Control::default())?;
    Ok(found.iter().map(|prediction| f64::from(prediction.logit)).collect())
}

fn largest_difference(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}

fn trained(context: &Arc<Context>, pictures: &[Vec<u8>], epochs: u32) -> Outcome<Model> {
    let mut dataset = Dataset::default();
    for (index, pixels) in pictures.iter().enumerate() {
        dataset.add(&view(pixels)?, (index % 2) as i32, None)?;
    }
    let options = TrainOptions {
        epochs,
        batch_size: IMAGES as u32,
        learning_rate: 1e-3,
        preprocessing: Preprocessing { image_size: SIDE, ..Preprocessing::default() },
        ..TrainOptions::default()
    };
    Ok(train(context, &dataset, None, &options, &mut Control::default())?)
}

fn first_loss(model: &Model) -> f64 {
    model.describe()["training"]["epochs"][0]["loss"].as_f64().unwrap_or(f64::NAN)
}

fn main() -> Outcome<()> {
    let device = match std::env::args().nth(1).as_deref() {
        None | Some("auto") => DeviceRequest::Auto,
        Some("cuda") => DeviceRequest::Cuda,
        Some("rocm") => DeviceRequest::Rocm,
        Some("cpu") => DeviceRequest::Cpu,
        Some(other) => return Err(format!("{other} is none of auto, cuda, rocm, cpu").into()),
    };
    // First: libtorch looks for GPUs once.
    let gpu = context(device, PrecisionRequest::Auto)?;
    let policy = gpu.policy();
    if device == DeviceRequest::Auto && policy.device.value == "cpu" {
        return Err(format!("no GPU is used: {}", policy.device.reason).into());
    }
    let (mut table, pictures) = (Table::default(), pictures());
    println!("| what | value |\n|---|---|");
    let description = gpu.describe();
    table.line("library, libtorch", format!("{}, {}", description["library"], description["libtorch"]));
    table.line("GPUs found", &description["hardware"]["gpus"]);
    table.line("GPUs reported", &description["gpu_runtime"]);
    for (name, choice) in description["policy"].as_object().into_iter().flatten() {
        table.line(name, format!("{} ({})", choice["value"], choice["reason"].as_str().unwrap_or_default()));
    }
    table.line("environment", &description["environment"]);

    let cpu = context(DeviceRequest::Cpu, PrecisionRequest::F32)?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("model.safetensors");
    let (one, start) = (trained(&cpu, &pictures, 1)?, Instant::now());
    one.save(&file, lesionlens::model::FileFormat::Safetensors)?;
    let expected = logits(&one, &pictures)?;
    table.line("CPU: images/s, classifying", format!("{:.1}", IMAGES as f64 / start.elapsed().as_secs_f64()));

    // Sums in another order, and what mixed precision rounds.
    for (name, precision, most) in [("f32", PrecisionRequest::F32, 1e-3), ("automatic", PrecisionRequest::Auto, 0.2)] {
        let context = context(device, precision)?;
        let model = Model::load(&context, &file)?;
        let found = logits(&model, &pictures)?;
        table.compare(&format!("{name}: largest difference of a logit"), largest_difference(&expected, &found), most);
        let again = logits(&model, &pictures)?;
        table.compare(&format!("{name}: the same call again"), largest_difference(&found, &again), 0.0);
        let start = Instant::now();
        for _ in 0..3 {
            logits(&model, &pictures)?;
        }
        let rate = 3.0 * IMAGES as f64 / start.elapsed().as_secs_f64();
        table.line(&format!("{name}: images/s, classifying"), format!("{rate:.1}"));
        let worst = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|_| scope.spawn(|| logits(&model, &pictures).map_err(|error| error.to_string())))
                .collect();
            callers.into_iter().try_fold(0.0f64, |worst, caller| {
                let found = caller.join().map_err(|_| "a caller panicked".to_string())??;
                Ok::<_, String>(worst.max(largest_difference(&expected, &found)))
            })
        })?;
        table.compare(&format!("{name}: {CALLERS} callers at once"), worst, most);

        let start = Instant::now();
        let trained_there = trained(&context, &pictures, 3)?;
        let rate = 3.0 * IMAGES as f64 / start.elapsed().as_secs_f64();
        table.line(&format!("{name}: images/s, training with 3 batches of {IMAGES}"), format!("{rate:.1}"));
        // One batch, one seed: the losses of the first step differ by rounding.
        let difference = (first_loss(&one) - first_loss(&trained_there)).abs();
        table.compare(&format!("{name}: first loss"), difference, most.max(1e-2));
        let memory = context.gpu_memory().map(|memory| memory.allocated_peak >> 20);
        table.line(&format!("{name}: peak MiB in tensors on the GPU"), format!("{memory:?}"));
    }
    if table.failed { Err("a comparison failed".into()) } else { Ok(()) }
}
