//! One step of training: a batch in, better weights out.

use super::average::Average;
use super::memory::micro_batches;
use super::optimizer::Optimizer;
use super::options::TrainOptions;
use super::parameters::Parameters;
use super::scaler::GradScaler;
use super::step::{self, TrainStep};
use crate::data::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, LogLevel, Precision, arranged, catch, with_precision};
use std::sync::Arc;
use tch::{Kind, Reduction, Tensor};

/// Steps in a row whose gradients are not finite, after which lowering the scale further cannot help: any scale has
/// become less than 1 long before.
const MOST_OVERFLOWS: u32 = 60;

/// The loss: binary cross entropy on logits.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Weight of positive samples.
    pub pos_weight: f64,
    /// Share of a label that is spread evenly over both classes.
    pub label_smoothing: f64,
}

impl Loss {
    fn targets(&self, labels: &[f32]) -> Vec<f32> {
        let smoothing = self.label_smoothing as f32;
        labels.iter().map(|label| label * (1.0 - smoothing) + smoothing / 2.0).collect()
    }

    /// The mean over a batch.
    pub fn of(&self, logits: &Tensor, labels: &[f32]) -> Tensor {
        let target = Tensor::from_slice(&self.targets(labels)).to_device(logits.device());
        let weight = Tensor::from_slice(&[self.pos_weight as f32]).to_device(logits.device());
        logits.to_kind(Kind::Float).binary_cross_entropy_with_logits::<Tensor>(
            &target,
            None,
            Some(weight),
            Reduction::Mean,
        )
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean loss of the batch; `None` when the step was skipped because numbers left the range of half precision.
    pub loss: Option<f64>,
    /// Part sizes before and after, when memory ran out and the batch had to be cut smaller.
    pub shrunk: Option<(usize, usize)>,
}

/// A network in training, with everything that changes from step to step.
pub struct Learner {
    context: Arc<Context>,
    /// The network.
    pub parameters: Parameters,
    /// What moves it.
    pub optimizer: Optimizer,
    /// Loss scaling, in half precision.
    pub scaler: Option<GradScaler>,
    /// The moving average, when asked for.
    pub average: Option<Average>,
    /// Images that go through the network at once.
    pub micro_batch: usize,
    loss: Loss,
    clip_norm: Option<f64>,
    overflows: u32,
    /// The step that is written out, where it can be used.
    step: Option<TrainStep>,
}

/// Whether the written-out step trains in this context.
pub fn is_written_out(context: &Context) -> bool {
    context.policy().precision.value == Precision::F32 && TrainStep::supports(context.device(), Kind::Float)
}

impl Learner {
    /// Begins at these parameters.
    pub fn new(
        context: &Arc<Context>,
        options: &TrainOptions,
        parameters: Parameters,
        loss: Loss,
        micro_batch: usize,
    ) -> Result<Self> {
        let policy = context.policy();
        let settings = match policy.precision.value {
            Precision::F16 => options.grad_scaler.or(policy.grad_scaler.value),
            Precision::F32 | Precision::Bf16 => None,
        };
        Ok(Learner {
            optimizer: Optimizer::new(options.optimizer, parameters.values()),
            scaler: settings.map(|settings| GradScaler::new(settings, context.device())),
            average: options.average_decay.map(|decay| Average::new(decay, &parameters)).transpose()?,
            context: Arc::clone(context),
            parameters,
            micro_batch,
            loss,
            clip_norm: options.clip_norm,
            overflows: 0,
            step: is_written_out(context).then(TrainStep::default),
        })
    }

    /// What is validated and kept: the average when there is one.
    pub fn result(&self) -> &Parameters {
        self.average.as_ref().map_or(&self.parameters, Average::parameters)
    }

    /// Forgets what the optimiser has seen.
    pub fn restart_optimizer(&mut self, options: &TrainOptions) {
        self.optimizer = Optimizer::new(options.optimizer, self.parameters.values());
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// One optimiser step on a batch; of the head alone, if so asked. On failure nothing has changed.
    pub fn learn(&mut self, batch: &Batch, labels: &[f32], learning_rate: f64, head_only: bool) -> Result<Step> {
        let context = Arc::clone(&self.context);
        let _turn = context.turn();
        let before = self.parameters.statistics().copy();
        let mut shrunk = None;
        let outcome = loop {
            let attempt = catch(|| self.gradients(batch, labels, head_only));
            if attempt.is_err() {
                self.restore_statistics(&before);
            }
            match attempt {
                Err(error) if error.kind() == ErrorKind::OutOfMemory => {
                    context.empty_cache();
                    shrunk = Some(self.shrink(batch.len(), shrunk, error)?);
                }
                outcome => break outcome,
            }
        };
        let (loss, mut gradients) = outcome?;
        if !self.unscale(&mut gradients)? {
            // Numbers beyond f16 reach the running statistics too, and would stay there.
            if !self.parameters.statistics().sum(Kind::Double).double_value(&[]).is_finite() {
                self.restore_statistics(&before);
            }
            return Ok(Step { loss: None, shrunk });
        }
        if let Some(most) = self.clip_norm {
            let norm = gradients.norm().double_value(&[]);
            // PyTorch's clip_grad_norm_.
            gradients *= (most / (norm + 1e-6)).min(1.0);
        }
        let first = if head_only { self.parameters.head_start() } else { 0 };
        let weights = self.parameters.weights();
        self.optimizer.step(self.parameters.values(), &mut gradients, weights, first, learning_rate)?;
        if let Some(average) = &mut self.average {
            average.update(&self.parameters)?;
        }
        Ok(Step { loss: Some(loss), shrunk })
    }

    /// Logits of a batch, as the result computes them.
    pub fn logits(&self, batch: &Batch) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let _turn = self.context.turn();
        let input = self.arranged(batch.tensor(0, batch.len()));
        with_precision(self.precision(), &input, || Ok(self.result().network().logits(&input).to_kind(Kind::Float)))
    }

    /// As the policy lays images out; the written-out step takes them channels last alone.
    fn arranged(&self, images: Tensor) -> Tensor {
        arranged(images, self.step.is_some() || self.context.policy().channels_last.value)
    }

    fn precision(&self) -> Precision {
        self.context.policy().precision.value
    }

    fn restore_statistics(&self, before: &Tensor) {
        self.parameters.statistics().shallow_clone().copy_(before);
    }

    /// Mean loss and gradients of a batch, part by part.
    fn gradients(&mut self, batch: &Batch, labels: &[f32], head_only: bool) -> Result<(f64, Tensor)> {
        let values = self.parameters.values();
        let first = if head_only { self.parameters.head_start() } else { 0 };
        let mut gradients = values.f_narrow(0, first, values.size1()? - first)?.f_zeros_like()?;
        let mut sum = 0.0;
        for part in micro_batches(batch.len(), self.micro_batch) {
            let share = part.len() as f64 / batch.len() as f64;
            let (input, labels) = (self.arranged(batch.tensor(part.start, part.len())), &labels[part.clone()]);
            sum += match &mut self.step {
                Some(step) if !head_only => {
                    let (targets, loss) = (self.loss.targets(labels), step::Loss { pos_weight: self.loss.pos_weight });
                    let network = self.parameters.network_mut();
                    step.accumulate(network, &input, &targets, loss, share, &mut gradients)?.loss * share
                }
                _ => self.accumulate_by_autograd(&input, labels, share, head_only, &mut gradients)?,
            };
            #[cfg(test)]
            shortage::allocate(part.len())?;
        }
        Ok((sum, gradients))
    }

    /// `share` of the mean loss of some images, whose gradients it adds.
    fn accumulate_by_autograd(
        &mut self,
        input: &Tensor,
        labels: &[f32],
        share: f64,
        head_only: bool,
        gradients: &mut Tensor,
    ) -> Result<f64> {
        let loss = with_precision(self.precision(), input, || {
            let network = self.parameters.network_mut();
            let logits = if head_only {
                let features = tch::no_grad(|| network.features(input));
                network.head(&features)
            } else {
                network.train_logits(input)
            };
            Ok(self.loss.of(&logits, labels) * share)
        })?;
        let lifted = self.scaler.as_ref().map_or_else(|| loss.shallow_clone(), |scaler| scaler.scaled(&loss));
        *gradients += self.parameters.gradients(&lifted, head_only)?;
        Ok(loss.double_value(&[]))
    }

    /// Smaller parts than those that just failed.
    fn shrink(&mut self, count: usize, before: Option<(usize, usize)>, error: Error) -> Result<(usize, usize)> {
        let largest = micro_batches(count, self.micro_batch).iter().map(ExactSizeIterator::len).max().unwrap_or(count);
        let smaller = (largest / 2).max(2);
        if micro_batches(count, smaller).len() == micro_batches(count, self.micro_batch).len() {
            return Err(error.prefixed(&format!("out of memory even with {largest} images at once")));
        }
        self.micro_batch = smaller;
        let message = format!("out of memory with {largest} images at once; going on with {smaller} at once");
        self.context.log(LogLevel::Warning, &message);
        Ok((before.map_or(largest, |(first, _)| first), smaller))
    }

    /// Takes the scale out of gradients; false when they are not finite and the step is to be skipped.
    fn unscale(&mut self, gradients: &mut Tensor) -> Result<bool> {
        let Some(scaler) = &mut self.scaler else {
            return Ok(true);
        };
        let finite = scaler.unscale(gradients)?;
        scaler.update(finite)?;
        self.overflows = if finite { 0 } else { self.overflows + 1 };
        if self.overflows > MOST_OVERFLOWS {
            return Err(Error::data(format!(
                "{} steps in a row had gradients that are not finite (loss scale now {:e}): training diverged; use a \
                 lower learning_rate, or precision BF16 or F32",
                self.overflows,
                scaler.state().scale
            )));
        }
        Ok(finite)
    }
}

/// Makes memory run out in tests.
#[cfg(test)]
pub(super) mod shortage {
    use crate::error::{Error, Result};
    use std::cell::Cell;

    thread_local! {
        static LIMIT: Cell<Option<(usize, u32)>> = const { Cell::new(None) };
    }

    /// From now on the `nth` part (from 1) of more than `above` images fails, and all such parts after it.
    pub fn fail(above: usize, nth: u32) {
        LIMIT.set(Some((above, nth)));
    }

    pub fn allocate(images: usize) -> Result<()> {
        match LIMIT.get() {
            Some((above, 1)) if images > above => {
                // As libtorch says it.
                Err(Error::from_torch(
                    "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory",
                ))
            }
            Some((above, nth)) if images > above => {
                LIMIT.set(Some((above, nth - 1)));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Preprocessing, Raster};
    use crate::model::DenseNet;
    use crate::runtime::{ContextOptions, PrecisionRequest, ScalerSettings};
    use tch::Device;

    const LABELS: [f32; 8] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];

    fn batch() -> Batch {
        let mut batch = Batch::new(32, 32, LABELS.len(), Device::Cpu);
        for image in 0..LABELS.len() {
            let samples = (0..32 * 32).map(|pixel| (pixel * (image + 3) % 251) as f32 / 250.0).collect();
            batch.push(&Raster::new(32, 32, 1, samples).unwrap(), 0, 0, &Preprocessing::default());
        }
        batch
    }

    fn learner(precision: PrecisionRequest, micro_batch: usize, options: &TrainOptions) -> Learner {
        let context = Context::new(ContextOptions { precision, ..ContextOptions::default() }).unwrap();
        let parameters = Parameters::of(&DenseNet::initial(3, Device::Cpu)).unwrap();
        let loss = Loss { pos_weight: 1.5, label_smoothing: options.label_smoothing };
        Learner::new(&context, options, parameters, loss, micro_batch).unwrap()
    }

    fn f32_learner(micro_batch: usize) -> Learner {
        learner(PrecisionRequest::F32, micro_batch, &TrainOptions::default())
    }

    fn buffers(learner: &Learner) -> (Tensor, Tensor) {
        (learner.parameters.values().copy(), learner.parameters.statistics().copy())
    }

    #[test]
    fn after_a_shortage_the_step_is_the_one_that_smaller_parts_would_have_made() {
        let mut expected = f32_learner(4);
        let loss = expected.learn(&batch(), &LABELS, 1e-3, false).unwrap().loss;
        let mut learner = f32_learner(8);
        shortage::fail(4, 1);
        let step = learner.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        shortage::fail(usize::MAX, 1);
        assert_eq!(step, Step { loss, shrunk: Some((8, 4)) });
        assert_eq!(learner.micro_batch, 4);
        assert_eq!(buffers(&learner), buffers(&expected));
    }

    #[test]
    fn a_shortage_in_a_later_part_starts_the_batch_anew() {
        let mut expected = f32_learner(2);
        expected.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        let mut learner = f32_learner(4);
        shortage::fail(3, 2);
        let step = learner.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        shortage::fail(usize::MAX, 1);
        assert_eq!(step.shrunk, Some((4, 2)));
        assert_eq!(buffers(&learner), buffers(&expected));
    }

    #[test]
    fn when_no_part_fits_it_says_so_and_nothing_has_changed() {
        let mut learner = f32_learner(8);
        let before = buffers(&learner);
        shortage::fail(1, 1);
        let error = learner.learn(&batch(), &LABELS, 1e-3, false).unwrap_err();
        shortage::fail(usize::MAX, 1);
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        assert!(error.message().contains("even with 2 images"), "{error}");
        assert_eq!(buffers(&learner), before);
    }

    #[test]
    fn parts_add_up_to_the_gradient_of_the_batch() {
        // With statistics of the whole batch in every part they would be equal; the loss's weights must be, at least.
        let whole = f32_learner(8).learn(&batch(), &LABELS, 1e-3, true).unwrap().loss.unwrap();
        let parts = f32_learner(2).learn(&batch(), &LABELS, 1e-3, true).unwrap().loss.unwrap();
        assert!((whole - parts).abs() < 1e-6, "{whole} {parts}");
    }

    #[test]
    fn a_frozen_backbone_stays_as_it_is_while_the_head_learns() {
        let mut learner = f32_learner(8);
        let (values, statistics) = buffers(&learner);
        learner.learn(&batch(), &LABELS, 1e-2, true).unwrap();
        let (after, statistics_after) = buffers(&learner);
        let head = learner.parameters.head_start();
        assert_eq!(statistics, statistics_after);
        assert_eq!(values.narrow(0, 0, head), after.narrow(0, 0, head));
        let unlike = values.narrow(0, head, 1025).ne_tensor(&after.narrow(0, head, 1025));
        let changed = unlike.sum(Kind::Int64).int64_value(&[]);
        assert!(changed > 100, "{changed}");
    }

    #[test]
    fn a_clipped_gradient_makes_a_step_of_that_length() {
        let mut options = TrainOptions { clip_norm: Some(0.25), ..TrainOptions::default() };
        options.optimizer.kind = super::super::OptimizerKind::Sgd;
        let mut learner = learner(PrecisionRequest::F32, 8, &options);
        let before = learner.parameters.values().copy();
        learner.learn(&batch(), &LABELS, 1.0, false).unwrap();
        let length = (learner.parameters.values() - before).norm().double_value(&[]);
        assert!((length - 0.25).abs() < 1e-3, "{length}");
    }

    #[test]
    fn an_overflow_in_f16_skips_the_step_and_lowers_the_scale() {
        let settings = ScalerSettings { initial_scale: 2f64.powi(60), ..ScalerSettings::STANDARD };
        let options = TrainOptions { grad_scaler: Some(settings), ..TrainOptions::default() };
        let mut learner = learner(PrecisionRequest::F16, 8, &options);
        let values = learner.parameters.values().copy();
        let step = learner.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        assert_eq!(step.loss, None);
        assert_eq!(learner.parameters.values(), &values);
        assert_eq!(learner.scaler.as_ref().unwrap().state().scale, 2f64.powi(59));
        assert_eq!(learner.optimizer.steps(), 0);
        // Low enough, it learns.
        learner.scaler.as_mut().unwrap().restore(crate::train::scaler::ScalerState { scale: 1024.0, good_steps: 0 });
        assert!(learner.learn(&batch(), &LABELS, 1e-3, false).unwrap().loss.is_some());
        assert_ne!(learner.parameters.values(), &values);
    }

    #[test]
    fn smoothed_labels_raise_the_loss_of_certainty() {
        let logits = Tensor::from_slice(&[20f32, -20.0]);
        let loss =
            |label_smoothing| Loss { pos_weight: 1.0, label_smoothing }.of(&logits, &[1.0, 0.0]).double_value(&[]);
        assert!(loss(0.0) < 1e-6);
        // A share of 0.1 is spread over both classes, so 0.05 of each label is wrong by 20.
        assert!((loss(0.1) - 1.0).abs() < 1e-5, "{}", loss(0.1));
    }
}
