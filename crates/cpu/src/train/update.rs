//! Optimiser steps on flat vectors, divided among threads.

use super::CpuContext;
use super::kernels::{adam, sgd};
use crate::parallel::{for_each_job, split_rows, thread_parts};
use lens_base::Result;
use lens_engine::{OptimizerKind, UpdateStep};
use std::ops::Range;

/// Scales the gradients so that their norm is at most `max_norm`, as PyTorch's clip_grad_norm_.
pub fn clip_gradient_norm(gradients: &mut [f32], max_norm: f64) {
    let norm = gradients.iter().map(|gradient| f64::from(*gradient).powi(2)).sum::<f64>().sqrt();
    let factor = (max_norm / (norm + 1e-6)).min(1.0) as f32;
    gradients.iter_mut().for_each(|gradient| *gradient *= factor);
}

/// Weight decay of these ranges: decoupled with AdamW, through the gradients otherwise.
pub fn apply_weight_decay(
    kind: OptimizerKind,
    step: &UpdateStep,
    values: &mut [f32],
    gradients: &mut [f32],
    weights: impl Iterator<Item = Range<usize>>,
) {
    if step.weight_decay == 0.0 {
        return;
    }
    for range in weights {
        let (values, gradients) = (&mut values[range.clone()], &mut gradients[range]);
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
    cpu: CpuContext,
    step: &UpdateStep,
    values: &mut [f32],
    gradients: &[f32],
    (first_moment, second_moment): (&mut [f32], &mut [f32]),
) -> Result<()> {
    let parts = thread_parts(cpu.pool, gradients.len());
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

/// A step of SGD with momentum.
pub fn sgd_step(cpu: CpuContext, step: &UpdateStep, values: &mut [f32], gradients: &[f32], moment: &mut [f32]) {
    sgd(cpu.instructions, values, gradients, moment, step.momentum as f32, step.learning_rate as f32);
}
