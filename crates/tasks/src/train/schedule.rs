//! The learning rate over a run.

use lens_base::options::{Choice, Options};
use serde::{Deserialize, Serialize};

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Choice)]
#[serde(rename_all = "lowercase")]
#[choice(name = "schedule")]
pub enum ScheduleKind {
    /// Constant.
    #[default]
    Constant,
    /// Down along half a cosine, to final_learning_rate at the last step (Loshchilov and Hutter 2017).
    Cosine,
    /// Times plateau_factor whenever the validation loss (without a validation set, the training loss) has not fallen for
    /// more than plateau_patience epochs; not below final_learning_rate.
    Plateau,
}

/// A schedule's settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Options)]
pub struct ScheduleOptions {
    /// How the learning rate goes on after the warm-up.
    #[option(name = "schedule", flag = "--schedule")]
    pub kind: ScheduleKind,
    /// Epochs, not necessarily whole, in which the learning rate rises linearly from 0; at most epochs.
    #[option(minimum = 0, maximum = 100_000, flag = "--warmup EPOCHS")]
    pub warmup_epochs: f64,
    /// Learning rate at which a cosine ends and below which a plateau does not go; at most learning_rate.
    #[option(minimum = 0, maximum = 1, flag = "--final-lr X")]
    pub final_learning_rate: f64,
    /// What a plateau multiplies the learning rate by.
    #[option(default = 0.1, above = 0, below = 1, flag = "--plateau-factor X")]
    pub plateau_factor: f64,
    /// Epochs without a lower loss that a plateau waits.
    #[option(default = 5, maximum = 100_000, flag = "--plateau-patience EPOCHS")]
    pub plateau_patience: u32,
}

/// A loss must be lower than the lowest so far by this share to count as lower: PyTorch's ReduceLROnPlateau.
const PLATEAU_THRESHOLD: f64 = 1e-4;

/// State of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleState {
    factor: f64,
    lowest_loss: Option<f64>,
    epochs_since: u32,
}

impl Default for ScheduleState {
    fn default() -> Self {
        ScheduleState { factor: 1.0, lowest_loss: None, epochs_since: 0 }
    }
}

impl ScheduleState {
    /// The learning rate of step `step` (from 0) of `steps` in all, `steps_per_epoch` of them an epoch.
    pub fn learning_rate(
        &self,
        options: &ScheduleOptions,
        base: f64,
        step: u64,
        steps: u64,
        steps_per_epoch: u64,
    ) -> f64 {
        let warmup = options.warmup_epochs * steps_per_epoch as f64;
        let done = (step + 1) as f64;
        if done < warmup {
            return base * done / warmup;
        }
        match options.kind {
            ScheduleKind::Constant => base,
            ScheduleKind::Plateau => (base * self.factor).max(options.final_learning_rate.min(base)),
            ScheduleKind::Cosine => {
                let share = (done - warmup) / (steps as f64 - warmup).max(1.0);
                let height = (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos()) / 2.0;
                options.final_learning_rate + (base - options.final_learning_rate) * height
            }
        }
    }

    /// Takes note of an epoch's loss.
    pub fn epoch_done(&mut self, options: &ScheduleOptions, loss: f64) {
        if options.kind != ScheduleKind::Plateau {
            return;
        }
        if self.lowest_loss.is_none_or(|lowest| loss < lowest * (1.0 - PLATEAU_THRESHOLD)) {
            self.lowest_loss = Some(loss);
            self.epochs_since = 0;
            return;
        }
        self.epochs_since += 1;
        if self.epochs_since > options.plateau_patience {
            self.factor *= options.plateau_factor;
            self.epochs_since = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(options: ScheduleOptions) -> Vec<f64> {
        (0..20).map(|step| ScheduleState::default().learning_rate(&options, 0.1, step, 20, 5)).collect()
    }

    #[test]
    fn warm_up() {
        let options = ScheduleOptions { warmup_epochs: 1.0, ..ScheduleOptions::default() };
        let rates = rates(options);
        for (step, expected) in [(0, 0.02), (1, 0.04), (3, 0.08), (4, 0.1), (19, 0.1)] {
            assert!((rates[step] - expected).abs() < 1e-12, "{step}: {}", rates[step]);
        }
    }

    #[test]
    fn cosine_schedule() {
        let kind = ScheduleKind::Cosine;
        let plain = rates(ScheduleOptions { kind, final_learning_rate: 0.01, ..ScheduleOptions::default() });
        assert!((plain[19] - 0.01).abs() < 1e-12);
        assert!((plain[9] - 0.055).abs() < 1e-12);
        assert!(plain.windows(2).all(|pair| pair[1] < pair[0]));
        let warmed = rates(ScheduleOptions { kind, warmup_epochs: 2.0, ..ScheduleOptions::default() });
        assert!((warmed[9] - 0.1).abs() < 1e-12 && warmed[10] < 0.1 && warmed[19].abs() < 1e-12, "{warmed:?}");
    }

    #[test]
    fn plateau_schedule() {
        let options = ScheduleOptions {
            kind: ScheduleKind::Plateau,
            plateau_patience: 1,
            plateau_factor: 0.5,
            final_learning_rate: 0.03,
            ..ScheduleOptions::default()
        };
        let mut state = ScheduleState::default();
        let mut seen = Vec::new();
        // The second loss is lower by less than the threshold, so it does not count.
        for loss in [1.0, 0.99999, 1.0, 0.5, 0.5, 0.6, 0.7, 0.8] {
            state.epoch_done(&options, loss);
            seen.push(state.learning_rate(&options, 0.1, 0, 1, 1));
        }
        assert_eq!(seen, [0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03]);
    }
}
