//! An optimiser's step over its buffers, shared out among threads.

use super::Cpu;
use super::kernels::{adam, descend as descend_part};
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;
use lens_engine::{OptimizerKind, UpdateStep};
use std::ops::Range;

/// Shortens gradients whose norm is greater than `most` to it, as PyTorch's clip_grad_norm_.
pub fn clip(gradients: &mut [f32], most: f64) {
    let norm = gradients.iter().map(|gradient| f64::from(*gradient).powi(2)).sum::<f64>().sqrt();
    let factor = (most / (norm + 1e-6)).min(1.0) as f32;
    gradients.iter_mut().for_each(|gradient| *gradient *= factor);
}

/// Pulls the weights at these places towards 0: by themselves with AdamW, through their gradients otherwise.
pub fn decay(
    kind: OptimizerKind,
    step: &UpdateStep,
    values: &mut [f32],
    gradients: &mut [f32],
    weights: impl Iterator<Item = Range<usize>>,
) {
    if step.weight_decay == 0.0 {
        return;
    }
    for place in weights {
        let (values, gradients) = (&mut values[place.clone()], &mut gradients[place]);
        match kind {
            OptimizerKind::AdamW => {
                let factor = (1.0 - step.learning_rate * step.weight_decay) as f32;
                values.iter_mut().for_each(|value| *value *= factor);
            }
            OptimizerKind::Adam | OptimizerKind::Sgd => {
                let decay = step.weight_decay as f32;
                gradients.iter_mut().zip(values).for_each(|(gradient, value)| *gradient += decay * *value);
            }
        }
    }
}

/// A step of Adam on buffers of equal length.
pub fn adam_step(
    cpu: Cpu,
    step: &UpdateStep,
    values: &mut [f32],
    gradients: &[f32],
    (first_moment, second_moment): (&mut [f32], &mut [f32]),
) -> Result<()> {
    let parts = parts(cpu.pool, gradients.len());
    let [values, first_moment, second_moment] =
        [values, first_moment, second_moment].map(|buffer| split_rows(buffer, 1, &parts));
    let shares = ((1.0 - step.beta1) as f32, (1.0 - step.beta2) as f32);
    let step_size = (step.learning_rate / (1.0 - step.beta1.powi(step.step))) as f32;
    let correction = (1.0 - step.beta2.powi(step.step)).sqrt().recip() as f32;
    let epsilon = step.epsilon as f32;
    let mut jobs: Vec<_> = parts.iter().zip(values).zip(first_moment.into_iter().zip(second_moment)).collect();
    for_each_job(cpu.pool, &mut jobs, |((part, values), (first_moment, second_moment))| {
        let gradients = &gradients[part.start..part.end];
        adam(cpu.instructions, values, gradients, first_moment, second_moment, shares, correction, epsilon, step_size);
        Ok(())
    })
}

/// A step of gradient descent with momentum.
pub fn descend(cpu: Cpu, step: &UpdateStep, values: &mut [f32], gradients: &[f32], moment: &mut [f32]) {
    descend_part(cpu.instructions, values, gradients, moment, step.momentum as f32, step.learning_rate as f32);
}
