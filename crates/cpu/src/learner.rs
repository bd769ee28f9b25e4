//! Training of a network on the CPU.

use crate::kernels::vector::Instructions;
use crate::pool::Pool;
use crate::train::{CpuContext, Loss, TrainStep, adam_step, apply_weight_decay, clip_gradient_norm, lerp, sgd_step};
use lens_base::{Error, Result, zeros};
use lens_engine::{Learner, LearnerSettings, OptimizerKind, ScalerState, Slot, UpdateStep, Weights};
use lens_images::Images;
use lens_model::{LAYOUT, Role, TrainingParameters};
use std::ops::Range;
use std::sync::Arc;

/// Named in messages about lack of memory.
const MOMENTS: &str = "the optimiser's moments";

/// Parameters, gradients and the optimiser's buffers, in plain memory.
pub struct CpuLearner {
    pool: Arc<Pool>,
    instructions: Instructions,
    optimizer: OptimizerKind,
    step: TrainStep,
    current: TrainingParameters,
    average: Option<TrainingParameters>,
    first_moment: Vec<f32>,
    /// The second moment of Adam and AdamW; empty for SGD.
    second_moment: Vec<f32>,
    gradients: Vec<f32>,
    head_only: bool,
    /// Whether a step was begun and not yet ended by `update` or `abandon`.
    is_begun: bool,
    /// Running statistics at `begin`.
    statistics_before: Vec<f32>,
}

impl CpuLearner {
    /// Starts from these parameters.
    pub fn new(
        pool: Arc<Pool>,
        instructions: Instructions,
        start: &TrainingParameters,
        settings: &LearnerSettings,
    ) -> Result<Self> {
        let count = LAYOUT.trained_count();
        let second = if settings.optimizer == OptimizerKind::Sgd { 0 } else { count };
        Ok(CpuLearner {
            pool,
            instructions,
            optimizer: settings.optimizer,
            step: TrainStep::default(),
            average: settings.average.then(|| copy(start)).transpose()?,
            current: copy(start)?,
            first_moment: zeros(count, MOMENTS)?,
            second_moment: zeros(second, MOMENTS)?,
            gradients: zeros(count, "gradients")?,
            head_only: false,
            is_begun: false,
            statistics_before: zeros(LAYOUT.statistics_count(), "running statistics")?,
        })
    }

    fn check_begun(&self) -> Result<()> {
        if self.is_begun { Ok(()) } else { Err(Error::argument("no step was begun")) }
    }

    /// The range of trained values that a step updates.
    fn updated(&self) -> Range<usize> {
        let first = if self.head_only { self.step.ranges()[LAYOUT.head_weight].start } else { 0 };
        first..self.current.values.len()
    }

    fn buffer(&self, slot: Slot) -> Result<&[f32]> {
        let average = || self.average.as_ref().ok_or_else(no_average);
        Ok(match slot {
            Slot::Values => &self.current.values,
            Slot::Statistics => &self.current.statistics,
            Slot::AverageValues => &average()?.values,
            Slot::AverageStatistics => &average()?.statistics,
            Slot::FirstMoment => &self.first_moment,
            Slot::SecondMoment => &self.second_moment,
        })
    }

    fn buffer_mut(&mut self, slot: Slot) -> Result<&mut [f32]> {
        let average = self.average.as_mut().ok_or_else(no_average);
        Ok(match slot {
            Slot::Values => &mut self.current.values,
            Slot::Statistics => &mut self.current.statistics,
            Slot::AverageValues => &mut average?.values,
            Slot::AverageStatistics => &mut average?.statistics,
            Slot::FirstMoment => &mut self.first_moment,
            Slot::SecondMoment => &mut self.second_moment,
        })
    }
}

fn copy(parameters: &TrainingParameters) -> Result<TrainingParameters> {
    let mut copy = TrainingParameters::zeroed()?;
    copy.values.copy_from_slice(&parameters.values);
    copy.statistics.copy_from_slice(&parameters.statistics);
    Ok(copy)
}

fn no_average() -> Error {
    Error::argument("this learner keeps no average")
}

fn check_length(slot: Slot, there: usize, given: usize) -> Result<()> {
    if there == given {
        return Ok(());
    }
    Err(Error::argument(format!("{given} numbers for the buffer {slot:?}, which has {there}")))
}

impl Learner for CpuLearner {
    fn begin(&mut self, head_only: bool) -> Result<()> {
        (self.head_only, self.is_begun) = (head_only, true);
        self.gradients.fill(0.0);
        self.statistics_before.copy_from_slice(&self.current.statistics);
        Ok(())
    }

    fn accumulate(&mut self, images: &Images, targets: &[f32], pos_weight: f64, share: f64) -> Result<f64> {
        self.check_begun()?;
        let cpu = CpuContext { pool: &self.pool, instructions: self.instructions };
        let TrainingParameters { values, statistics } = &mut self.current;
        let task = (targets, Loss { pos_weight }, share);
        match self.head_only {
            true => self.step.accumulate_head(cpu, (values, statistics), images, task, &mut self.gradients),
            false => self.step.accumulate(cpu, (values, statistics), images, task, &mut self.gradients),
        }
    }

    fn abandon(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_begun) {
            self.current.statistics.copy_from_slice(&self.statistics_before);
        }
        Ok(())
    }

    fn update(&mut self, step: &UpdateStep) -> Result<bool> {
        self.check_begun()?;
        if step.step < 1 {
            return Err(Error::argument(format!("step is {}; steps are counted from 1", step.step)));
        }
        let cpu = CpuContext { pool: &self.pool, instructions: self.instructions };
        let updated = self.updated();
        let gradients = &mut self.gradients[updated.clone()];
        if let Some(max_norm) = step.clip_norm {
            clip_gradient_norm(gradients, max_norm);
        }
        let values = &mut self.current.values[updated.clone()];
        let parameters = LAYOUT.parameters().iter().zip(self.step.ranges());
        let weights = parameters
            .filter(|(spec, range)| {
                matches!(spec.role, Role::Convolution | Role::HeadWeight) && range.start >= updated.start
            })
            .map(|(_, range)| range.start - updated.start..range.end - updated.start);
        apply_weight_decay(self.optimizer, step, values, gradients, weights);
        let first_moment = &mut self.first_moment[updated.clone()];
        match self.optimizer {
            OptimizerKind::Sgd => sgd_step(cpu, step, values, gradients, first_moment),
            OptimizerKind::Adam | OptimizerKind::AdamW => {
                let moments = (first_moment, &mut self.second_moment[updated]);
                adam_step(cpu, step, values, gradients, moments)?;
            }
        }
        self.is_begun = false;
        Ok(true)
    }

    fn update_average(&mut self, share: f64) -> Result<()> {
        let average = self.average.as_mut().ok_or_else(no_average)?;
        lerp(self.instructions, &mut average.values, &self.current.values, share as f32);
        lerp(self.instructions, &mut average.statistics, &self.current.statistics, share as f32);
        Ok(())
    }

    fn logits(&mut self, images: &Images, weights: Weights) -> Result<Vec<f32>> {
        let cpu = CpuContext { pool: &self.pool, instructions: self.instructions };
        let parameters = match weights {
            Weights::Current => &self.current,
            Weights::Average => self.average.as_ref().ok_or_else(no_average)?,
        };
        self.step.logits(cpu, (&parameters.values, &parameters.statistics), images)
    }

    fn read(&self, slot: Slot, values: &mut [f32]) -> Result<()> {
        let buffer = self.buffer(slot)?;
        check_length(slot, buffer.len(), values.len())?;
        values.copy_from_slice(buffer);
        Ok(())
    }

    fn write(&mut self, slot: Slot, values: &[f32]) -> Result<()> {
        let buffer = self.buffer_mut(slot)?;
        check_length(slot, buffer.len(), values.len())?;
        buffer.copy_from_slice(values);
        Ok(())
    }

    fn scaler(&self) -> Result<Option<ScalerState>> {
        Ok(None)
    }

    fn set_scaler(&mut self, _: ScalerState) -> Result<()> {
        Err(Error::internal("single precision needs no loss scaling"))
    }

    fn is_finite(&self) -> Result<bool> {
        Ok(self.current.values.iter().all(|value| value.is_finite()))
    }
}

#[cfg(test)]
mod tests;
