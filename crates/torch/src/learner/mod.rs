//! A network in training on an engine, with everything that changes from step to step.

#[cfg(test)]
mod tests;

use crate::engine::TorchEngine;
use crate::error::{Error, Result};
use crate::mixed::with_precision;
use crate::optimizer::Optimizer;
use crate::scaler::GradScaler;
use crate::torch::copy_to_slice;
use crate::training_network::TrainingNetwork;
use lens_engine::{LearnerSettings, ScalerState, Slot, UpdateStep, Weights, check_images};
use lens_images::Images;
use std::sync::Arc;
use tch::{Kind, Reduction, Tensor};

/// What `lens_engine::Learner` says, by automatic differentiation.
#[derive(Debug)]
pub(crate) struct TorchLearner {
    engine: Arc<TorchEngine>,
    network: TrainingNetwork,
    average: Option<TrainingNetwork>,
    optimizer: Optimizer,
    scaler: Option<GradScaler>,
    step: Option<Step>,
}

/// A step between its beginning and its end.
#[derive(Debug)]
struct Step {
    head_only: bool,
    /// Of the trained numbers, or of the head's alone.
    gradients: Tensor,
    /// The running statistics at the beginning.
    statistics: Tensor,
}

impl TorchLearner {
    /// Begins at these numbers.
    pub fn new(
        engine: &Arc<TorchEngine>,
        settings: &LearnerSettings,
        values: &[f32],
        statistics: &[f32],
    ) -> Result<Self> {
        engine.with_turn(|| {
            let network = TrainingNetwork::of_buffers(values, statistics, engine.device())?;
            Ok(TorchLearner {
                engine: Arc::clone(engine),
                average: settings.average.then(|| network.copy()).transpose()?,
                optimizer: Optimizer::new(settings.optimizer, network.values()),
                scaler: settings.scaler.map(|settings| GradScaler::new(settings, engine.device())),
                step: None,
                network,
            })
        })
    }

    /// Clears the gradients and remembers the running statistics.
    pub fn begin(&mut self, head_only: bool) -> Result<()> {
        // Its memory may be had again.
        self.step = None;
        let TorchLearner { engine, network, step, .. } = self;
        engine.with_turn(|| {
            let _guard = tch::no_grad_guard();
            let first = if head_only { network.head_start() } else { 0 };
            let gradients = network.values().f_narrow(0, first, network.values().size1()? - first)?.f_zeros_like()?;
            *step = Some(Step { head_only, gradients, statistics: network.statistics().copy() });
            Ok(())
        })
    }

    /// Adds `share` times the gradients of the mean loss, which it returns.
    pub fn accumulate(&mut self, images: &Images, targets: &[f32], pos_weight: f64, share: f64) -> Result<f64> {
        if images.is_empty() || images.len() != targets.len() {
            let (images, targets) = (images.len(), targets.len());
            return Err(Error::argument(format!("{images} images and {targets} targets; at least 1 of each, as many")));
        }
        check_images(images)?;
        let TorchLearner { engine, network, scaler, step, .. } = self;
        let step = step.as_mut().ok_or_else(not_begun)?;
        engine.with_input(images, |input| {
            let loss = with_precision(engine.settings().precision, input, || {
                let network = network.network_mut();
                let logits = if step.head_only {
                    let features = tch::no_grad(|| network.features(input));
                    network.head(&features)
                } else {
                    network.train_logits(input)
                };
                mean_loss(&logits, targets, pos_weight)
            })?;
            let shared = &loss * share;
            let lifted = scaler.as_ref().map_or_else(|| shared.shallow_clone(), |scaler| scaler.scaled(&shared));
            step.gradients += network.gradients(&lifted, step.head_only)?;
            Ok(loss.double_value(&[]))
        })
    }

    /// Takes the running statistics back to where they were at the beginning of the step, if there is one.
    pub fn abandon(&mut self) -> Result<()> {
        let TorchLearner { engine, network, step, .. } = self;
        // Gives its memory back.
        match step.take() {
            Some(step) => engine.with_turn(|| restore_statistics(network, &step)),
            None => Ok(()),
        }
    }

    /// Moves the parameters along the gradients; false when these are not finite.
    pub fn update(&mut self, with: &UpdateStep) -> Result<bool> {
        if with.step < 1 {
            return Err(Error::argument(format!("step is {}; steps are counted from 1", with.step)));
        }
        let TorchLearner { engine, network, optimizer, scaler, step, .. } = self;
        let begun = step.as_mut().ok_or_else(not_begun)?;
        let moved = engine.with_turn(|| {
            let _guard = tch::no_grad_guard();
            if let Some(scaler) = scaler {
                let finite = scaler.unscale(&mut begun.gradients)?;
                scaler.update(finite)?;
                if !finite {
                    // Numbers beyond f16 reach the running statistics too, and would stay there.
                    if !network.statistics().sum(Kind::Double).double_value(&[]).is_finite() {
                        restore_statistics(network, begun)?;
                    }
                    return Ok(false);
                }
            }
            if let Some(most) = with.clip_norm {
                // So many squares add up to a norm that single precision has wrong by thousandths.
                let norm = begun.gradients.f_norm_scalaropt_dtype(2.0, Kind::Double)?.double_value(&[]);
                // PyTorch's clip_grad_norm_.
                begun.gradients *= (most / (norm + 1e-6)).min(1.0);
            }
            let first = if begun.head_only { network.head_start() } else { 0 };
            optimizer.step(network.values(), &mut begun.gradients, network.weights(), first, with)?;
            Ok(true)
        })?;
        // Until here it can be abandoned.
        *step = None;
        Ok(moved)
    }

    /// Moves the average by `share` of its distance.
    pub fn blend_average(&mut self, share: f64) -> Result<()> {
        let TorchLearner { engine, network, average, .. } = self;
        let average = average.as_ref().ok_or_else(no_average)?;
        engine.with_turn(|| {
            let _guard = tch::no_grad_guard();
            let _ = average.values().shallow_clone().f_lerp_(network.values(), share)?;
            let _ = average.statistics().shallow_clone().f_lerp_(network.statistics(), share)?;
            Ok(())
        })
    }

    /// One number for each image, by the running statistics.
    pub fn logits(&self, images: &Images, weights: Weights, logits: &mut [f32]) -> Result<()> {
        let network = match weights {
            Weights::Current => &self.network,
            Weights::Average => self.average.as_ref().ok_or_else(no_average)?,
        };
        check_images(images)?;
        if images.is_empty() {
            return Ok(());
        }
        let _guard = tch::no_grad_guard();
        let precision = self.engine.settings().precision;
        self.engine.with_input(images, |input| {
            with_precision(precision, input, || copy_to_slice(&network.network().logits(input), logits))
        })
    }

    /// Copies a buffer out.
    pub fn read(&self, slot: Slot, values: &mut [f32]) -> Result<()> {
        self.engine.with_turn(|| copy_to_slice(self.buffer(slot)?, values))
    }

    /// Copies a buffer in.
    pub fn write(&mut self, slot: Slot, values: &[f32]) -> Result<()> {
        self.engine.with_turn(|| {
            let _guard = tch::no_grad_guard();
            let buffer = self.buffer(slot)?;
            if buffer.numel() != values.len() {
                let count = buffer.numel();
                return Err(Error::argument(format!("{} numbers were given for a buffer of {count}", values.len())));
            }
            buffer.shallow_clone().f_copy_(&Tensor::f_from_slice(values)?)?;
            Ok(())
        })
    }

    fn buffer(&self, slot: Slot) -> Result<&Tensor> {
        Ok(match slot {
            Slot::Values => self.network.values(),
            Slot::Statistics => self.network.statistics(),
            Slot::AverageValues => self.average.as_ref().ok_or_else(no_average)?.values(),
            Slot::AverageStatistics => self.average.as_ref().ok_or_else(no_average)?.statistics(),
            Slot::FirstMoment => self.optimizer.first_moment(),
            Slot::SecondMoment => self.optimizer.second_moment()?,
        })
    }

    /// The loss scaling's state.
    pub fn scaler(&self) -> Option<ScalerState> {
        self.scaler.as_ref().map(GradScaler::state)
    }

    /// Takes the loss scaling's state over.
    pub fn set_scaler(&mut self, state: ScalerState) -> Result<()> {
        let scaler = self.scaler.as_mut().ok_or_else(|| Error::argument("this learner does not scale its loss"))?;
        scaler.restore(state);
        Ok(())
    }

    /// Whether all trained numbers are finite.
    pub fn is_finite(&self) -> Result<bool> {
        self.engine.with_turn(|| Ok(self.network.is_finite()))
    }
}

fn not_begun() -> Error {
    Error::argument("no step was begun")
}

fn no_average() -> Error {
    Error::argument("this learner keeps no average")
}

fn restore_statistics(network: &TrainingNetwork, step: &Step) -> Result<()> {
    let _guard = tch::no_grad_guard();
    network.statistics().shallow_clone().f_copy_(&step.statistics)?;
    Ok(())
}

/// Mean binary cross entropy, in f32.
fn mean_loss(logits: &Tensor, targets: &[f32], pos_weight: f64) -> Result<Tensor> {
    let device = logits.device();
    let target = Tensor::f_from_slice(targets)?.f_to_device(device)?;
    let weight = Tensor::f_from_slice(&[pos_weight as f32])?.f_to_device(device)?;
    let logits = logits.f_to_kind(Kind::Float)?;
    Ok(logits.f_binary_cross_entropy_with_logits::<Tensor>(&target, None, Some(weight), Reduction::Mean)?)
}
