//! The scale of colours inside an overlay, with its lowest and highest value.

use super::colormap::Colormap;
use crate::plot::{Chart, INK, font, pixels};
use lens_base::Result;
use plotters::prelude::Text;

/// Shorter side of an image from which labels fit.
const LABELLED_FROM: usize = 96;
/// Width and height of a letter's box, in letter sizes of the fixed-width font.
const LETTER: (f64, f64) = (0.52, 1.3);
/// The background of letters keeps this share of its brightness.
const SHADE: f32 = 0.35;

/// A rectangle of pixels to be blended over an image's.
struct Patch {
    left: usize,
    top: usize,
    width: usize,
    /// Share and colour of each pixel.
    pixels: Vec<(f32, [u8; 3])>,
}

impl Patch {
    fn paint(&self, y: usize, row: &mut [u8]) {
        let Some(own) = y.checked_sub(self.top).and_then(|line| self.pixels.chunks_exact(self.width).nth(line)) else {
            return;
        };
        for (pixel, (share, colour)) in row[4 * self.left..].as_chunks_mut::<4>().0.iter_mut().zip(own) {
            for (under, over) in pixel.iter_mut().zip(colour) {
                *under = (share * f32::from(*over) + (1.0 - share) * f32::from(*under)).round() as u8;
            }
        }
    }
}

/// A bar of the colours at the right edge, half as high as the image.
pub struct ColorBar(Vec<Patch>);

impl ColorBar {
    /// For an image of this size, whose lowest and highest colour stand for these values.
    pub fn new((width, height): (usize, usize), colormap: Colormap, (low, high): (f32, f32)) -> Result<Self> {
        let short = width.min(height);
        let margin = (short / 48).min(width.saturating_sub(1) / 2);
        let bar_width = (short / 28).max(2).min(width - margin);
        let bar_height = (height / 2).max(1);
        let (left, top) = (width - margin - bar_width, (height - bar_height) / 2);
        let border = short / 320 + usize::from(short >= LABELLED_FROM);
        let mut patches = vec![bar(left, top, bar_width, bar_height, border, colormap)];
        if short >= LABELLED_FROM {
            let size = (short / 28).max(12);
            let gap = (size / 4).max(2);
            for (text, above) in labels(low, high).iter().zip([false, true]) {
                let mut label = label(text, size as u32)?;
                let label_height = label.pixels.len() / label.width;
                label.left = (width - margin).saturating_sub(label.width);
                label.top = if above { top.saturating_sub(gap + label_height) } else { top + bar_height + gap };
                patches.push(label);
            }
        }
        Ok(ColorBar(patches))
    }

    /// Draws its part in row `y` of an RGBA image.
    pub fn paint(&self, y: usize, row: &mut [u8]) {
        self.0.iter().for_each(|patch| patch.paint(y, row));
    }
}

fn bar(left: usize, top: usize, width: usize, height: usize, border: usize, colormap: Colormap) -> Patch {
    let colour = |index: usize| {
        let (x, y) = (index % width, index / width);
        let depth = x.min(width - 1 - x).min(y).min(height - 1 - y);
        let value = 1.0 - y as f32 / (height - 1).max(1) as f32;
        (1.0, if depth < border { [255; 3] } else { colormap.colour(value) })
    };
    Patch { left, top, width, pixels: (0..width * height).map(colour).collect() }
}

/// The values with as many decimals as tell them apart, two at least and four at most.
fn labels(low: f32, high: f32) -> [String; 2] {
    let mut texts = [low, high].map(|value| format!("{value:.2}"));
    for decimals in 3..=4 {
        if texts[0] == texts[1] {
            texts = [low, high].map(|value| format!("{value:.decimals$}"));
        }
    }
    texts
}

/// White letters on a shade.
fn label(text: &str, size: u32) -> Result<Patch> {
    let width = (text.len() as f64 * f64::from(size) * LETTER.0).ceil() as u32 + size / 2;
    let height = (f64::from(size) * LETTER.1).ceil() as u32;
    let corner = (pixels(size as i32 / 4), pixels(size as i32 / 5));
    let chart = Chart::new(width, height, |canvas| canvas.draw(&Text::new(text, corner, font(size))))?;
    let shaded = chart.pixels.as_chunks::<3>().0.iter().map(|pixel| {
        // Black on white, as charts are: how far a pixel is from white is how much of a letter it holds.
        let letter = f32::from(255 - pixel[0]) / f32::from(255 - INK.0);
        let share = 1.0 - SHADE * (1.0 - letter);
        (share, [(255.0 * letter / share).min(255.0) as u8; 3])
    });
    Ok(Patch { left: 0, top: 0, width: width as usize, pixels: shaded.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(width: usize, height: usize) -> Vec<u8> {
        let bar = ColorBar::new((width, height), Colormap::Gray, (0.125, 0.875)).unwrap();
        let mut pixels = [90, 90, 90, 255].repeat(width * height);
        pixels.chunks_exact_mut(4 * width).enumerate().for_each(|(y, row)| bar.paint(y, row));
        pixels
    }

    #[test]
    fn color_bar_size() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (31, 700), (95, 95), (96, 96), (700, 97), (512, 512)] {
            let pixels = painted(width, height);
            assert!(pixels.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255));
            assert!(pixels.as_chunks::<4>().0.iter().any(|pixel| pixel[0] != 90), "{width} x {height}");
        }
    }

    #[test]
    fn color_bar_direction() {
        let pixels = painted(512, 512);
        let column: Vec<u8> = (128..384).map(|y| pixels[(y * 512 + 512 - 10 - 9) * 4]).collect();
        assert!(column[3..253].windows(2).all(|pair| pair[0] >= pair[1]), "{column:?}");
        assert!(column[3] > 245 && column[252] < 10);
    }

    #[test]
    fn color_bar_labels_by_size() {
        // Rows above the bar, changed only by a label.
        let changed = |side: usize| {
            painted(side, side)[..side * 4 * (side / 4)]
                .as_chunks::<4>()
                .0
                .iter()
                .filter(|pixel| pixel[0] != 90)
                .count()
        };
        assert_eq!(changed(95), 0);
        assert!(changed(96) > 100);
        assert!(changed(512) > 500);
    }

    #[test]
    fn color_bar_label_digits() {
        assert_eq!(labels(0.0, 1.0), ["0.00", "1.00"]);
        assert_eq!(labels(0.501, 0.503), ["0.501", "0.503"]);
        assert_eq!(labels(0.5, 0.5), ["0.5000", "0.5000"]);
    }
}
