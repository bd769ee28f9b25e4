//! Times training steps on request, so that a driver can take turns with another program (tools/bench_train.py).
//!
//! Arguments: side of the images, batch size, threads, and `written-out` or `autograd`. Each line on standard input is a
//! number of steps; each is answered by a line of JSON with their seconds and the peak memory so far in KiB.

use lesionlens::model::{DenseNet, LAYOUT};
use lesionlens::runtime::peak_memory_bytes;
use lesionlens::train::step::{Loss, TrainStep};
use lesionlens::train::{Optimizer, OptimizerOptions, Parameters};
use std::io::{BufRead, Write};
use std::time::Instant;
use tch::{Device, Kind, Reduction, Tensor};

const POS_WEIGHT: f64 = 1.5;
const LEARNING_RATE: f64 = 1e-4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [side, batch, threads, engine] = &arguments[..] else {
        return Err("usage: train_step SIDE BATCH THREADS written-out|autograd".into());
    };
    let (side, batch): (i64, i64) = (side.parse()?, batch.parse()?);
    tch::set_num_threads(threads.parse()?);
    tch::manual_seed(0);
    let mut parameters = Parameters::of(&DenseNet::initial(0, Device::Cpu)).map_err(|error| error.to_string())?;
    let mut adam = Optimizer::new(OptimizerOptions::default(), parameters.values());
    let input = Tensor::rand([batch, side, side, 3], (Kind::Float, Device::Cpu)).permute([0, 3, 1, 2]);
    let targets: Vec<f32> = (0..batch).map(|image| (image % 2) as f32).collect();
    let mut step = TrainStep::default();
    let mut gradients = Tensor::zeros([LAYOUT.trained_count()], (Kind::Float, Device::Cpu));

    for line in std::io::stdin().lock().lines() {
        let mut seconds = Vec::new();
        for _ in 0..line?.trim().parse::<usize>()? {
            let start = Instant::now();
            if engine == "autograd" {
                let logits = parameters.network_mut().train_logits(&input);
                let weight = Tensor::from_slice(&[POS_WEIGHT as f32]);
                let targets = Tensor::from_slice(&targets);
                let loss =
                    logits.binary_cross_entropy_with_logits::<Tensor>(&targets, None, Some(weight), Reduction::Mean);
                gradients = parameters.gradients(&loss, false)?;
            } else {
                let _ = gradients.zero_();
                let loss = Loss { pos_weight: POS_WEIGHT };
                step.accumulate(parameters.network_mut(), &input, &targets, loss, 1.0, &mut gradients)
                    .map_err(|error| error.message().to_string())?;
            }
            adam.step(parameters.values(), &mut gradients, parameters.weights(), 0, LEARNING_RATE)?;
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
