//! Charts of the figures: ROC curve, reliability, confusion matrix.

use crate::evaluate::confusion::ConfusionMatrix;
use crate::evaluate::probabilities::ReliabilityBin;
use crate::plot::{
    Axis, BLUE, Canvas, Chart, DETAIL, DrawError, Drawn, FAINT, HEADING, INK, LINE, PALE, Plot, TEXT, TEXT_DROP,
    VERMILION, draw_axes, font, pixels,
};
use lens_base::Result;
use plotters::prelude::*;

/// Width and height in pixels.
const SIDE: u32 = 640;
/// Height of the part with the reliability diagram; below it is how many samples there are.
const RELIABILITY_HEIGHT: i32 = 440;

/// The ROC curve through (false positive rate, true positive rate), with the point at the threshold marked.
pub fn roc(points: &[(f64, f64)], at_threshold: Option<(f64, f64)>, caption: &str) -> Result<Chart> {
    Chart::new(SIDE, SIDE, |canvas| {
        let names = ["1 - specificity (false alarms among the negatives)", "sensitivity"];
        let chart = unit_square(canvas, caption, names)?;
        let plot = chart.plotting_area();
        for pair in points.windows(2) {
            plot.draw(&PathElement::new([pair[0], pair[1]], BLUE.stroke_width(LINE)))?;
        }
        if let Some(point) = at_threshold {
            plot.draw(&Circle::new(point, pixels(7), VERMILION.filled()))?;
            // On the side with more space.
            let anchor = if point.0 < 0.55 { pixels(14) } else { -pixels(170) };
            let note = EmptyElement::at(point) + Text::new("at the threshold", (anchor, pixels(8)), font(TEXT));
            plot.draw(&note)?;
        }
        Ok(())
    })
}

/// How often samples of a probability are positive, and how many there are of each.
pub fn reliability(bins: &[ReliabilityBin], caption: &str) -> Result<Chart> {
    Chart::new(SIDE, SIDE, |canvas| {
        let (upper, lower) = canvas.split_vertically(pixels(RELIABILITY_HEIGHT));
        let chart = unit_square(&upper, caption, ["", "share that is positive"])?;
        let plot = chart.plotting_area();
        let points: Vec<(f64, f64)> =
            bins.iter().filter_map(|bin| bin.mean_probability.zip(bin.share_positive)).collect();
        for pair in points.windows(2) {
            plot.draw(&PathElement::new([pair[0], pair[1]], BLUE.stroke_width(LINE)))?;
        }
        for point in points {
            plot.draw(&Circle::new(point, pixels(6), BLUE.filled()))?;
        }
        draw_counts(&lower, bins)
    })
}

fn draw_counts(area: &Canvas, bins: &[ReliabilityBin]) -> Drawn {
    let vertical = Axis::of_values([0.0, bins.iter().map(|bin| bin.count).max().unwrap_or(0) as f64].into_iter(), 1e9);
    let axes = [Axis::of_shares([0.0].into_iter()), vertical];
    let chart = draw_axes(area, 0, axes, ["probability that the model gave", "samples"])?;
    let plot = chart.plotting_area();
    for bin in bins.iter().filter(|bin| bin.count > 0) {
        let inset = 0.1 * (bin.high - bin.low);
        let corners = [(bin.low + inset, 0.0), (bin.high - inset, bin.count as f64)];
        plot.draw(&Rectangle::new(corners, BLUE.mix(0.55).filled()))?;
    }
    Ok(())
}

/// Counts, and shares of each row.
pub fn confusion(matrix: &ConfusionMatrix, caption: &str) -> Result<Chart> {
    let counts = [[matrix.true_negative, matrix.false_positive], [matrix.false_negative, matrix.true_positive]];
    const CELL: i32 = 210;
    const LEFT: i32 = 170;
    const TOP: i32 = 120;
    Chart::new(SIDE, SIDE - 40, |canvas| {
        canvas.draw(&Text::new(caption, (pixels(24), pixels(18)), font(HEADING)))?;
        centred(canvas, "called negative", (LEFT + CELL / 2, TOP - 28), TEXT, &INK)?;
        centred(canvas, "called positive", (LEFT + CELL * 3 / 2, TOP - 28), TEXT, &INK)?;
        for (row, name) in ["negative", "positive"].iter().enumerate() {
            let middle = TOP + CELL * row as i32 + CELL / 2;
            centred(canvas, "labelled", (LEFT / 2, middle - 12), TEXT, &INK)?;
            centred(canvas, name, (LEFT / 2, middle + 12), TEXT, &INK)?;
            let of = counts[row][0] + counts[row][1];
            for (column, count) in counts[row].iter().enumerate() {
                let share = if of == 0 { 0.0 } else { *count as f64 / of as f64 };
                let colour = if row == column { BLUE } else { VERMILION };
                let (x, y) = (LEFT + CELL * column as i32, TOP + CELL * row as i32);
                let corners = [(x + 3, y + 3), (x + CELL - 3, y + CELL - 3)].map(|(x, y)| (pixels(x), pixels(y)));
                canvas.draw(&Rectangle::new(corners, PALE.mix(0.5).filled()))?;
                canvas.draw(&Rectangle::new(corners, colour.mix(share).filled()))?;
                let ink = if share > 0.55 { &WHITE } else { &INK };
                let (x, y) = (x + CELL / 2, y + CELL / 2);
                centred(canvas, &count.to_string(), (x, y - 14), 40, ink)?;
                let share = if of == 0 { "no samples".into() } else { format!("{:.1} % of {of}", 100.0 * share) };
                centred(canvas, &share, (x, y + 32), TEXT, ink)?;
            }
        }
        Ok(())
    })
}

fn centred(canvas: &Canvas, text: &str, (x, y): (i32, i32), size: u32, colour: &RGBColor) -> Drawn {
    let style = font(size).color(colour);
    let (width, height) = canvas.estimate_text_size(text, &style)?;
    let corner = (pixels(x) - width as i32 / 2, pixels(y) - height as i32 / 2 + TEXT_DROP);
    canvas.draw(&Text::new(text.to_string(), corner, style))
}

/// A chart of shares against shares, with its heading and the diagonal.
fn unit_square<'a, 'b>(
    area: &'a Canvas<'b>,
    caption: &str,
    names: [&str; 2],
) -> std::result::Result<Plot<'a, 'b>, DrawError> {
    area.draw(&Text::new(caption.to_string(), (pixels(24), pixels(18)), font(HEADING)))?;
    let shares = || Axis::of_shares([0.0].into_iter());
    let chart = draw_axes(area, 60, [shares(), shares()], names)?;
    chart.plotting_area().draw(&PathElement::new([(0.0, 0.0), (1.0, 1.0)], FAINT.stroke_width(DETAIL)))?;
    Ok(chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coloured(chart: &Chart, colour: RGBColor) -> Vec<(usize, usize)> {
        let width = chart.width as usize;
        let pixels = chart.pixels.as_chunks::<3>().0.iter().enumerate();
        pixels
            .filter(|(_, pixel)| **pixel == [colour.0, colour.1, colour.2])
            .map(|(index, _)| (index % width, index / width))
            .collect()
    }

    #[test]
    fn perfect_roc_curve() {
        let chart = roc(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], Some((0.0, 1.0)), "ROC").unwrap();
        let line = coloured(&chart, BLUE);
        let (left, top) =
            (line.iter().map(|point| point.0).min().unwrap(), line.iter().map(|point| point.1).min().unwrap());
        assert!(line.iter().all(|(x, y)| x - left < 5 || y - top < 5));
        let marked = coloured(&chart, VERMILION);
        assert!(marked.len() > 50 && marked.iter().all(|(x, y)| x.abs_diff(left) < 12 && y.abs_diff(top) < 12));
    }

    #[test]
    fn reliability_bins() {
        let bin = |low: f64, count| ReliabilityBin {
            low,
            high: low + 0.1,
            count,
            mean_probability: Some(low + 0.05),
            share_positive: Some(low),
        };
        let chart = reliability(&[bin(0.0, 1), bin(0.9, 30)], "reliability").unwrap();
        let below: Vec<_> =
            coloured(&chart, BLUE).into_iter().filter(|(_, y)| *y > RELIABILITY_HEIGHT as usize).collect();
        assert!(below.is_empty(), "bars are paler than points");
        let points = coloured(&chart, BLUE);
        assert!(points.iter().any(|(x, _)| *x < 200) && points.iter().any(|(x, _)| *x > 550));
    }

    #[test]
    fn empty_and_one_sided_figures() {
        roc(&[], None, "ROC").unwrap();
        reliability(&[], "reliability").unwrap();
        let matrix =
            ConfusionMatrix { true_negative: 0, false_positive: 0, false_negative: 3, true_positive: 1_000_000 };
        confusion(&matrix, "confusion").unwrap();
    }
}
