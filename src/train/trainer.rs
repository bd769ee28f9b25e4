//! The training loop.

use super::adam::Adam;
use super::options::{SelectBy, TrainOptions};
use super::record::{EpochRecord, RunRecord};
use crate::data::{BatchPlan, Dataset, ImageStore, Sampling, epoch_order};
use crate::error::{Error, Result};
use crate::evaluate::{Metrics, Scored};
use crate::infer::Prediction;
use crate::model::{DenseNet, FileFormat, LAYOUT, Metadata, Model};
use crate::runtime::{Context, Control, LogLevel, Phase, RunReport, SharedTensor, Update, catch, write_atomically};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::{Reduction, Tensor};

/// Trains a model and returns the best one, by the validation set; without one, the last.
pub fn train(
    context: &Arc<Context>,
    training: &Dataset,
    validation: Option<&Dataset>,
    options: &TrainOptions,
    control: &mut Control,
) -> Result<Model> {
    options.check()?;
    check_classes("training", training, true)?;
    if let Some(validation) = validation {
        check_classes("validation", validation, options.select_by == SelectBy::Auc)?;
    }
    if let Some(directory) = &options.run_directory {
        std::fs::create_dir_all(directory).map_err(|error| Error::io("make directory", directory, &error))?;
    }
    context.enter();
    let report = RunReport::begin();
    let mut load = |dataset: &Dataset, memory| {
        ImageStore::load(dataset, &options.preprocessing, memory, context.policy().threads.value, control)
    };
    let memory = context.policy().cache_bytes.value;
    let training = load(training, memory)?;
    let validation = validation.map(|dataset| load(dataset, memory - training.held_bytes())).transpose()?;
    check_loaded("training", &training, true)?;
    if let Some(validation) = &validation {
        check_loaded("validation", validation, options.select_by == SelectBy::Auc)?;
    }
    let mut trainer = Trainer::new(context, options, &training, validation.as_ref());
    catch(|| trainer.run(control))?;
    trainer.finish(&report)
}

fn check_classes(name: &str, dataset: &Dataset, both: bool) -> Result<()> {
    let positives = dataset.samples().iter().filter(|sample| sample.positive).count();
    check_counts(name, positives, dataset.samples().len(), both)
}

fn check_loaded(name: &str, store: &ImageStore, both: bool) -> Result<()> {
    let loaded = store.describe();
    check_counts(name, loaded.positives, loaded.samples, both)
}

fn check_counts(name: &str, positives: usize, samples: usize, both: bool) -> Result<()> {
    if samples == 0 {
        return Err(Error::data(format!("the {name} set is empty")));
    }
    if both && (positives == 0 || positives == samples) {
        return Err(Error::data(format!(
            "the {name} set has {positives} positive and {} negative sample(s); both classes are needed",
            samples - positives
        )));
    }
    Ok(())
}

/// The best network so far.
struct Best {
    epoch: u32,
    figure: Option<f64>,
    network: DenseNet<SharedTensor>,
}

struct Trainer<'a> {
    context: &'a Arc<Context>,
    options: &'a TrainOptions,
    training: &'a ImageStore,
    validation: Option<&'a ImageStore>,
    network: DenseNet<Tensor>,
    adam: Adam,
    pos_weight: f64,
    labels: Vec<bool>,
    epochs: Vec<EpochRecord>,
    best: Option<Best>,
    /// For the estimate of the time left: work done so far, in forward passes, and since when.
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
    ) -> Self {
        let mut network = match &options.start_model {
            Some(model) => model.network().thawed(),
            None => DenseNet::initial(options.seed, context.device()),
        };
        let trained = network
            .parameters_mut()
            .iter_mut()
            .zip(LAYOUT.parameters())
            .filter(|(_, spec)| spec.role.is_trained())
            .map(|(tensor, _)| tensor);
        let adam = Adam::new(trained, options.learning_rate);
        let labels = training.labels();
        let positives = labels.iter().filter(|positive| **positive).count();
        let balance = (labels.len() - positives) as f64 / positives as f64;
        Trainer {
            context,
            options,
            training,
            validation,
            network,
            adam,
            pos_weight: options.pos_weight.unwrap_or(balance),
            labels,
            epochs: Vec::new(),
            best: None,
            work_done: 0.0,
            start: Instant::now(),
        }
    }

    fn run(&mut self, control: &mut Control) -> Result<()> {
        for epoch in 1..=self.options.epochs {
            let start = Instant::now();
            let mut record = self.train_epoch(epoch, control)?;
            self.validate(&mut record, control)?;
            record.seconds = start.elapsed().as_secs_f64();
            self.keep_if_better(&record)?;
            if let Some(validation) = self.validation {
                // Once more, now that the epoch's figure is known.
                let (size, loss) = (validation.len(), Some(record.loss));
                self.report(control, Update { epoch, loss, ..Update::new(Phase::Validate, size, size) }, 0.0)?;
            }
            self.context.log(
                LogLevel::Info,
                &format!(
                    "epoch {epoch}: loss {:.4}, validation loss {:.4}, accuracy {:.4}, AUC {:.4}, {:.0} s",
                    record.loss,
                    record.validation_loss.unwrap_or(f64::NAN),
                    record.accuracy.unwrap_or(f64::NAN),
                    record.auc.unwrap_or(f64::NAN),
                    record.seconds
                ),
            );
            self.epochs.push(record);
        }
        Ok(())
    }

    fn loss(&self, logits: &Tensor, labels: &[f32]) -> Tensor {
        let device = self.context.device();
        let target = Tensor::from_slice(labels).to_device(device);
        let weight = Tensor::from_slice(&[self.pos_weight as f32]).to_device(device);
        logits.binary_cross_entropy_with_logits::<Tensor>(&target, None, Some(weight), Reduction::Mean)
    }

    fn threads(&self) -> usize {
        self.context.policy().threads.value
    }

    fn train_epoch(&mut self, epoch: u32, control: &mut Control) -> Result<EpochRecord> {
        let sampling = if self.options.weighted_sampler { Sampling::Weighted } else { Sampling::Shuffled };
        let plan = BatchPlan {
            order: epoch_order(&self.labels, sampling, self.options.seed, epoch),
            batch_size: self.options.batch_size as usize,
            smallest: 2,
            augmentation: Some((self.options.augmentation.clone(), self.options.seed, epoch)),
        };
        let total = plan.order.len();
        let start = Instant::now();
        let (mut done, mut loss_sum, mut waited) = (0, 0.0, Duration::ZERO);
        self.training.for_each_batch(&plan, self.threads(), |batch, labels, wait| {
            waited += wait;
            let input = batch.tensor(0, batch.len(), self.context.device());
            let logits = self.network.train_logits(&input);
            let loss = self.loss(&logits, &labels);
            let value = loss.double_value(&[]);
            if !value.is_finite() {
                return Err(Error::data(format!(
                    "the loss is {value} in epoch {epoch} after {done} samples: training diverged; use a learning_rate \
                     below {}",
                    self.options.learning_rate
                )));
            }
            let gradients = self.adam.gradients(&loss)?;
            self.adam.step(&gradients);
            done += batch.len();
            loss_sum += value * batch.len() as f64;
            let loss = Some(loss_sum / done as f64);
            let update = Update { epoch, loss, ..Update::new(Phase::Train, done, total) };
            self.report(control, update, STEP_WORK * batch.len() as f64)
        })?;
        if !self.adam.is_finite() {
            return Err(Error::data(format!(
                "weights are not finite after epoch {epoch}: training diverged; use a learning_rate below {}",
                self.options.learning_rate
            )));
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(EpochRecord {
            epoch,
            loss: loss_sum / done as f64,
            learning_rate: self.options.learning_rate,
            images_per_second: done as f64 / seconds,
            data_wait_share: waited.as_secs_f64() / seconds,
            ..EpochRecord::default()
        })
    }

    fn validate(&mut self, record: &mut EpochRecord, control: &mut Control) -> Result<()> {
        let Some(validation) = self.validation else {
            return Ok(());
        };
        let _guard = tch::no_grad_guard();
        let plan = BatchPlan {
            order: (0..validation.len()).collect(),
            batch_size: self.options.batch_size as usize,
            smallest: 1,
            augmentation: None,
        };
        let (mut scored, mut loss_sum) = (Vec::with_capacity(validation.len()), 0.0);
        validation.for_each_batch(&plan, self.threads(), |batch, labels, _| {
            let logits = self.network.logits(&batch.tensor(0, batch.len(), self.context.device()));
            loss_sum += self.loss(&logits, &labels).double_value(&[]) * batch.len() as f64;
            for (logit, label) in Vec::<f32>::try_from(logits)?.into_iter().zip(&labels) {
                let prediction = Prediction::from_logit(logit, self.options.threshold);
                scored.push(Scored { positive: *label == 1.0, score: logit, called_positive: prediction.positive });
            }
            let update = Update {
                epoch: record.epoch,
                loss: Some(record.loss),
                ..Update::new(Phase::Validate, scored.len(), validation.len())
            };
            self.report(control, update, batch.len() as f64)
        })?;
        let metrics = Metrics::of(&scored);
        record.validation_loss = Some(loss_sum / scored.len() as f64);
        record.accuracy = metrics.accuracy;
        record.auc = metrics.roc_auc;
        Ok(())
    }

    fn figure(&self, record: &EpochRecord) -> Option<f64> {
        match self.options.select_by {
            SelectBy::Accuracy => record.accuracy,
            SelectBy::Auc => record.auc,
            SelectBy::Loss => record.validation_loss,
        }
    }

    fn keep_if_better(&mut self, record: &EpochRecord) -> Result<()> {
        let figure = self.figure(record);
        let before = self.best.as_ref().and_then(|best| best.figure);
        let better = match (figure, before) {
            (Some(now), Some(before)) if self.options.select_by == SelectBy::Loss => now < before,
            (Some(now), Some(before)) => now > before,
            // The first epoch, or no validation set: the latest.
            _ => true,
        };
        if !better {
            return Ok(());
        }
        let network = self.network.frozen();
        if let (Some(directory), Some(_)) = (&self.options.run_directory, figure) {
            let model = Model::new(self.context, self.network.frozen(), self.metadata())?;
            model.save(&directory.join("best.safetensors"), FileFormat::Safetensors)?;
        }
        self.best = Some(Best { epoch: record.epoch, figure, network });
        Ok(())
    }

    fn metadata(&self) -> Metadata {
        Metadata::new(self.options.preprocessing.clone(), self.options.threshold)
    }

    /// Reports, with `work` more forward passes done.
    fn report(&mut self, control: &mut Control, update: Update, work: f64) -> Result<()> {
        self.work_done += work;
        let validation = self.validation.map_or(0, ImageStore::len);
        let all = f64::from(self.options.epochs) * (STEP_WORK * self.training.len() as f64 + validation as f64);
        let left = self.start.elapsed().as_secs_f64() * (all - self.work_done).max(0.0) / self.work_done;
        control.report(&Update {
            epochs: self.options.epochs,
            metric: self.best.as_ref().and_then(|best| best.figure),
            seconds_left: Some(left),
            ..update
        })
    }

    fn finish(self, report: &RunReport) -> Result<Model> {
        let metadata = self.metadata();
        let best = self.best.ok_or_else(|| Error::internal("no epoch was run"))?;
        let record = RunRecord {
            context: self.context,
            report,
            options: self.options,
            pos_weight: self.pos_weight,
            training: self.training.describe(),
            validation: self.validation.map(ImageStore::describe),
            epochs: &self.epochs,
            best_epoch: best.epoch,
        };
        let model =
            Model::new(self.context, best.network, metadata)?.with_training_record(|hash| record.describe(hash));
        if let Some(directory) = &self.options.run_directory {
            model.save(&directory.join("best.safetensors"), FileFormat::Safetensors)?;
            write_record(&directory.join("run.json"), &model)?;
        }
        Ok(model)
    }
}

fn write_record(path: &Path, model: &Model) -> Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, &model.describe()["training"])?;
        file.write_all(b"\n")
    })
}
