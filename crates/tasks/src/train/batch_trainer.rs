//! Training steps on batches, independent of the engine.

use super::average::Average;
use super::loss::Loss;
use super::memory::micro_batches;
use super::optimizer::OptimizerOptions;
use super::options::TrainOptions;
use lens_base::{Error, ErrorKind, LogLevel, Result};
use lens_engine::policy::Precision;
use lens_engine::{Learner, LearnerSettings, Slot, Weights};
use lens_images::Batch;
use lens_model::TrainingParameters;
use lens_runtime::Context;
use std::sync::Arc;

/// Steps in a row whose gradients are not finite, after which lowering the scale further cannot help: any scale has
/// become less than 1 long before.
const MOST_OVERFLOWS: u32 = 60;

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean loss of the batch; `None` when the step was skipped because numbers left the range of half precision.
    pub loss: Option<f64>,
    /// Part sizes before and after, when memory ran out and the batch had to be cut smaller.
    pub shrunk: Option<(usize, usize)>,
}

/// A network in training, with everything that changes from step to step.
pub struct BatchTrainer {
    context: Arc<Context>,
    learner: Box<dyn Learner>,
    optimizer: OptimizerOptions,
    /// Steps that the optimiser has taken.
    steps: i32,
    average: Option<Average>,
    /// Images that go through the network at once.
    pub micro_batch: usize,
    loss: Loss,
    clip_norm: Option<f64>,
    overflows: u32,
}

impl BatchTrainer {
    /// Begins at these parameters.
    pub fn new(
        context: &Arc<Context>,
        options: &TrainOptions,
        start: &TrainingParameters,
        loss: Loss,
        micro_batch: usize,
    ) -> Result<Self> {
        let policy = context.policy();
        let scaler = match policy.precision.value {
            Precision::F16 => options.scaler_settings.or(options.grad_scaler.settings()).or(policy.grad_scaler.value),
            Precision::F32 | Precision::Bf16 => None,
        };
        let average = options.average_decay.map(Average::new);
        let settings = LearnerSettings { optimizer: options.optimizer.kind, scaler, average: average.is_some() };
        Ok(BatchTrainer {
            learner: context.engine().learner(start, &settings)?,
            context: Arc::clone(context),
            optimizer: options.optimizer,
            steps: 0,
            average,
            micro_batch,
            loss,
            clip_norm: options.clip_norm,
            overflows: 0,
        })
    }

    /// The engine's learner.
    pub fn learner(&self) -> &dyn Learner {
        &*self.learner
    }

    /// The engine's learner, to be restored.
    pub fn learner_mut(&mut self) -> &mut dyn Learner {
        &mut *self.learner
    }

    /// Steps that the optimiser has taken.
    pub fn steps(&self) -> i32 {
        self.steps
    }

    /// Steps that the average has taken in, when there is one.
    pub fn average_steps(&self) -> Option<u64> {
        self.average.map(|average| average.steps())
    }

    /// Goes on after so many steps.
    pub fn restore_steps(&mut self, steps: i32, average_steps: u64) {
        self.steps = steps;
        if let Some(average) = &mut self.average {
            average.restore(average_steps);
        }
    }

    /// What is validated and kept: the average when there is one.
    pub fn result(&self) -> Result<TrainingParameters> {
        let mut result = TrainingParameters::zeroed()?;
        let (values, statistics) = match self.average {
            Some(_) => (Slot::AverageValues, Slot::AverageStatistics),
            None => (Slot::Values, Slot::Statistics),
        };
        self.learner.read(values, &mut result.values)?;
        self.learner.read(statistics, &mut result.statistics)?;
        Ok(result)
    }

    /// Resets the optimiser's state.
    pub fn restart_optimizer(&mut self) -> Result<()> {
        self.steps = 0;
        let zeros = TrainingParameters::zeroed()?.values;
        self.moments().try_for_each(|slot| self.learner.write(slot, &zeros))
    }

    /// The buffers that the learner has.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let average = self.average.map(|_| [Slot::AverageValues, Slot::AverageStatistics]);
        let network = [Slot::Values, Slot::Statistics].into_iter();
        network.chain(average.into_iter().flatten()).chain(self.moments())
    }

    /// The optimiser's buffers.
    fn moments(&self) -> impl Iterator<Item = Slot> + use<> {
        let second = (self.optimizer.kind != lens_engine::OptimizerKind::Sgd).then_some(Slot::SecondMoment);
        std::iter::once(Slot::FirstMoment).chain(second)
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// One optimiser step on a batch; of the head alone where `head_only`. On failure nothing has changed.
    pub fn learn(&mut self, batch: &Batch, labels: &[f32], learning_rate: f64, head_only: bool) -> Result<Step> {
        let mut shrunk = None;
        let loss = loop {
            match self.gradients(batch, labels, head_only) {
                Ok(loss) => break loss,
                Err(error) => {
                    self.learner.abandon()?;
                    if error.kind() != ErrorKind::OutOfMemory {
                        return Err(error);
                    }
                    self.context.engine().empty_cache();
                    shrunk = Some(self.shrink(batch.len(), shrunk, error)?);
                }
            }
        };
        let step = self.optimizer.step(self.steps + 1, learning_rate, self.clip_norm);
        if !self.learner.update(&step)? {
            self.note_overflow()?;
            return Ok(Step { loss: None, shrunk });
        }
        self.overflows = 0;
        self.steps += 1;
        if let Some(average) = &mut self.average {
            self.learner.update_average(average.next_share())?;
        }
        Ok(Step { loss: Some(loss), shrunk })
    }

    /// Logits of a batch, as the result computes them.
    pub fn logits(&mut self, batch: &Batch) -> Result<Vec<f32>> {
        let weights = if self.average.is_some() { Weights::Average } else { Weights::Current };
        self.learner.logits(&batch.all(), weights)
    }

    /// Mean loss of a batch, whose gradients the learner then has, part by part.
    fn gradients(&mut self, batch: &Batch, labels: &[f32], head_only: bool) -> Result<f64> {
        self.learner.begin(head_only)?;
        let targets = self.loss.targets(labels);
        let mut sum = 0.0;
        for part in micro_batches(batch.len(), self.micro_batch) {
            let share = part.len() as f64 / batch.len() as f64;
            let images = batch.images(part.start, part.len());
            sum += self.learner.accumulate(&images, &targets[part.clone()], self.loss.pos_weight, share)? * share;
            #[cfg(test)]
            shortage::allocate(part.len())?;
        }
        Ok(sum)
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

    fn note_overflow(&mut self) -> Result<()> {
        self.overflows += 1;
        if self.overflows > MOST_OVERFLOWS {
            let scale = self.learner.scaler()?.map_or(1.0, |scaler| scaler.scale);
            return Err(Error::data(format!(
                "{} steps in a row had gradients that are not finite (loss scale now {scale:e}): training diverged; use a \
                 lower learning_rate, or precision BF16 or F32",
                self.overflows
            )));
        }
        Ok(())
    }
}

/// Makes memory run out in tests.
#[cfg(test)]
pub(super) mod shortage {
    use lens_base::{Error, ErrorKind, Result};
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
            Some((above, 1)) if images > above => Err(Error::new(ErrorKind::OutOfMemory, "no memory, in a test")),
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
    use lens_images::{Preprocessing, Raster};
    use lens_model::{LAYOUT, Parameters};
    use lens_runtime::ContextOptions;

    const LABELS: [f32; 8] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];

    fn batch() -> Batch {
        let mut batch = Batch::new(32, 32);
        for image in 0..LABELS.len() {
            let samples = (0..32 * 32).map(|pixel| (pixel * (image + 3) % 251) as f32 / 250.0).collect();
            batch.push(&Raster::new(32, 32, 1, samples).unwrap(), 0, 0, &Preprocessing::default());
        }
        batch
    }

    fn trainer(micro_batch: usize, options: &TrainOptions) -> BatchTrainer {
        let context = Context::new(ContextOptions::default()).unwrap();
        let start = TrainingParameters::of(&Parameters::initial(3).unwrap()).unwrap();
        let loss = Loss { pos_weight: 1.5, label_smoothing: options.label_smoothing };
        BatchTrainer::new(&context, options, &start, loss, micro_batch).unwrap()
    }

    fn plain(micro_batch: usize) -> BatchTrainer {
        trainer(micro_batch, &TrainOptions::default())
    }

    fn buffers(trainer: &BatchTrainer) -> TrainingParameters {
        trainer.result().unwrap()
    }

    #[test]
    fn step_after_out_of_memory() {
        let mut expected = plain(4);
        let loss = expected.learn(&batch(), &LABELS, 1e-3, false).unwrap().loss;
        let mut trainer = plain(8);
        shortage::fail(4, 1);
        let step = trainer.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        shortage::fail(usize::MAX, 1);
        assert_eq!(step, Step { loss, shrunk: Some((8, 4)) });
        assert_eq!(trainer.micro_batch, 4);
        assert_eq!(buffers(&trainer), buffers(&expected));
    }

    #[test]
    fn out_of_memory_in_a_later_part() {
        let mut expected = plain(2);
        expected.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        let mut trainer = plain(4);
        shortage::fail(3, 2);
        let step = trainer.learn(&batch(), &LABELS, 1e-3, false).unwrap();
        shortage::fail(usize::MAX, 1);
        assert_eq!(step.shrunk, Some((4, 2)));
        assert_eq!(buffers(&trainer), buffers(&expected));
    }

    #[test]
    fn out_of_memory_at_the_smallest_part() {
        let mut trainer = plain(8);
        let before = buffers(&trainer);
        shortage::fail(1, 1);
        let error = trainer.learn(&batch(), &LABELS, 1e-3, false).unwrap_err();
        shortage::fail(usize::MAX, 1);
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        assert!(error.message().contains("even with 2 images"), "{error}");
        assert_eq!(buffers(&trainer), before);
    }

    #[test]
    fn gradient_of_parts() {
        // With statistics of the whole batch in every part they would be equal; the loss's weights must be, at least.
        let whole = plain(8).learn(&batch(), &LABELS, 1e-3, true).unwrap().loss.unwrap();
        let parts = plain(2).learn(&batch(), &LABELS, 1e-3, true).unwrap().loss.unwrap();
        assert!((whole - parts).abs() < 1e-6, "{whole} {parts}");
    }

    #[test]
    fn frozen_backbone() {
        let mut trainer = plain(8);
        let before = buffers(&trainer);
        trainer.learn(&batch(), &LABELS, 1e-2, true).unwrap();
        let after = buffers(&trainer);
        let head = LAYOUT.parameter_ranges()[LAYOUT.head_weight].start;
        assert_eq!(before.statistics, after.statistics);
        assert_eq!(before.values[..head], after.values[..head]);
        let changed = before.values[head..].iter().zip(&after.values[head..]).filter(|(one, other)| one != other);
        assert!(changed.count() > 100);
    }

    #[test]
    fn gradient_clipping() {
        let mut options = TrainOptions { clip_norm: Some(0.25), ..TrainOptions::default() };
        options.optimizer.kind = lens_engine::OptimizerKind::Sgd;
        let mut trainer = trainer(8, &options);
        let before = buffers(&trainer);
        trainer.learn(&batch(), &LABELS, 1.0, false).unwrap();
        let after = buffers(&trainer);
        let squares = before.values.iter().zip(&after.values).map(|(one, other)| f64::from(one - other).powi(2));
        let length = squares.sum::<f64>().sqrt();
        assert!((length - 0.25).abs() < 1e-3, "{length}");
    }

    #[test]
    fn averaged_parameters() {
        let options = TrainOptions { average_decay: Some(0.9), ..TrainOptions::default() };
        let mut trainer = trainer(8, &options);
        let before = buffers(&trainer);
        trainer.learn(&batch(), &LABELS, 1e-2, false).unwrap();
        let mut now = TrainingParameters::zeroed().unwrap();
        trainer.learner().read(Slot::Values, &mut now.values).unwrap();
        // After the first step the decay is 2/11.
        for ((before, average), now) in before.values.iter().zip(&buffers(&trainer).values).zip(&now.values) {
            let expected = before + (now - before) * (9.0 / 11.0);
            assert!((average - expected).abs() < 1e-6, "{before} {average} {now}");
        }
    }
}
