//! The chart of a training run: loss, figures of merit and learning rate over the epochs.

use super::options::SelectBy;
use super::record::EpochRecord;
use crate::plot::{
    Axis, BLUE, Canvas, Chart, DETAIL, Drawn, FAINT, GREEN, HEADING, INK, LINE, PURPLE, TEXT, TEXT_DROP, VERMILION,
    draw_axes, font, pixels,
};
use lens_base::Result;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;

/// Size of the chart in pixels.
const SIZE: (u32, u32) = (1200, 900);
/// Up to this many epochs every value has a marker.
const MARKED_EPOCHS: usize = 60;

type PlotArea<'a> = DrawingArea<BitMapBackend<'a>, Cartesian2d<Axis, Axis>>;

#[derive(Clone, Copy)]
enum Marker {
    Circle,
    Triangle,
}

/// One line.
struct Series<'a> {
    name: &'a str,
    colour: RGBColor,
    marker: Marker,
    values: Vec<(u32, Option<f64>)>,
}

impl<'a> Series<'a> {
    fn new(
        name: &'a str,
        colour: RGBColor,
        marker: Marker,
        epochs: &[EpochRecord],
        value: impl Fn(&EpochRecord) -> Option<f64>,
    ) -> Self {
        let values = epochs.iter().map(|record| (record.epoch, value(record).filter(|value| value.is_finite())));
        Series { name, colour, marker, values: values.collect() }
    }

    fn finite(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().filter_map(|(_, value)| *value)
    }
}

/// Lines that share their axes.
struct Panel<'a> {
    title: &'a str,
    series: Vec<Series<'a>>,
    vertical: Axis,
}

/// Draws a run's epochs, `best_epoch` marked. The same run gives the same bytes.
pub fn draw(epochs: &[EpochRecord], best_epoch: u32, select_by: SelectBy) -> Result<Chart> {
    Chart::new(SIZE.0, SIZE.1, |canvas| draw_panels(canvas, epochs, best_epoch, select_by))
}

fn draw_panels(canvas: &Canvas, epochs: &[EpochRecord], best_epoch: u32, select_by: SelectBy) -> Drawn {
    let best = epochs.iter().find(|record| record.epoch == best_epoch);
    let loss = vec![
        Series::new("training", BLUE, Marker::Circle, epochs, |record| Some(record.loss)),
        Series::new("validation", VERMILION, Marker::Triangle, epochs, |record| record.validation_loss),
    ];
    let merit = vec![
        Series::new("accuracy", GREEN, Marker::Circle, epochs, |record| record.accuracy),
        Series::new("AUC", PURPLE, Marker::Triangle, epochs, |record| record.auc),
    ];
    let rate = vec![Series::new("", INK, Marker::Circle, epochs, |record| Some(record.learning_rate))];
    let panels = [
        Panel { title: "Loss", vertical: Axis::of_values(loss.iter().flat_map(Series::finite), 30.0), series: loss },
        Panel { title: "Validation", vertical: Axis::of_shares(merit.iter().flat_map(Series::finite)), series: merit },
        Panel {
            title: "Learning rate",
            vertical: Axis::of_values(rate.iter().flat_map(Series::finite), 10.0),
            series: rate,
        },
    ];
    let numbers = || epochs.iter().map(|record| record.epoch);
    let horizontal = Axis::of_numbers(numbers().min().unwrap_or(1), numbers().max().unwrap_or(1));

    let (head, rest) = canvas.split_vertically(pixels(52));
    let (upper, rest) = rest.split_vertically(pixels(330));
    let (middle, rest) = rest.split_vertically(pixels(310));
    let (lower, foot) = rest.split_vertically(pixels(182));
    draw_head(&head, epochs.len(), best, select_by)?;
    for (area, panel) in [upper, middle, lower].iter().zip(&panels) {
        draw_panel(area, panel, &horizontal, best.map(|record| record.epoch))?;
    }
    foot.draw(&Text::new("epoch", (pixels(608), 0), font(TEXT)))
}

/// What the run came to, in words.
fn draw_head(area: &Canvas, epochs: usize, best: Option<&EpochRecord>, select_by: SelectBy) -> Drawn {
    let mut text = format!("{epochs} epoch{}", if epochs == 1 { "" } else { "s" });
    if let Some(best) = best {
        let judged = match select_by {
            _ if best.validation_loss.is_none() => "the last",
            SelectBy::Accuracy => "highest accuracy",
            SelectBy::Auc => "highest AUC",
            SelectBy::Loss => "lowest validation loss",
        };
        text += &format!(", kept: {} ({judged})", best.epoch);
        for (name, figure) in
            [("validation loss", best.validation_loss), ("accuracy", best.accuracy), ("AUC", best.auc)]
        {
            if let Some(figure) = figure {
                text += &format!("  {name} {figure:.3}");
            }
        }
    }
    area.draw(&Text::new(text, (pixels(24), pixels(18)), font(HEADING)))
}

fn draw_panel(area: &Canvas, panel: &Panel, horizontal: &Axis, best: Option<u32>) -> Drawn {
    let (head, plot) = area.split_vertically(pixels(32));
    head.draw(&Text::new(panel.title, (pixels(24), pixels(8)), font(HEADING)))?;
    draw_legend(&head, &panel.series)?;

    let vertical = &panel.vertical;
    let chart = draw_axes(&plot, 0, [horizontal.clone(), vertical.clone()], ["", ""])?;
    let within = chart.plotting_area();
    if let Some(epoch) = best {
        let line = [vertical.range().start, vertical.range().end].map(|value| (f64::from(epoch), value));
        within.draw(&PathElement::new(line, FAINT.stroke_width(2 * DETAIL)))?;
    }
    if panel.series.iter().all(|series| series.finite().next().is_none()) {
        let (width, height) = plot.dim_in_pixel();
        let corner = (width as i32 / 2, height as i32 / 2 - pixels(20));
        return plot.draw(&Text::new("no figures", corner, font(HEADING).color(&FAINT)));
    }
    panel.series.iter().try_for_each(|series| draw_series(within, series, vertical, best))
}

fn draw_series(within: &PlotArea, series: &Series, vertical: &Axis, best: Option<u32>) -> Drawn {
    let placed = |(epoch, value): &(u32, Option<f64>)| {
        value.filter(|value| vertical.shows(*value)).map(|value| (f64::from(*epoch), value))
    };
    let points: Vec<Option<(f64, f64)>> = series.values.iter().map(placed).collect();
    // Piece by piece: joined, thick lines grow spikes where they turn sharply.
    for pair in points.windows(2) {
        if let [Some(from), Some(to)] = pair {
            within.draw(&PathElement::new([*from, *to], series.colour.stroke_width(LINE)))?;
        }
    }
    for (index, point) in points.iter().enumerate() {
        let Some(point) = point else { continue };
        let neighbours = [index.checked_sub(1), Some(index + 1)];
        let alone = !neighbours.into_iter().flatten().any(|index| points.get(index).is_some_and(Option::is_some));
        if alone || points.len() <= MARKED_EPOCHS {
            within.draw(&marker(*point, series))?;
        }
        if best == Some(series.values[index].0) {
            within.draw(&Circle::new(*point, pixels(9), INK.stroke_width(2 * DETAIL)))?;
        }
    }
    Ok(())
}

/// Names of a panel's lines, at its right end.
fn draw_legend(area: &Canvas, series: &[Series]) -> Drawn {
    let middle = pixels(18);
    let mut right = area.dim_in_pixel().0 as i32 - pixels(24);
    for series in series.iter().rev().filter(|series| !series.name.is_empty() && series.finite().next().is_some()) {
        let style = font(TEXT);
        let (width, height) = area.estimate_text_size(series.name, &style)?;
        right -= width as i32;
        area.draw(&Text::new(series.name, (right, middle - height as i32 / 2 + TEXT_DROP), style))?;
        let sample = (right - pixels(48), right - pixels(10));
        let line = [(sample.0, middle), (sample.1, middle)];
        area.draw(&PathElement::new(line, series.colour.stroke_width(LINE)))?;
        area.draw(&marker(((sample.0 + sample.1) / 2, middle), series))?;
        right = sample.0 - pixels(28);
    }
    Ok(())
}

fn marker<'a, C: Clone + 'static>(at: C, series: &Series) -> DynElement<'a, BitMapBackend<'a>, C> {
    let style = series.colour.filled();
    match series.marker {
        Marker::Circle => Circle::new(at, pixels(4), style).into_dyn(),
        Marker::Triangle => TriangleMarker::new(at, pixels(6), style).into_dyn(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a run that becomes better, more slowly from epoch to epoch.
    fn record(epoch: u32) -> EpochRecord {
        let share = 1.0 / f64::from(epoch);
        EpochRecord {
            epoch,
            loss: 0.1 + 0.6 * share,
            validation_loss: Some(0.4 + 0.3 * share),
            accuracy: Some(0.8 - 0.2 * share),
            auc: Some(0.9 - 0.2 * share),
            learning_rate: 1e-4,
            ..EpochRecord::default()
        }
    }

    fn run(epochs: u32) -> Vec<EpochRecord> {
        (1..=epochs).map(record).collect()
    }

    fn drawn_pixels(epochs: &[EpochRecord], best: u32) -> Vec<u8> {
        let chart = draw(epochs, best, SelectBy::Auc).unwrap();
        assert_eq!(chart.pixels.len(), (chart.width * chart.height * 3) as usize);
        chart.pixels
    }

    /// Columns and rows of the pixels of a colour.
    fn pixels_of(pixels: &[u8], colour: RGBColor) -> Vec<(usize, usize)> {
        let coloured = pixels.as_chunks::<3>().0.iter().enumerate();
        let coloured = coloured.filter(|(_, pixel)| **pixel == [colour.0, colour.1, colour.2]);
        coloured.map(|(index, _)| (index % SIZE.0 as usize, index / SIZE.0 as usize)).collect()
    }

    /// How far from the top the line of a colour is on average, among the columns from..to.
    fn height(pixels: &[u8], colour: RGBColor, columns: std::ops::Range<usize>) -> f64 {
        // Below the legend of the uppermost panel.
        let found = pixels_of(pixels, colour).into_iter().filter(|(x, y)| columns.contains(x) && *y > 80);
        let rows: Vec<f64> = found.map(|(_, y)| y as f64).collect();
        rows.iter().sum::<f64>() / rows.len() as f64
    }

    #[test]
    fn loss_lines() {
        let pixels = drawn_pixels(&run(20), 20);
        let ends = |colour| [height(&pixels, colour, 100..200), height(&pixels, colour, 1000..1100)];
        let ([training_first, training_last], [validation_first, validation_last]) = (ends(BLUE), ends(VERMILION));
        assert!(training_first + 50.0 < training_last, "{training_first} {training_last}");
        assert!(validation_first + 20.0 < validation_last, "{validation_first} {validation_last}");
        assert!(validation_last + 20.0 < training_last, "{validation_last} {training_last}");
    }

    #[test]
    fn best_epoch_mark() {
        let column = |best| {
            let mut counts = vec![0; SIZE.0 as usize];
            pixels_of(&drawn_pixels(&run(11), best), FAINT).into_iter().for_each(|(x, _)| counts[x] += 1);
            // Letters have a few gray pixels, too.
            let columns: Vec<usize> = (0..counts.len()).filter(|x| counts[*x] > 100).collect();
            let (first, last) = (*columns.first()?, *columns.last()?);
            assert!(last - first < 5, "{first} {last}");
            Some((first + last) / 2)
        };
        let [first, middle, last] = [1, 6, 11].map(|best| column(best).unwrap());
        assert!(first < 150 && last > 1100, "{first} {last}");
        assert!((first + last).abs_diff(2 * middle) <= 2, "{first} {middle} {last}");
        assert_eq!(column(12), None);
    }

    #[test]
    fn missing_figures() {
        let mut epochs = run(5);
        assert!(!pixels_of(&drawn_pixels(&epochs, 5), VERMILION).is_empty());
        for record in &mut epochs {
            (record.validation_loss, record.accuracy, record.auc) = (Some(f64::NAN), None, Some(f64::INFINITY));
        }
        let pixels = drawn_pixels(&epochs, 5);
        for colour in [VERMILION, GREEN, PURPLE] {
            assert_eq!(pixels_of(&pixels, colour), []);
        }
        assert!(!pixels_of(&pixels, BLUE).is_empty());
    }

    #[test]
    fn single_value_between_gaps() {
        let mut epochs = run(200);
        for record in &mut epochs {
            record.auc = (record.epoch == 100).then_some(0.9);
        }
        let lone =
            pixels_of(&drawn_pixels(&epochs, 0), PURPLE).into_iter().filter(|(x, _)| (500..700).contains(x)).count();
        assert!(lone > 20, "{lone}");
    }

    #[test]
    fn extreme_runs() {
        let extremes = [0.0, -1.0, 0.5, 5e-324, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for (index, one) in extremes.into_iter().enumerate() {
            for other in &extremes[index..] {
                let values = [one, *other, 0.7];
                let epochs = values.iter().zip([7, 0, u32::MAX]).map(|(value, epoch)| EpochRecord {
                    epoch,
                    loss: *value,
                    validation_loss: Some(-*value),
                    accuracy: Some(*value),
                    auc: Some(1.0 / *value),
                    learning_rate: *value,
                    ..EpochRecord::default()
                });
                drawn_pixels(&epochs.collect::<Vec<_>>(), 7);
            }
        }
        drawn_pixels(&[], 1);
        drawn_pixels(&run(3000), 3000);
    }

    #[test]
    fn same_bytes_in_every_thread() {
        let drawn = || drawn_pixels(&run(9), 4);
        let first = drawn();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(drawn)).collect();
        for thread in threads {
            assert!(thread.join().unwrap() == first);
        }
    }
}
