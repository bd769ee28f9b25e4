//! How far long work is: a bar on a terminal, a line now and then elsewhere.

use crate::{console, interrupt};
use ::console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lens_base::{Control, Phase, Update};
use std::io::Write;
use std::time::{Duration, Instant};

/// Between two drawings of the bar, and between two lines.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Columns of a bar.
const SHORTEST_BAR: usize = 10;
const LONGEST_BAR: usize = 40;

/// Columns of a terminal that does not tell.
const COLUMNS: usize = 80;

/// What is shown at one moment.
#[derive(Clone, Debug, PartialEq)]
struct View {
    activity: &'static str,
    epoch: u32,
    epochs: u32,
    done: u64,
    total: u64,
    /// Share of the activity that is done, 0 to 1.
    share: f64,
    loss: Option<f64>,
    metric: Option<f64>,
    seconds_left: Option<f64>,
}

impl View {
    fn is_complete(&self) -> bool {
        self.total > 0 && self.done >= self.total
    }

    /// Whether it goes on with what `last` showed. An activity may come twice in a row, as reading the training and then
    /// the validation images.
    fn continues(&self, last: &View) -> bool {
        (self.activity, self.epoch, self.total) == (last.activity, last.epoch, last.total) && self.done >= last.done
    }

    fn head(&self) -> String {
        match self.epoch {
            0 => self.activity.to_string(),
            epoch => format!("epoch {epoch}/{} {}", self.epochs, self.activity),
        }
    }

    fn percent(&self) -> u64 {
        (self.share * 100.0) as u64
    }

    /// What follows head and percent, in order of appearance, each with how dispensable it is.
    fn parts(&self, metric_name: Option<&str>) -> Vec<(u8, String)> {
        let mut parts = vec![(1, format!("{}/{}", self.done, self.total))];
        if let Some(loss) = self.loss.filter(|loss| loss.is_finite()) {
            parts.push((2, format!("loss {loss:.4}")));
        }
        if let (Some(name), Some(metric)) = (metric_name, self.metric.filter(|metric| metric.is_finite())) {
            parts.push((3, format!("{name} {metric:.4}")));
        }
        if let Some(seconds) = self.seconds_left.filter(|seconds| (0.0..f64::INFINITY).contains(seconds)) {
            parts.push((0, format!("{} left", duration(seconds))));
        }
        parts
    }

    fn line(&self, metric_name: Option<&str>) -> String {
        let parts: Vec<String> = self.parts(metric_name).into_iter().map(|(_, text)| text).collect();
        let (counts, others) = parts.split_first().expect("counts are always there");
        let others: String = others.iter().map(|part| format!(", {part}")).collect();
        format!("{}: {counts} ({} %){others}", self.head(), self.percent())
    }

    /// A template of a bar that fits; the least important parts are left out first, then the bar.
    fn template(&self, metric_name: Option<&str>, columns: usize) -> String {
        // A character in the last column makes some terminals wrap.
        let available = columns.saturating_sub(1);
        let (head, percent) = (self.head(), format!("  {:3} %", self.percent()));
        let mut parts = self.parts(metric_name);
        let around = "  []".len();
        let used = |parts: &[(u8, String)]| {
            head.len() + percent.len() + parts.iter().map(|(_, text)| 2 + text.len()).sum::<usize>()
        };
        for dispensable in [3, 2, 1] {
            if used(&parts) + around + SHORTEST_BAR > available {
                parts.retain(|(rank, _)| *rank != dispensable);
            }
        }
        // The time left matters more than the bar, so it only goes when even that does not make room for it.
        if used(&parts) > available {
            parts.clear();
        }
        let bar = match available.saturating_sub(used(&parts) + around) {
            room if room < SHORTEST_BAR => String::new(),
            room => format!("  [{{bar:{}}}]", room.min(LONGEST_BAR)),
        };
        let parts: String = parts.iter().map(|(_, text)| format!("  {text}")).collect();
        let text = format!("{percent}{parts}");
        if bar.is_empty() {
            format!("{head}{text}").chars().take(available).collect()
        } else {
            format!("{head}{bar}{text}")
        }
    }
}

/// "75 s" is "1 min 15 s".
pub fn duration(seconds: f64) -> String {
    let whole = (seconds + 0.5) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86400 => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {:02} h", whole / 86400, whole / 3600 % 24),
    }
}

/// Files of a job that is done in several calls; they are shown instead of a call's own items.
#[derive(Clone, Copy)]
pub struct Files {
    /// Files done before the call.
    pub before: usize,
    /// Files of the call.
    pub in_call: usize,
    /// Files in all.
    pub total: usize,
}

/// Shows progress, and stops work when Ctrl-C was pressed.
pub struct Progress {
    quiet: bool,
    terminal: bool,
    /// What an update's metric is; `None`: it is not shown.
    metric_name: Option<&'static str>,
    files: Option<Files>,
    started: Instant,
    shown: Option<Instant>,
    last: Option<View>,
    last_is_shown: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(quiet: bool) -> Self {
        Progress {
            quiet,
            terminal: console::is_terminal(),
            metric_name: None,
            files: None,
            started: Instant::now(),
            shown: None,
            last: None,
            last_is_shown: false,
            bar: None,
        }
    }

    /// With the selecting figure of the best model so far.
    pub fn with_metric(mut self, name: &'static str) -> Self {
        self.metric_name = Some(name);
        self
    }

    /// What a call of the library reports to.
    pub fn control(&mut self) -> Control<'_> {
        let callback = |update: &Update| {
            self.update(update);
            interrupt::check().is_ok()
        };
        Control::new(Some(Box::new(callback)), Some(interrupt::cancel()))
    }

    /// What a call of the library reports to that does some of a job's files.
    pub fn control_of(&mut self, files: Files) -> Control<'_> {
        self.files = Some(files);
        self.control()
    }

    /// Reports work that the program does itself.
    pub fn step(&mut self, activity: &'static str, done: usize, total: usize) {
        let share = share_of(done as u64, total as u64);
        let view = View {
            activity,
            epoch: 0,
            epochs: 0,
            done: done as u64,
            total: total as u64,
            share,
            loss: None,
            metric: None,
            seconds_left: self.estimate(share),
        };
        self.show(view);
    }

    fn update(&mut self, update: &Update) {
        let mut view = View {
            activity: activity_of(update.phase),
            epoch: update.epoch,
            epochs: update.epochs,
            done: update.done,
            total: update.total,
            share: share_of(update.done, update.total),
            loss: update.loss,
            metric: update.metric,
            seconds_left: update.seconds_left,
        };
        if let Some(files) = self.files {
            let done = files.before as f64 + view.share * files.in_call as f64;
            view.share = done / files.total as f64;
            view.done = done as u64;
            view.total = files.total as u64;
            view.seconds_left = self.estimate(view.share);
        }
        self.show(view);
    }

    fn estimate(&self, share: f64) -> Option<f64> {
        (share > 0.0).then(|| self.started.elapsed().as_secs_f64() * (1.0 - share) / share)
    }

    fn show(&mut self, view: View) {
        if self.quiet {
            return;
        }
        let continued = self.last.as_ref().filter(|last| view.continues(last));
        let ended_before = continued.is_some_and(|last| self.last_is_shown && last.is_complete());
        if continued.is_none() {
            self.end_part();
        }
        let interval = if self.terminal { BAR_INTERVAL } else { LINE_INTERVAL };
        let is_end = view.is_complete() && !ended_before;
        let due = is_end || self.shown.is_none_or(|shown| shown.elapsed() >= interval);
        if due {
            self.draw(&view);
        }
        // A later report of an end that was shown already is shown, too.
        self.last_is_shown = due || (ended_before && view.is_complete());
        self.last = Some(view);
    }

    fn draw(&mut self, view: &View) {
        self.shown = Some(Instant::now());
        if !self.terminal {
            console::message(&view.line(self.metric_name));
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            // Drawn as often as it is told to.
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(u8::MAX));
            console::set_bar(Some(bar.clone()));
            bar
        });
        let columns = Term::stderr().size_checked().map_or(COLUMNS, |(_, columns)| columns.into());
        if let Ok(style) = ProgressStyle::with_template(&view.template(self.metric_name, columns)) {
            bar.set_style(style.progress_chars("##-"));
        }
        bar.update(|state| {
            state.set_len(view.total.max(1));
            state.set_pos((view.share * view.total.max(1) as f64) as u64);
        });
        bar.force_draw();
    }

    /// Leaves the last state of what was going on.
    fn end_part(&mut self) {
        if let Some(last) = self.last.take()
            && !self.last_is_shown
        {
            self.draw(&last);
        }
        if let Some(bar) = self.bar.take() {
            bar.abandon();
            console::set_bar(None);
            let _ = writeln!(std::io::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // What was not shown of work that failed does not matter.
        self.last = None;
        self.end_part();
    }
}

fn share_of(done: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { (done as f64 / total as f64).min(1.0) }
}

fn activity_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Load => "reading images",
        Phase::Train => "training",
        Phase::Validate => "validating",
        Phase::Classify => "classifying",
        Phase::Heatmap => "drawing heatmaps",
        Phase::Evaluate => "evaluating",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View {
            activity: "training",
            epoch: 2,
            epochs: 10,
            done: 30,
            total: 120,
            share: 0.25,
            loss: Some(0.5),
            metric: Some(0.75),
            seconds_left: Some(75.0),
        }
    }

    #[test]
    fn a_bar_fits_and_loses_what_matters_least_first() {
        let template = |columns| view().template(Some("AUC"), columns);
        assert_eq!(
            template(129),
            "epoch 2/10 training  [{bar:40}]   25 %  30/120  loss 0.5000  AUC 0.7500  1 min 15 s left"
        );
        let length = |columns| {
            let text = template(columns);
            match text.split_once("{bar:") {
                Some((before, after)) => {
                    let (bar, after) = after.split_once('}').unwrap();
                    before.len() + bar.parse::<usize>().unwrap() + after.len()
                }
                None => text.len(),
            }
        };
        assert!((1..130).all(|columns| length(columns) < columns));
        let narrowest = |part: &str| (1..130).find(|columns| template(*columns).contains(part)).unwrap();
        let widths = ["AUC", "loss", "30/120", "left"].map(narrowest);
        assert!(widths.is_sorted_by(|wide, narrow| wide > narrow), "{widths:?}");
    }

    #[test]
    fn lines_name_what_is_known() {
        let line = "epoch 2/10 training: 30/120 (25 %), loss 0.5000, 1 min 15 s left";
        assert_eq!(view().line(None), line);
        let unknown = View { epoch: 0, loss: Some(f64::NAN), seconds_left: None, ..view() };
        assert_eq!(unknown.line(Some("AUC")), "training: 30/120 (25 %), AUC 0.7500");
    }

    #[test]
    fn durations() {
        let told = [0.4, 59.6, 3599.0, 3600.0, 90_000.0].map(duration);
        assert_eq!(told, ["0 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "1 d 01 h"]);
    }
}
