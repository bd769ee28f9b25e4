//! Percentile intervals over resampled data sets (Efron 1979).

use super::{Interval, Method};
use crate::evaluate::metrics::Metrics;
use crate::evaluate::ranking::Ranking;
use lens_base::{Control, Options, Result, generator};
use std::thread::available_parallelism;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Options)]
pub struct Bootstrap {
    /// Resampled data sets for the confidence intervals that have no formula.
    // More are a quarter of a gigabyte of figures.
    #[option(
        name = "bootstrap_samples",
        default = 2000,
        minimum = FEWEST,
        maximum = 1_000_000,
        unset = "no such intervals",
        flag = "--bootstrap N"
    )]
    pub samples: u32,
    /// Seed of the resampling.
    // Resample number i depends on this and i alone, so the number of threads does not show.
    #[option(unset = "the context's seed", flag = "--seed N")]
    pub seed: u64,
}

/// Draws after which cancelling is checked: some tenths of a second.
const DRAWS_BETWEEN_CHECKS: usize = 1 << 24;

/// Fewest resamples whose 2.5 % percentile is between two of them.
const FEWEST: usize = 100;

impl Bootstrap {
    /// For each named figure, in the order of [`Metrics::named`], its interval or why there is none. Samples are drawn
    /// regardless of class, as the data set itself was: the share of positives varies with them.
    pub fn intervals(
        &self,
        ranking: &Ranking,
        threshold: f32,
        names: &[&'static str],
        control: &Control,
    ) -> Result<Vec<std::result::Result<Interval, String>>> {
        let mut figures: Vec<Vec<Option<f64>>> = vec![Vec::new(); self.samples as usize];
        let threads = available_parallelism().map_or(1, usize::from);
        let round = (DRAWS_BETWEEN_CHECKS / ranking.samples().max(1)).max(threads);
        for (first, figures) in (0..).step_by(round).zip(figures.chunks_mut(round)) {
            control.check()?;
            let share = figures.len().div_ceil(threads);
            std::thread::scope(|scope| {
                for (first, figures) in (first..).step_by(share).zip(figures.chunks_mut(share)) {
                    scope.spawn(move || {
                        let mut groups = ranking.groups.clone();
                        for (number, figures) in (first as u64..).zip(figures.iter_mut()) {
                            ranking.resample(&mut groups, &mut generator(self.seed, number));
                            let metrics = Metrics::of_groups(&groups, threshold).named();
                            let named = metrics.iter().filter(|metric| names.contains(&metric.name));
                            *figures = named.map(|metric| metric.value).collect();
                        }
                    });
                }
            });
        }
        Ok((0..names.len())
            .map(|index| interval(figures.iter().filter_map(|figures| figures[index]).collect(), figures.len()))
            .collect())
    }
}

fn interval(mut values: Vec<f64>, count: usize) -> std::result::Result<Interval, String> {
    if count == 0 {
        return Err("bootstrap_samples is 0".into());
    }
    if values.len() < FEWEST {
        return Err(format!("only {} of {count} resamples have the figure; {FEWEST} are needed", values.len()));
    }
    values.sort_by(f64::total_cmp);
    let (low, high) = (quantile(&values, 0.025), quantile(&values, 0.975));
    if low == high {
        return Err("resampling does not vary the figure".into());
    }
    let left_out = count - values.len();
    Ok(Interval { low, high, method: Method::Bootstrap { resamples: values.len(), left_out } })
}

/// Of sorted values, straight between neighbours, as NumPy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}
