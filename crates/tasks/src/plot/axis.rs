//! Axes of a chart: which values they show, and where they have ticks.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// A tick: its value, and the label beside it.
#[derive(Clone)]
struct Tick {
    value: f64,
    label: String,
}

/// An axis of values.
#[derive(Clone)]
pub struct Axis {
    range: Range<f64>,
    ticks: Vec<Tick>,
    logarithmic: bool,
}

/// Larger numbers are left out: no figure of a training is as large.
const LARGEST: f64 = 1e100;

impl Axis {
    /// For values of any size: logarithmic when all are positive and the largest is more than `ratio` times the
    /// smallest, otherwise from 0 unless they are all far from it.
    pub fn of_values(values: impl Iterator<Item = f64>, ratio: f64) -> Self {
        let drawable = values.filter(|value| value.abs() < LARGEST);
        let (low, high) =
            drawable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return Axis::linear(0.0, 1.0);
        }
        if low > 1.0 / LARGEST && high / low > ratio {
            return Axis::logarithmic(low, high);
        }
        let largest = low.abs().max(high.abs());
        if largest < 1.0 / LARGEST {
            return Axis::linear(0.0, 1.0);
        }
        if high - low < 1e-6 * largest {
            // A constant: near the middle, with 0 to measure it against.
            return Axis::linear(low.min(0.0) * 2.2, high.max(0.0) * 2.2);
        }
        let padding = 0.06 * (high - low);
        if low >= 0.0 && low < 0.6 * high {
            return Axis::linear(0.0, high + padding);
        }
        Axis::linear(low - padding, high + padding)
    }

    /// For shares of 1: up to 1, from as near as leaves all values on the axis.
    pub fn of_shares(values: impl Iterator<Item = f64>) -> Self {
        let low = values.filter(|value| value.is_finite()).reduce(f64::min).unwrap_or(0.0);
        let start = [0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2].into_iter().find(|start| low > *start).unwrap_or(0.0);
        // A line at 0 or 1 is to be seen whole.
        let padding = 0.03 * (1.0 - start);
        Axis::with_steps(start - padding, 1.0 + padding, nice_step((1.0 - start) / 6.0))
    }

    /// An axis of whole numbers.
    pub fn of_numbers(first: u32, last: u32) -> Self {
        let (first, last) = (f64::from(first), f64::from(last));
        let step = nice_step((last - first) / 12.0).max(1.0);
        let padding = (0.02 * (last - first)).max(0.5);
        let mut axis = Axis::with_steps(first - padding, last + padding, step);
        axis.ticks.retain(|tick| (first..=last).contains(&tick.value));
        axis
    }

    fn linear(low: f64, high: f64) -> Self {
        Axis::with_steps(low, high, nice_step((high - low) / 5.0))
    }

    fn with_steps(low: f64, high: f64, step: f64) -> Self {
        // Ends that are ticks but for rounding are ticks.
        let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
        let largest = low.abs().max(high.abs());
        let ticks = (first..=last).map(|number| number as f64 * step);
        let ticks = ticks.map(|value| Tick { value, label: label(value, step, largest) }).collect();
        Axis { range: low..high, ticks, logarithmic: false }
    }

    fn logarithmic(low: f64, high: f64) -> Self {
        let (first, last) = (low.log10(), high.log10());
        let padding = 0.06 * (last - first);
        let range = 10f64.powf(first - padding)..10f64.powf(last + padding);
        let decades = range.start.log10().floor() as i32..=range.end.log10().ceil() as i32;
        let (multiples, every): (&[f64], i32) = match last - first {
            decades if decades < 2.0 => (&[1.0, 2.0, 5.0], 1),
            decades => (&[1.0], (decades / 6.0).ceil() as i32),
        };
        let extreme = if low < 1e-3 { low } else { high };
        let ticks = decades.filter(|decade| decade.rem_euclid(every) == 0).flat_map(|decade| {
            multiples.iter().map(move |multiple| {
                let power = 10f64.powi(decade);
                Tick { value: multiple * power, label: label(multiple * power, power, extreme) }
            })
        });
        let ticks = ticks.filter(|tick| range.contains(&tick.value)).collect();
        Axis { range, ticks, logarithmic: true }
    }

    /// Whether it reaches to a value.
    pub fn shows(&self, value: f64) -> bool {
        self.range.contains(&value)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let position = |value: f64| if self.logarithmic { value.log10() } else { value };
        let (start, end) = (position(self.range.start), position(self.range.end));
        let share = (position(*value) - start) / (end - start);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|tick| tick.value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.value == *value);
        tick.map_or_else(String::new, |tick| tick.label.clone())
    }
}

/// The next larger of 1, 2 and 5 times a power of ten.
fn nice_step(least: f64) -> f64 {
    if least <= 0.0 {
        return 0.0;
    }
    let power = 10f64.powi(least.log10().floor() as i32);
    let multiple = [1.0, 2.0, 5.0].into_iter().find(|multiple| multiple * power >= least * (1.0 - 1e-9));
    multiple.unwrap_or(10.0) * power
}

/// As many digits as ticks a step apart need; powers of ten where the axis' largest value is very small or very large.
fn label(value: f64, step: f64, largest: f64) -> String {
    let exponent = |value: f64| (value.abs().log10() + 1e-9).floor() as i32;
    if value == 0.0 {
        return "0".to_string();
    }
    if (1e-3..1e5).contains(&largest) {
        return format!("{value:.*}", (-exponent(step)).max(0) as usize);
    }
    format!("{value:.*e}", (exponent(value) - exponent(step)).max(0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| axis.format_ext(&tick.value)).collect()
    }

    #[test]
    fn tick_labels() {
        let axis = Axis::of_values([0.05, 0.7].into_iter(), 30.0);
        assert_eq!(labels(&axis), ["0", "0.2", "0.4", "0.6"]);
        let axis = Axis::of_values([0.61, 0.69].into_iter(), 30.0);
        assert_eq!(labels(&axis), ["0.62", "0.64", "0.66", "0.68"]);
        assert_eq!(labels(&Axis::of_values([2e-4, 1e-3].into_iter(), 10.0)), ["0", "0.0005", "0.0010"]);
        assert_eq!(labels(&Axis::of_values([1e-4; 3].into_iter(), 10.0)), ["0", "5e-5", "1.0e-4", "1.5e-4", "2.0e-4"]);
        assert_eq!(labels(&Axis::of_numbers(1, 20)), ["2", "4", "6", "8", "10", "12", "14", "16", "18", "20"]);
        assert_eq!(labels(&Axis::of_numbers(1, 1)), ["1"]);
        assert_eq!(labels(&Axis::of_numbers(7, 8)), ["7", "8"]);
    }

    #[test]
    fn logarithmic_axis() {
        let axis = Axis::of_values([1e-3, 1e-6].into_iter(), 10.0);
        assert_eq!(labels(&axis), ["1e-6", "1e-5", "1e-4", "1e-3"]);
        // Equal ratios are equal distances.
        let positions = [1e-6, 1e-5, 1e-4, 1e-3].map(|value| axis.map(&value, (0, 1000)));
        assert!(positions.windows(2).all(|pair| (pair[1] - pair[0] - 298).abs() <= 1), "{positions:?}");
        assert!(!axis.shows(0.0));
        assert_eq!(labels(&Axis::of_values([0.6, 40.0].into_iter(), 30.0)), ["0.5", "1", "2", "5", "10", "20", "50"]);
        // A zero is on no logarithmic axis.
        assert_eq!(labels(&Axis::of_values([0.0, 40.0].into_iter(), 30.0))[0], "0");
    }

    #[test]
    fn axis_of_shares() {
        assert_eq!(labels(&Axis::of_shares([0.62, 0.81].into_iter())), ["0.6", "0.7", "0.8", "0.9", "1.0"]);
        assert_eq!(labels(&Axis::of_shares([0.97].into_iter()))[0], "0.95");
        assert_eq!(labels(&Axis::of_shares([].into_iter()))[0], "0");
        for values in [[0.0, 0.3], [0.5, 1.0], [0.7, 0.9], [0.985, 0.99], [1.0, 1.0]] {
            let axis = Axis::of_shares(values.into_iter());
            assert!(values.iter().all(|value| axis.shows(*value)), "{values:?}");
        }
    }

    #[test]
    fn extreme_axes() {
        let extremes = [0.0, -0.0, 1.0, -1.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY];
        for first in extremes {
            for last in extremes {
                for ratio in [10.0, 30.0] {
                    let axis = Axis::of_values([first, last, f64::NEG_INFINITY].into_iter(), ratio);
                    assert!(axis.range.start < axis.range.end, "{first} {last}");
                    assert!((1..=20).contains(&axis.ticks.len()), "{first} {last}: {:?}", labels(&axis));
                }
                assert!((2..=12).contains(&Axis::of_shares([first, last].into_iter()).ticks.len()));
            }
        }
        for (first, last) in [(0, 0), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            assert!((1..=14).contains(&Axis::of_numbers(first, last).ticks.len()));
        }
    }
}
