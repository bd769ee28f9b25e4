//! A learner: a network in training on an engine, with the state of its optimiser.

#[cfg(test)]
mod tests;

use crate::autocast::with_precision;
use crate::engine::TorchEngine;
use crate::error::{Error, Result};
use crate::optimizer::Optimizer;
use crate::scaler::GradScaler;
use crate::torch::copy_to_slice;
use crate::training_network::TrainingNetwork;
use lens_engine::{LearnerSettings, ScalerState, Slot, UpdateStep, Weights, check_images};
use lens_images::Images;
use std::sync::Arc;
use tch::{Kind, Reduction, Tensor};

/// `lens_engine::Learner` by automatic differentiation.
#[derive(Debug)]
pub(crate) struct TorchLearner {
    engine: Arc<TorchEngine>,
    network: TrainingNetwork,
    average: Option<TrainingNetwork>,
    optimizer: Optimizer,
    scaler: Option<GradScaler>,
    step: Option<OpenStep>,
}

/// State of a step that was begun.
#[derive(Debug)]
struct OpenStep {
    head_only: bool,
    /// Of all trained parameters, or of the head's alone.
    gradients: Tensor,
    /// Running statistics at `begin`.
    statistics: Tensor,
}

impl TorchLearner {
    /// Starts from these values.
    pub fn new(
        engine: &Arc<TorchEngine>,
        settings: &LearnerSettings,
        values: &[f32],
        statistics: &[f32],
    ) -> Result<Self> {
        engine.with_device(|| {
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

    /// Starts a step: clears the gradients and saves the running statistics.
    pub fn begin(&mut self, head_only: bool) -> Result<()> {
        // Frees its memory.
        self.step = None;
        let TorchLearner { engine, network, step, .. } = self;
        engine.with_device(|| {
            let _guard = tch::no_grad_guard();
            let first = if head_only { network.head_start() } else { 0 };
            let gradients = network.values().f_narrow(0, first, network.values().size1()? - first)?.f_zeros_like()?;
            *step = Some(OpenStep { head_only, gradients, statistics: network.statistics().copy() });
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
            let weighted = &loss * share;
            let scaled = scaler.as_ref().map_or_else(|| weighted.shallow_clone(), |scaler| scaler.scaled(&weighted));
            step.gradients += network.gradients(&scaled, step.head_only)?;
            Ok(loss.double_value(&[]))
        })
    }

    /// Restores the running statistics saved by `begin`, if a step was begun.
    pub fn abandon(&mut self) -> Result<()> {
        let TorchLearner { engine, network, step, .. } = self;
        // Frees its memory.
        match step.take() {
            Some(step) => engine.with_device(|| restore_statistics(network, &step)),
            None => Ok(()),
        }
    }

    /// Updates the parameters; false if the gradients are not finite.
    pub fn update(&mut self, with: &UpdateStep) -> Result<bool> {
        if with.step < 1 {
            return Err(Error::argument(format!("step is {}; steps are counted from 1", with.step)));
        }
        let TorchLearner { engine, network, optimizer, scaler, step, .. } = self;
        let begun = step.as_mut().ok_or_else(not_begun)?;
        let applied = engine.with_device(|| {
            let _guard = tch::no_grad_guard();
            if let Some(scaler) = scaler {
                let finite = scaler.unscale(&mut begun.gradients)?;
                scaler.update(finite)?;
                if !finite {
                    // An overflow in f16 is in the running statistics, too, and would stay there.
                    if !network.statistics().sum(Kind::Double).double_value(&[]).is_finite() {
                        restore_statistics(network, begun)?;
                    }
                    return Ok(false);
                }
            }
            if let Some(most) = with.clip_norm {
                // In single precision the norm of so many elements is off by thousandths.
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
        Ok(applied)
    }

    /// Moves the average by `share` of its distance towards the parameters.
    pub fn update_average(&mut self, share: f64) -> Result<()> {
        let TorchLearner { engine, network, average, .. } = self;
        let average = average.as_ref().ok_or_else(no_average)?;
        engine.with_device(|| {
            let _guard = tch::no_grad_guard();
            let _ = average.values().shallow_clone().f_lerp_(network.values(), share)?;
            let _ = average.statistics().shallow_clone().f_lerp_(network.statistics(), share)?;
            Ok(())
        })
    }

    /// One logit for each image, with the running statistics.
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
        self.engine.with_device(|| copy_to_slice(self.buffer(slot)?, values))
    }

    /// Copies a buffer in.
    pub fn write(&mut self, slot: Slot, values: &[f32]) -> Result<()> {
        self.engine.with_device(|| {
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

    /// State of the gradient scaler; none if losses are not scaled.
    pub fn scaler(&self) -> Option<ScalerState> {
        self.scaler.as_ref().map(GradScaler::state)
    }

    /// Restores the state of the gradient scaler.
    pub fn set_scaler(&mut self, state: ScalerState) -> Result<()> {
        let scaler = self.scaler.as_mut().ok_or_else(|| Error::argument("this learner does not scale its loss"))?;
        scaler.restore(state);
        Ok(())
    }

    /// Whether all trained parameters are finite.
    pub fn is_finite(&self) -> Result<bool> {
        self.engine.with_device(|| Ok(self.network.is_finite()))
    }
}

fn not_begun() -> Error {
    Error::argument("no step was begun")
}

fn no_average() -> Error {
    Error::argument("this learner keeps no average")
}

fn restore_statistics(network: &TrainingNetwork, step: &OpenStep) -> Result<()> {
    let _guard = tch::no_grad_guard();
    network.statistics().shallow_clone().f_copy_(&step.statistics)?;
    Ok(())
}

/// Mean binary cross-entropy, in f32.
fn mean_loss(logits: &Tensor, targets: &[f32], pos_weight: f64) -> Result<Tensor> {
    let device = logits.device();
    let target = Tensor::f_from_slice(targets)?.f_to_device(device)?;
    let weight = Tensor::f_from_slice(&[pos_weight as f32])?.f_to_device(device)?;
    let logits = logits.f_to_kind(Kind::Float)?;
    Ok(logits.f_binary_cross_entropy_with_logits::<Tensor>(&target, None, Some(weight), Reduction::Mean)?)
}
