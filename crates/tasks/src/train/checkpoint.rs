//! Checkpoints: a run's state as a file, to resume from after an interruption.

use super::batch_trainer::BatchTrainer;
use super::record::{EpochRecord, Shortage};
use super::schedule::ScheduleState;
use lens_base::{
    Error, ErrorKind, MOST_WHOLE_BYTES, Result, TEMPORARY_PREFIX, TEMPORARY_SUFFIX, open_regular, read_open,
    write_atomically, zeros,
};
use lens_engine::{ScalerState, Slot};
use lens_model::{TrainingParameters, float_bytes};
use lens_system::Pages;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of `Saved` that is written and read.
const VERSION: u32 = 1;
/// The key of the file's metadata that holds it.
const KEY: &str = "lesionlens.checkpoint";
/// Its name in the run directory.
pub const CHECKPOINT_NAME: &str = "last.checkpoint";

/// How far a run is. Random numbers need nothing here: each use has a stream of its own, found by seed, epoch and position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// The epoch that is going on, or is next, from 1.
    pub epoch: u32,
    /// Batches of it that are done.
    pub batches: usize,
    /// Images of it that are done.
    pub images: usize,
    /// Images whose loss is in `loss_sum`.
    pub loss_images: usize,
    /// Sum of their losses.
    pub loss_sum: f64,
    /// Steps of the epoch that were left out.
    pub skipped_steps: u64,
    /// Seconds of training in the epoch.
    pub train_seconds: f64,
    /// Seconds of these that were spent waiting for images.
    pub waited_seconds: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Finished epochs.
    pub epochs: Vec<EpochRecord>,
    /// The epoch of the best model so far,
    pub best_epoch: Option<u32>,
    /// and the figure it was chosen by.
    pub best_figure: Option<f64>,
    /// The schedule's memory.
    pub schedule: ScheduleState,
    /// Where memory ran out.
    pub shortages: Vec<Shortage>,
    /// How often the run went on after an interruption.
    pub resumed: u32,
    /// Seconds before that.
    pub seconds_before: f64,
    /// Whether the run came to its end.
    pub finished: bool,
}

impl Default for RunState {
    /// Before the first epoch.
    fn default() -> Self {
        RunState {
            epoch: 1,
            batches: 0,
            images: 0,
            loss_images: 0,
            loss_sum: 0.0,
            skipped_steps: 0,
            train_seconds: 0.0,
            waited_seconds: 0.0,
            learning_rate: 0.0,
            epochs: Vec::new(),
            best_epoch: None,
            best_figure: None,
            schedule: ScheduleState::default(),
            shortages: Vec::new(),
            resumed: 0,
            seconds_before: 0.0,
            finished: false,
        }
    }
}

impl RunState {
    /// Goes to the beginning of the next epoch.
    pub fn next_epoch(&mut self) {
        self.epoch += 1;
        self.batches = 0;
        self.images = 0;
        self.loss_images = 0;
        self.loss_sum = 0.0;
        self.skipped_steps = 0;
        self.train_seconds = 0.0;
        self.waited_seconds = 0.0;
    }
}

/// Everything but the numbers of the network.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    setup: Value,
    state: RunState,
    optimizer_steps: i32,
    average_steps: Option<u64>,
    scaler: Option<ScalerState>,
    micro_batch: usize,
}

/// A directory that belongs to one run at a time.
pub struct RunDirectory {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl RunDirectory {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory when missing, and takes it.
    pub fn take(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| Error::io("make directory", path, &error))?;
        let lock = File::open(path).map_err(|error| Error::io("open directory", path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::Io,
                    format!("run_directory {} is in use by another training run; name another", path.display()),
                ));
            }
            // On a file system without locks two runs at once cannot be prevented.
            Err(std::fs::TryLockError::Error(_)) => {}
        }
        let directory = RunDirectory { path: path.to_path_buf(), _lock: lock };
        directory.remove_leftovers();
        Ok(directory)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Files that a killed run was writing.
    fn remove_leftovers(&self) {
        for entry in std::fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
                // One that cannot be removed does no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Writes the checkpoint. `setup` describes options and data, which must be the same to go on.
    pub fn save(
        &self,
        setup: &Value,
        state: &RunState,
        trainer: &BatchTrainer,
        best: Option<&TrainingParameters>,
    ) -> Result<()> {
        let saved = Saved {
            version: VERSION,
            setup: setup.clone(),
            state: state.clone(),
            optimizer_steps: trainer.steps(),
            average_steps: trainer.average_steps(),
            scaler: trainer.learner().scaler()?,
            micro_batch: trainer.micro_batch,
        };
        let mut buffers = Vec::new();
        for slot in trainer.slots() {
            let mut values = zeros(slot.length(), "a checkpoint")?;
            trainer.learner().read(slot, &mut values)?;
            buffers.push((name_of(slot), values));
        }
        let mut tensors: Vec<_> = buffers.iter().map(|(name, values)| (*name, float_bytes(values))).collect();
        if let Some(best) = best {
            tensors.push(("best.values", float_bytes(&best.values)));
            tensors.push(("best.statistics", float_bytes(&best.statistics)));
        }
        let internal = |error: String| Error::internal(format!("cannot serialize the checkpoint: {error}"));
        let views = tensors
            .iter()
            .map(|(name, bytes)| {
                let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes);
                Ok((*name, view.map_err(|error| internal(error.to_string()))?))
            })
            .collect::<Result<Vec<_>>>()?;
        let text = serde_json::to_string(&saved).map_err(|error| internal(error.to_string()))?;
        let bytes = safetensors::serialize(views, Some(HashMap::from([(KEY.to_string(), text)])))
            .map_err(|error| internal(error.to_string()))?;
        write_atomically(&self.file(CHECKPOINT_NAME), |file| file.write_all(&bytes))
    }

    /// The checkpoint, when there is one.
    pub fn load(&self) -> Result<Option<Checkpoint>> {
        let path = self.file(CHECKPOINT_NAME);
        let file = match open_regular(&path, MOST_WHOLE_BYTES) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read checkpoint", &path, &error)),
        };
        let bytes = read_open(&file, &path, "read checkpoint")?;
        let broken = |reason: String| broken(&path, &reason);
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(KEY))
            .ok_or_else(|| broken("it has no record of a run".into()))?;
        let version = serde_json::from_str::<Value>(text).ok().and_then(|value| value["version"].as_u64());
        if version != Some(u64::from(VERSION)) {
            return Err(broken(format!(
                "its version is {}, this library goes on from version {VERSION}",
                version.map_or_else(|| "unknown".into(), |version| version.to_string())
            )));
        }
        let saved = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        Ok(Some(Checkpoint { path, bytes, saved }))
    }
}

/// A checkpoint that was read.
pub struct Checkpoint {
    path: PathBuf,
    bytes: Pages,
    saved: Saved,
}

impl Checkpoint {
    /// How far the run was.
    pub fn state(&self) -> &RunState {
        &self.saved.state
    }

    /// Refuses to go on with other options or data, and names what differs.
    pub fn check_setup(&self, setup: &Value) -> Result<()> {
        match difference("", &self.saved.setup, setup) {
            None => Ok(()),
            Some(difference) => Err(Error::argument(format!(
                "cannot resume from {}: {difference}; resume with the same options and data, or start anew in another \
                 run_directory",
                self.path.display()
            ))),
        }
    }

    /// Puts a fresh trainer where the run was, and returns the state and the best network so far.
    pub fn restore(self, trainer: &mut BatchTrainer) -> Result<(RunState, Option<TrainingParameters>)> {
        let broken = |reason: String| broken(&self.path, &reason);
        let file = SafeTensors::deserialize(&self.bytes).map_err(|error| broken(error.to_string()))?;
        let read = |name: &str, values: &mut [f32]| -> Result<()> {
            let view = file.tensor(name).map_err(|error| broken(format!("{name}: {error}")))?;
            if view.dtype() != Dtype::F32 || view.shape() != [values.len()] {
                return Err(broken(format!("{name} has {:?} values, not {}", view.shape(), values.len())));
            }
            let numbers = view.data().as_chunks::<4>().0;
            values.iter_mut().zip(numbers).for_each(|(value, bytes)| *value = f32::from_le_bytes(*bytes));
            Ok(())
        };
        // Everything is read before anything changes.
        let mut buffers = Vec::new();
        for slot in trainer.slots() {
            let mut buffer = zeros(slot.length(), "a checkpoint")?;
            read(name_of(slot), &mut buffer)?;
            buffers.push((slot, buffer));
        }
        let mut best = None;
        if self.saved.state.best_epoch.is_some() {
            let best = best.insert(TrainingParameters::zeroed()?);
            read("best.values", &mut best.values)?;
            read("best.statistics", &mut best.statistics)?;
        }
        let average_steps = match (trainer.average_steps(), self.saved.average_steps) {
            (Some(_), None) => return Err(broken("it has no average".into())),
            (_, steps) => steps.unwrap_or(0),
        };
        if trainer.learner().scaler()?.is_some() {
            let scaler = self.saved.scaler.ok_or_else(|| broken("it has no loss scale".into()))?;
            trainer.learner_mut().set_scaler(scaler)?;
        }
        for (slot, buffer) in buffers {
            trainer.learner_mut().write(slot, &buffer)?;
        }
        trainer.restore_steps(self.saved.optimizer_steps, average_steps);
        trainer.micro_batch = self.saved.micro_batch;
        Ok((self.saved.state, best))
    }
}

/// What a checkpoint calls a buffer of the learner.
fn name_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Values => "network.values",
        Slot::Statistics => "network.statistics",
        Slot::AverageValues => "average.values",
        Slot::AverageStatistics => "average.statistics",
        Slot::FirstMoment => "optimizer.first_moment",
        Slot::SecondMoment => "optimizer.second_moment",
    }
}

/// The error for a file that cannot be resumed from.
fn broken(path: &Path, reason: &str) -> Error {
    Error::format(format!("{} is not a usable checkpoint: {reason}", path.display()))
}

/// The first difference of two JSON documents: "learning_rate was 0.001 and is 0.01".
fn difference(name: &str, was: &Value, is: &Value) -> Option<String> {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let keys = was.keys().chain(is.keys().filter(|key| !was.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                difference(key, was.get(key).unwrap_or(&Value::Null), is.get(key).unwrap_or(&Value::Null))
            })
        }
        (was, is) if was == is => None,
        (was, is) => Some(format!("{name} was {was} and is {is}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differing_option() {
        let was = json!({ "options": { "seed": 1, "schedule": { "kind": "cosine" } } });
        assert_eq!(difference("", &was, &was.clone()), None);
        let is = json!({ "options": { "seed": 1, "schedule": { "kind": "constant" } } });
        assert_eq!(difference("", &was, &is).unwrap(), "kind was \"cosine\" and is \"constant\"");
        let more = json!({ "options": { "seed": 1, "schedule": { "kind": "cosine" }, "new": true } });
        assert_eq!(difference("", &was, &more).unwrap(), "new was null and is true");
    }

    #[test]
    fn run_directory_lock_and_leftovers() {
        let directory = tempfile::tempdir().unwrap();
        let left = directory.path().join(".lesionlens-x1.tmp");
        std::fs::write(&left, "half a checkpoint").unwrap();
        std::fs::write(directory.path().join("note.tmp"), "a user's").unwrap();
        let taken = RunDirectory::take(directory.path()).unwrap();
        assert!(!left.exists());
        assert!(directory.path().join("note.tmp").exists());
        let error = RunDirectory::take(directory.path()).err().unwrap();
        assert!(error.message().contains("in use"), "{error}");
        drop(taken);
        assert!(RunDirectory::take(directory.path()).unwrap().load().unwrap().is_none());
    }

    #[test]
    fn invalid_checkpoints() {
        let directory = tempfile::tempdir().unwrap();
        let taken = RunDirectory::take(directory.path()).unwrap();
        for content in [&b""[..], b"nonsense", &safetensors::serialize(Vec::<(&str, TensorView)>::new(), None).unwrap()]
        {
            std::fs::write(taken.file(CHECKPOINT_NAME), content).unwrap();
            let error = taken.load().err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Format);
            assert!(error.message().contains(CHECKPOINT_NAME), "{error}");
        }
    }
}
