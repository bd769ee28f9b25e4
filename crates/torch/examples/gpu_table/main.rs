//! For people with a GPU, `make test-gpu`: compares the same work on the CPU and on the GPU and prints a table.
//!
//! Argument: `auto`, `cuda`, `rocm`, or `cpu` to try the program out without a GPU. Fails if a comparison does.

mod shortage;
mod table;
mod work;

use lens_base::{Control, ErrorKind, Phase};
use lens_engine::policy::{DeviceRequest, PrecisionRequest};
use lens_runtime::{Classifier, Context, FileFormat};
use lens_tasks::heatmap::Method;
use lens_tasks::train::{TrainOptions, train};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use table::Table;
use work::{
    IMAGES, Messages, Outcome, context, dataset, heatmaps, logits, losses, max_difference, options, pictures, trained,
};

const CALLERS: usize = 4;
const METHODS: [(&str, Method); 4] = [
    ("tiles", Method::Tiles),
    ("CAM", Method::Cam),
    ("Grad-CAM++", Method::GradCamPlusPlus),
    ("occlusion", Method::Occlusion),
];

fn describe(table: &Table, gpu: &Context) {
    let description = gpu.describe();
    table.line("library, libtorch", format!("{}, {}", description["library"], description["libtorch"]));
    table.line("GPUs found", &description["hardware"]["gpus"]);
    table.line("GPUs reported", &description["gpu_runtime"]);
    for (name, decision) in description["policy"].as_object().into_iter().flatten() {
        table.line(name, format!("{} ({})", decision["value"], decision["reason"].as_str().unwrap_or_default()));
    }
    table.line("environment", &description["environment"]);
}

/// The CPU's results.
struct Expected {
    logits: Vec<f64>,
    heatmaps: Vec<Vec<f64>>,
    /// First loss of the training of the model.
    first_loss: f64,
}

/// Images per second, over so many passes.
fn rate(passes: usize, work: impl Fn() -> Outcome<()>) -> Outcome<f64> {
    // A warm-up pass: algorithms are selected, memory is allocated.
    work()?;
    let start = Instant::now();
    (0..passes).try_for_each(|_| work())?;
    Ok((passes * IMAGES) as f64 / start.elapsed().as_secs_f64())
}

fn classifies(
    table: &mut Table,
    name: &str,
    model: &Classifier,
    pictures: &[Vec<u8>],
    expected: &Expected,
    limit: f64,
) -> Outcome<()> {
    let found = logits(model, pictures)?;
    table.compare(&format!("{name}: largest difference of a logit"), max_difference(&expected.logits, &found), limit);
    let again = logits(model, pictures)?;
    table.compare(&format!("{name}: the same call again"), max_difference(&found, &again), 0.0);
    let worst = std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..CALLERS).map(|_| scope.spawn(|| logits(model, pictures).map_err(|error| error.to_string()))).collect();
        callers.into_iter().try_fold(0.0f64, |worst, caller| {
            let found = caller.join().map_err(|_| "a caller panicked".to_string())??;
            Ok::<_, String>(worst.max(max_difference(&expected.logits, &found)))
        })
    })?;
    table.compare(&format!("{name}: {CALLERS} callers at once"), worst, limit);
    for ((method, value), expected) in METHODS.into_iter().zip(&expected.heatmaps) {
        let found = heatmaps(model, &pictures[..2], value)?;
        table.compare(&format!("{name}: heatmap by {method}"), max_difference(expected, &found), limit);
    }
    Ok(())
}

/// Trains twice, and once more with an interruption.
fn trains(
    table: &mut Table,
    name: &str,
    context: &Arc<Context>,
    pictures: &[Vec<u8>],
    expected: &Expected,
    limit: f64,
) -> Outcome<()> {
    const EPOCHS: u32 = 6;
    let whole = trained(context, pictures, &options(EPOCHS))?;
    // One batch and one seed: the losses of the first step differ by rounding.
    let difference = (expected.first_loss - losses(&whole)[0]).abs();
    table.compare(&format!("{name}: first loss"), difference, limit.max(1e-2));
    let of_whole = logits(&whole, pictures)?;
    let again = logits(&trained(context, pictures, &options(EPOCHS))?, pictures)?;
    let difference = max_difference(&of_whole, &again);
    table.line(&format!("{name}: trained again from the same seed, largest difference of a logit"), difference);

    let directory = tempfile::tempdir()?;
    let options = TrainOptions { run_directory: Some(directory.path().join("run")), resume: true, ..options(EPOCHS) };
    let stop = |update: &lens_base::Update| update.phase != Phase::Train || update.epoch < EPOCHS / 2;
    let stopped =
        train(context, &dataset(pictures)?, None, &options, &mut Control::new(Some(Box::new(stop)), None)).map(|_| ());
    let is_cancelled = stopped.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled);
    table.expect(&format!("{name}: training stopped"), is_cancelled, format!("{stopped:?}"));
    let resumed = trained(context, pictures, &options)?;
    let complete = losses(&resumed).len() == EPOCHS as usize;
    let of_resumed = max_difference(&of_whole, &logits(&resumed, pictures)?);
    // If two runs differ, an interrupted one may, too.
    let allowed = if difference == 0.0 { 0.0 } else { f64::INFINITY };
    table.expect(&format!("{name}: and resumed"), complete, format!("losses {:?}", losses(&resumed)));
    table.compare(&format!("{name}: against the run that was not stopped"), of_resumed, allowed);
    Ok(())
}

fn speeds(
    table: &Table,
    name: &str,
    device: DeviceRequest,
    precision: PrecisionRequest,
    file: &Path,
    pictures: &[Vec<u8>],
) -> Outcome<()> {
    let context = context(device, precision, false, &Messages::default())?;
    let model = Classifier::load(&context, file)?;
    let classifying = rate(10, || logits(&model, pictures).map(|_| ()))?;
    table.line(&format!("{name}: images/s, classifying"), format!("{classifying:.0}"));
    let epochs = 20;
    let start = Instant::now();
    let trained = trained(&context, pictures, &options(epochs))?;
    let training = f64::from(epochs) * IMAGES as f64 / start.elapsed().as_secs_f64();
    table.line(&format!("{name}: images/s, training from beginning to end"), format!("{training:.0}"));
    table.line(&format!("{name}: losses"), format!("{:.3?}", losses(&trained)));
    let memory = context.gpu_memory().map(|memory| memory.allocated_peak >> 20);
    table.line(&format!("{name}: peak MiB in tensors on the GPU"), format!("{memory:?}"));
    Ok(())
}

fn main() -> Outcome<()> {
    let device = match std::env::args().nth(1).as_deref() {
        None | Some("auto") => DeviceRequest::Auto,
        Some("cuda") => DeviceRequest::Cuda,
        Some("rocm") => DeviceRequest::Rocm,
        Some("cpu") => DeviceRequest::Cpu,
        Some(other) => return Err(format!("{other} is none of auto, cuda, rocm, cpu").into()),
    };
    let messages = Messages::default();
    // First, since libtorch looks for GPUs once.
    let gpu = context(device, PrecisionRequest::Auto, true, &messages)?;
    let policy = gpu.policy();
    if device == DeviceRequest::Auto && policy.device.value == "cpu" {
        return Err(format!("no GPU is used: {}", policy.device.reason).into());
    }
    let (mut table, pictures) = (Table::default(), pictures());
    println!("| what | value |\n|---|---|");
    describe(&table, &gpu);

    let cpu = context(DeviceRequest::Cpu, PrecisionRequest::F32, true, &messages)?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("model.safetensors");
    let model = trained(&cpu, &pictures, &options(1))?;
    model.save(&file, FileFormat::Safetensors)?;
    let expected = Expected {
        logits: logits(&model, &pictures)?,
        heatmaps: METHODS
            .iter()
            .map(|(_, method)| heatmaps(&model, &pictures[..2], *method))
            .collect::<Outcome<_>>()?,
        first_loss: losses(&model)[0],
    };
    let classifying = rate(1, || logits(&model, &pictures).map(|_| ()))?;
    table.line("CPU: images/s, classifying", format!("{classifying:.0}"));

    // Tolerances for another order of summation, and for mixed precision.
    for (name, precision, limit) in [
        ("f32", PrecisionRequest::F32, 1e-3),
        ("automatic", PrecisionRequest::Auto, 0.2),
        ("bf16", PrecisionRequest::Bf16, 0.2),
        ("f16", PrecisionRequest::F16, 0.05),
    ] {
        let there = context(device, precision, true, &messages)?;
        let model = Classifier::load(&there, &file)?;
        classifies(&mut table, name, &model, &pictures, &expected, limit)?;
        trains(&mut table, name, &there, &pictures, &expected, limit)?;
        speeds(&table, name, device, precision, &file, &pictures)?;
    }
    if gpu.gpu_memory().is_some() {
        shortage::survive(&mut table, device, &file, &pictures)?;
    }
    if table.failed() { Err("a comparison failed".into()) } else { Ok(()) }
}
