//! Times classification of prepared batches on request, so that a driver can alternate with another program.
//!
//! Arguments: side of the images, batch size, threads, `torch`, `plan`, `plan-avx2` or `plan-portable`, and a file that
//! receives the model as ONNX; beside it the model is written as model.safetensors. Each line on standard input is a
//! number of batches; each is answered by a line of JSON with the engine's name, their seconds, the logits, and the peak
//! memory so far in KiB.

use lens_engine::policy::EngineRequest;
use lens_images::{Batch, Raster};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions, FileFormat};
use lens_system::peak_memory_bytes;
use lens_tasks::classify::logits;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [side, count, threads, engine, onnx] = &arguments[..] else {
        return Err("usage: infer SIDE BATCH THREADS torch|plan|plan-avx2|plan-portable MODEL.onnx".into());
    };
    let engine = match engine.as_str() {
        "torch" => EngineRequest::Torch,
        "plan" => EngineRequest::Plan,
        "plan-avx2" => EngineRequest::PlanAvx2,
        "plan-portable" => EngineRequest::PlanPortable,
        other => return Err(format!("no engine {other}").into()),
    };
    let options = ContextOptions { engine, threads: threads.parse()?, ..ContextOptions::default() };
    let context = Context::new(options)?;
    let model = Classifier::new(&context, Model::new(Parameters::initial(0)?, Metadata::default()))?;
    model.save(Path::new(onnx), FileFormat::Onnx)?;
    model.save(&Path::new(onnx).with_file_name("model.safetensors"), FileFormat::Safetensors)?;
    let (side, count): (usize, usize) = (side.parse()?, count.parse()?);
    let mut batch = Batch::new(side, side);
    for image in 0..count {
        let samples = (0..side * side * 3).map(|index| ((index * 31 + image * 7) % 251) as f32 / 250.0).collect();
        batch.push(&Raster::new(side, side, 3, samples)?, 0, 0, model.preprocessing());
    }
    let found = logits(&model, &batch)?;
    for line in std::io::stdin().lock().lines() {
        let mut seconds = Vec::new();
        for _ in 0..line?.trim().parse::<usize>()? {
            let start = Instant::now();
            logits(&model, &batch)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        let peak = peak_memory_bytes().map(|bytes| bytes / 1024);
        let mut output = std::io::stdout().lock();
        let answer =
            serde_json::json!({ "engine": model.engine(), "seconds": seconds, "logits": found, "peak_kib": peak });
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}
