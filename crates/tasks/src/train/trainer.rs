//! The training loop.

use super::batch_trainer::{BatchTrainer, Step};
use super::checkpoint::{Checkpoint, RunDirectory, RunState};
use super::loss::Loss;
use super::memory::{MemoryPlan, plan_memory};
use super::options::{SelectBy, TrainOptions};
use super::preparation::{check, check_classes, find_checkpoint, setup, start};
use super::record::{EpochRecord, RunRecord, Shortage};
use super::results;
use crate::classify::Prediction;
use crate::evaluate::{Metrics, ScoredSample};
use lens_base::{Control, Error, ErrorKind, LogLevel, Phase, Result, Update};
use lens_engine::policy::EMPTY_CACHE_EPOCHS;
use lens_engine::{EngineName, Footprint};
use lens_images::{Batch, Dataset, EpochBatches, ImageStore, Sampling, epoch_order};
use lens_model::{Metadata, Model, TrainingParameters};
use lens_runtime::{Classifier, Context, RunReport};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Trains a model and returns the best one, by the validation set; without one, the last.
pub fn train(
    context: &Arc<Context>,
    training: &Dataset,
    validation: Option<&Dataset>,
    options: &TrainOptions,
    control: &mut Control,
) -> Result<Classifier> {
    check(training, validation, options)?;
    for (name, dataset) in [("training", Some(training)), ("validation", validation)] {
        if let Some(warning) = dataset.and_then(Dataset::warning) {
            context.log(LogLevel::Warning, &format!("the {name} set: {warning}"));
        }
    }
    let mut options = options.clone();
    if options.seed == 0 {
        options.seed = context.seed();
    }
    let report = RunReport::begin();
    let (parameters, start_weights) = start(context, &mut options)?;
    let options = &options;
    let policy = context.policy();
    let batch_size = options.batch_size.min(options.micro_batch.unwrap_or(u32::MAX)) as usize;
    let plan = plan_memory(
        policy.memory_bytes.value,
        policy.cache_bytes.value,
        batch_size.min(training.samples().len().max(2)),
        options.preprocessing.image_size,
        Footprint::training(policy.precision.value, policy.engine.value != EngineName::Torch),
        context.is_gpu(),
    )?;
    let directory = options.run_directory.as_deref().map(RunDirectory::take).transpose()?;
    let checkpoint = directory.as_ref().map(|directory| find_checkpoint(directory, options)).transpose()?.flatten();
    let mut load = |dataset: &Dataset, memory| {
        ImageStore::load(dataset, &options.preprocessing, memory, policy.threads.value, control)
    };
    let training = load(training, plan.cache)?;
    let validation = validation.map(|dataset| load(dataset, plan.cache - training.held_bytes())).transpose()?;
    // Once more, without what could not be read.
    check_classes("training", &training.labels(), true)?;
    if let Some(validation) = &validation {
        check_classes("validation", &validation.labels(), options.select_by == SelectBy::Auc)?;
    }
    let beginning = Beginning { parameters, start_weights, plan, checkpoint };
    let mut trainer = Trainer::new(context, options, &training, validation.as_ref(), directory.as_ref(), beginning)?;
    trainer.run(control)?;
    trainer.finish(&report)
}

/// What a run begins with.
struct Beginning {
    parameters: TrainingParameters,
    start_weights: Value,
    plan: MemoryPlan,
    checkpoint: Option<Checkpoint>,
}

struct Trainer<'a> {
    context: &'a Arc<Context>,
    options: &'a TrainOptions,
    training: &'a ImageStore,
    validation: Option<&'a ImageStore>,
    directory: Option<&'a RunDirectory>,
    trainer: BatchTrainer,
    labels: Vec<bool>,
    /// Which file it began with, and what of it.
    start_weights: Value,
    /// What must be the same for the run to go on after an interruption.
    setup: Value,
    state: RunState,
    best: Option<TrainingParameters>,
    saved: Instant,
    /// For the estimate of the time left: work to do and done since `start`, in forward passes.
    work: f64,
    work_done: f64,
    start: Instant,
}

/// A training step costs about as much as three forward passes: forward, and backward for weights and inputs.
const STEP_WORK: f64 = 3.0;

impl<'a> Trainer<'a> {
    fn new(
        context: &'a Arc<Context>,
        options: &'a TrainOptions,
        training: &'a ImageStore,
        validation: Option<&'a ImageStore>,
        directory: Option<&'a RunDirectory>,
        Beginning { parameters, start_weights, plan, checkpoint }: Beginning,
    ) -> Result<Self> {
        let labels = training.labels();
        let positives = labels.iter().filter(|positive| **positive).count();
        let balance = (labels.len() - positives) as f64 / positives as f64;
        let loss = Loss { pos_weight: options.pos_weight.unwrap_or(balance), label_smoothing: options.label_smoothing };
        let mut trainer = Trainer {
            context,
            options,
            training,
            validation,
            directory,
            trainer: BatchTrainer::new(context, options, &parameters, loss, plan.micro_batch)?,
            setup: setup(context, options, &start_weights, training, validation),
            start_weights,
            labels,
            state: RunState::default(),
            best: None,
            saved: Instant::now(),
            work: 0.0,
            work_done: 0.0,
            start: Instant::now(),
        };
        if let Some(checkpoint) = checkpoint {
            trainer.resume(checkpoint)?;
        }
        let validated = validation.map_or(0, ImageStore::len) as f64;
        let epochs = f64::from((options.epochs + 1).saturating_sub(trainer.state.epoch));
        trainer.work =
            epochs * (STEP_WORK * training.len() as f64 + validated) - STEP_WORK * trainer.state.images as f64;
        if plan.micro_batch < options.batch_size.min(training.len() as u32) as usize && options.micro_batch.is_none() {
            let message = format!(
                "batches of {} go through the network {} images at once, to fit into memory",
                options.batch_size, plan.micro_batch
            );
            context.log(LogLevel::Info, &message);
        }
        Ok(trainer)
    }

    /// Goes on from a checkpoint.
    fn resume(&mut self, checkpoint: Checkpoint) -> Result<()> {
        checkpoint.check_setup(&self.setup)?;
        let (state, best) = checkpoint.restore(&mut self.trainer)?;
        self.state = RunState { resumed: state.resumed + 1, finished: false, ..state };
        self.best = best;
        let message = format!("going on in epoch {} after {} batches", self.state.epoch, self.state.batches);
        self.context.log(LogLevel::Info, &message);
        Ok(())
    }

    fn run(&mut self, control: &mut Control) -> Result<()> {
        let done = self.run_epochs(control);
        if done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled) {
            self.save()?;
        }
        done
    }

    fn run_epochs(&mut self, control: &mut Control) -> Result<()> {
        while !self.is_done() {
            let epoch = self.state.epoch;
            self.train_epoch(control)?;
            let trained = Instant::now();
            let mut record = self.epoch_record()?;
            self.validate(&mut record, control)?;
            record.seconds = self.state.train_seconds + trained.elapsed().as_secs_f64();
            self.state.schedule.epoch_done(&self.options.schedule, record.validation_loss.unwrap_or(record.loss));
            self.keep_if_better(&record)?;
            self.state.epochs.push(record.clone());
            self.state.next_epoch();
            // After the last epoch, `finish` does that.
            if !self.is_done() {
                self.save_with_curves()?;
            }
            if let Some(validation) = self.validation {
                // Once more, now that the epoch's figure is known.
                let (size, loss) = (validation.len(), Some(record.loss));
                self.report(control, Update { epoch, loss, ..Update::new(Phase::Validate, size, size) }, 0.0)?;
            }
            self.log_epoch(&record);
        }
        Ok(())
    }

    fn log_epoch(&self, record: &EpochRecord) {
        let mut message = format!("epoch {}: loss {:.4}", record.epoch, record.loss);
        for (name, figure) in
            [("validation loss", record.validation_loss), ("accuracy", record.accuracy), ("AUC", record.auc)]
        {
            if let Some(figure) = figure {
                message += &format!(", {name} {figure:.4}");
            }
        }
        self.context.log(LogLevel::Info, &format!("{message}, {:.0} s", record.seconds));
    }

    fn is_done(&self) -> bool {
        self.state.epoch > self.options.epochs || self.is_stopped_early()
    }

    fn is_stopped_early(&self) -> bool {
        match (self.options.early_stopping, self.state.best_epoch) {
            (Some(patience), Some(best)) => self.state.epoch > best + patience,
            _ => false,
        }
    }

    fn threads(&self) -> usize {
        self.context.policy().threads.value
    }

    fn is_head_only(&self) -> bool {
        self.state.epoch <= self.options.freeze_epochs
    }

    fn train_epoch(&mut self, control: &mut Control) -> Result<()> {
        let epoch = self.state.epoch;
        if self.options.freeze_epochs > 0 && epoch == self.options.freeze_epochs + 1 && self.state.batches == 0 {
            self.trainer.restart_optimizer()?;
        }
        let sampling = if self.options.weighted_sampler { Sampling::Weighted } else { Sampling::Shuffled };
        let batches = EpochBatches {
            order: epoch_order(&self.labels, sampling, self.options.seed, epoch),
            batch_size: self.options.batch_size as usize,
            smallest: 2,
            first: self.state.batches,
            augmentation: Some((self.options.augmentation.clone(), self.options.seed, epoch)),
        };
        let (steps_per_epoch, total) = (batches.bounds().len() as u64, batches.order.len());
        let (training, threads) = (self.training, self.threads());
        let mut since = Instant::now();
        training.for_each_batch(&batches, threads, |batch, labels, waited| {
            self.train_batch(&batch, &labels, steps_per_epoch)?;
            self.state.waited_seconds += waited.as_secs_f64();
            self.state.train_seconds += since.elapsed().as_secs_f64();
            since = Instant::now();
            let loss = (self.state.loss_images > 0).then(|| self.state.loss_sum / self.state.loss_images as f64);
            let update = Update { epoch, loss, ..Update::new(Phase::Train, self.state.images, total) };
            if self.options.checkpoint_every().is_some_and(|every| self.saved.elapsed() >= every) {
                self.save()?;
            }
            self.report(control, update, STEP_WORK * batch.len() as f64)
        })?;
        if !self.trainer.learner().is_finite()? {
            return Err(self.diverged("weights are not finite"));
        }
        if self.context.policy().empty_cache_every.value > 0 && epoch.is_multiple_of(EMPTY_CACHE_EPOCHS) {
            self.context.engine().empty_cache();
        }
        Ok(())
    }

    fn train_batch(&mut self, batch: &Batch, labels: &[f32], steps_per_epoch: u64) -> Result<()> {
        let state = &mut self.state;
        let step = u64::from(state.epoch - 1) * steps_per_epoch + state.batches as u64;
        state.learning_rate = state.schedule.learning_rate(
            &self.options.schedule,
            self.options.learning_rate,
            step,
            u64::from(self.options.epochs) * steps_per_epoch,
            steps_per_epoch,
        );
        let (learning_rate, head_only) = (state.learning_rate, self.is_head_only());
        let Step { loss, shrunk } = self.trainer.learn(batch, labels, learning_rate, head_only)?;
        let state = &mut self.state;
        state.batches += 1;
        if let Some((from, to)) = shrunk {
            state.shortages.push(Shortage { epoch: state.epoch, batch: state.batches, from, to });
        }
        match loss {
            Some(loss) if loss.is_finite() => {
                state.loss_sum += loss * batch.len() as f64;
                state.loss_images += batch.len();
            }
            Some(loss) => return Err(self.diverged(&format!("the loss is {loss}"))),
            None => state.skipped_steps += 1,
        }
        self.state.images += batch.len();
        let every = self.context.policy().empty_cache_every.value as usize;
        if every > 0 && self.state.batches.is_multiple_of(every) {
            self.context.engine().empty_cache();
        }
        Ok(())
    }

    fn diverged(&self, what: &str) -> Error {
        Error::data(format!(
            "{what} in epoch {} after {} samples: training diverged; use a learning_rate below {}",
            self.state.epoch, self.state.images, self.options.learning_rate
        ))
    }

    fn epoch_record(&self) -> Result<EpochRecord> {
        let state = &self.state;
        Ok(EpochRecord {
            epoch: state.epoch,
            loss: state.loss_sum / state.loss_images.max(1) as f64,
            learning_rate: state.learning_rate,
            skipped_steps: state.skipped_steps,
            loss_scale: self.trainer.learner().scaler()?.map(|scaler| scaler.scale),
            images_per_second: state.images as f64 / state.train_seconds,
            data_wait_share: state.waited_seconds / state.train_seconds,
            ..EpochRecord::default()
        })
    }

    fn validate(&mut self, record: &mut EpochRecord, control: &mut Control) -> Result<()> {
        let Some(validation) = self.validation else {
            return Ok(());
        };
        let batches = EpochBatches {
            order: (0..validation.len()).collect(),
            batch_size: self.trainer.micro_batch,
            smallest: 1,
            first: 0,
            augmentation: None,
        };
        let (mut scored, mut loss_sum) = (Vec::with_capacity(validation.len()), 0.0);
        validation.for_each_batch(&batches, self.threads(), |batch, labels, _| {
            let logits = self.trainer.logits(&batch)?;
            loss_sum += self.trainer.loss().of(&logits, &labels) * batch.len() as f64;
            for (logit, label) in logits.into_iter().zip(&labels) {
                let probability = Prediction::from_logit(logit, self.options.threshold).probability;
                scored.push(ScoredSample { positive: *label == 1.0, probability });
            }
            let update = Update {
                epoch: record.epoch,
                loss: Some(record.loss),
                ..Update::new(Phase::Validate, scored.len(), validation.len())
            };
            self.report(control, update, batch.len() as f64)
        })?;
        if !f64::is_finite(loss_sum) {
            return Err(self.diverged(&format!("the validation loss is {loss_sum}")));
        }
        let metrics = Metrics::of(&scored, self.options.threshold);
        record.validation_loss = Some(loss_sum / scored.len() as f64);
        record.accuracy = metrics.matrix.accuracy();
        record.auc = metrics.roc_auc;
        Ok(())
    }

    fn keep_if_better(&mut self, record: &EpochRecord) -> Result<()> {
        let figure = record.figure(self.options.select_by);
        let better = match (figure, self.state.best_figure) {
            (Some(now), Some(before)) if self.options.select_by == SelectBy::Loss => now < before,
            (Some(now), Some(before)) => now > before,
            // The first epoch, or no validation set: the latest.
            _ => true,
        };
        if !better {
            return Ok(());
        }
        let best = self.trainer.result()?;
        self.state.best_epoch = Some(record.epoch);
        self.state.best_figure = figure;
        if let (Some(directory), Some(_)) = (self.directory, figure) {
            results::write_best(directory, &self.model(&best)?)?;
        }
        self.best = Some(best);
        Ok(())
    }

    fn model(&self, parameters: &TrainingParameters) -> Result<Classifier> {
        let metadata = Metadata::new(self.options.preprocessing.clone(), self.options.threshold);
        Classifier::new(self.context, Model::new(parameters.to_parameters()?, metadata))
    }

    /// Writes the checkpoint.
    fn save(&mut self) -> Result<()> {
        if let Some(directory) = self.directory {
            let seconds_before = self.state.seconds_before + self.start.elapsed().as_secs_f64();
            let state = RunState { seconds_before, ..self.state.clone() };
            directory.save(&self.setup, &state, &self.trainer, self.best.as_ref())?;
        }
        self.saved = Instant::now();
        Ok(())
    }

    fn save_with_curves(&mut self) -> Result<()> {
        self.save()?;
        self.directory.map_or(Ok(()), |directory| results::write_curves(directory, &self.state, self.options.select_by))
    }

    /// Reports, with `work` more forward passes done.
    fn report(&mut self, control: &mut Control, update: Update, work: f64) -> Result<()> {
        self.work_done += work;
        let left = self.start.elapsed().as_secs_f64() * (self.work - self.work_done).max(0.0) / self.work_done;
        control.report(&Update {
            epochs: self.options.epochs,
            metric: self.state.best_figure,
            seconds_left: left.is_finite().then_some(left),
            ..update
        })
    }

    fn finish(mut self, report: &RunReport) -> Result<Classifier> {
        self.state.finished = true;
        self.save_with_curves()?;
        let best = self.best.as_ref().ok_or_else(|| Error::internal("no epoch was run"))?;
        let record = RunRecord {
            context: self.context,
            report,
            seconds_before: self.state.seconds_before,
            options: self.options,
            start_weights: &self.start_weights,
            pos_weight: self.trainer.loss().pos_weight,
            training: self.training.describe(),
            validation: self.validation.map(ImageStore::describe),
            epochs: &self.state.epochs,
            best_epoch: self.state.best_epoch.unwrap_or(0),
            ended: if self.state.epoch <= self.options.epochs { "early stopping" } else { "all epochs done" },
            resumed: self.state.resumed,
            micro_batch: self.trainer.micro_batch,
            shortages: &self.state.shortages,
        };
        let model = self.model(best)?.with_training_record(|hash| record.describe(hash));
        if let Some(directory) = self.directory {
            results::write_best(directory, &model)?;
            results::write_record(directory, &model)?;
        }
        Ok(model)
    }
}
