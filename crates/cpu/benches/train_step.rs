//! Times training steps on request, so that a driver can alternate with another program (tools/bench_train.py).
//!
//! Arguments: side of the images, batch size, threads, `written-out` or the name of a plan, such as `plan-avx2`, whose
//! instructions are used, and `gray` for images of one channel. Each line on standard input is a number of steps; each
//! is answered by a line of JSON with their seconds and the peak memory so far in KiB.

use lens_base::{Error, Result, generator};
use lens_cpu::{CpuLearner, Instructions, Pool};
use lens_engine::{Learner, LearnerSettings, OptimizerKind, UpdateStep};
use lens_images::{Batch, Preprocessing, Raster};
use lens_model::{Parameters, TrainingParameters};
use lens_system::peak_memory_bytes;
use rand::RngExt;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

const POS_WEIGHT: f64 = 1.5;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (channels, arguments) = match &arguments[..] {
        [rest @ .., last] if last == "gray" => (1, rest),
        all => (3, all),
    };
    let [side, batch, threads, engine] = arguments else {
        return Err(
            "usage: train_step SIDE BATCH THREADS written-out|plan-avx512|plan-avx2|plan-portable [gray]".into()
        );
    };
    let (side, count, threads): (usize, usize, usize) = (side.parse()?, batch.parse()?, threads.parse()?);
    let named = |instructions: &Instructions| instructions.engine().as_str() == engine;
    let instructions = match engine.as_str() {
        "written-out" => Instructions::best(),
        _ => Instructions::available().into_iter().find(named).ok_or("this processor does not have them")?,
    };
    let settings = LearnerSettings { optimizer: OptimizerKind::Adam, scaler: None, average: false };
    let start = TrainingParameters::of(&Parameters::initial(0)?)?;
    let mut learner = CpuLearner::new(Arc::new(Pool::new(threads, threads)), instructions, &start, &settings)?;
    let mut random = generator(0, 0);
    let mut images = Batch::new(side, side);
    for _ in 0..count {
        let samples = (0..side * side * channels).map(|_| random.random()).collect();
        images.push(&Raster::new(side, side, channels, samples)?, 0, 0, &Preprocessing::default());
    }
    let targets: Vec<f32> = (0..count).map(|image| (image % 2) as f32).collect();
    let mut number = 0;
    for line in std::io::stdin().lock().lines() {
        let mut seconds = Vec::new();
        for _ in 0..line?.trim().parse::<usize>()? {
            let start = Instant::now();
            number += 1;
            step(&mut learner, &images, &targets, number)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        let mut output = std::io::stdout().lock();
        writeln!(
            output,
            "{}",
            serde_json::json!({ "seconds": seconds, "peak_kib": peak_memory_bytes().map(|bytes| bytes / 1024) })
        )?;
        output.flush()?;
    }
    Ok(())
}

fn step(learner: &mut CpuLearner, images: &Batch, targets: &[f32], number: i32) -> Result<()> {
    learner.begin(false)?;
    learner.accumulate(&images.all(), targets, POS_WEIGHT, 1.0)?;
    match learner.update(&UpdateStep { learning_rate: 1e-4, step: number, ..UpdateStep::PYTORCH })? {
        true => Ok(()),
        false => Err(Error::internal("the step was skipped")),
    }
}
