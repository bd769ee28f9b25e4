//! sample_results.png: twelve images beside their heatmaps.

use super::thumbnails::{FIT, Thumbnail, Thumbnails};
use crate::evaluate::classified_sample::ClassifiedSample;
use crate::plot::{Canvas, Chart, DETAIL, Drawn, FAINT, HEADING, INK, TEXT, VERMILION, font, pixels};
use lens_base::Result;
use plotters::prelude::*;

/// Pairs in a row.
const COLUMNS: usize = 3;
const MARGIN: i32 = 24;
const GAP: i32 = 8;
const CAPTION: i32 = 56;
const HEAD: i32 = 60;
const PAIR: i32 = 2 * FIT as i32 + GAP;
const ROW: i32 = FIT as i32 + CAPTION + MARGIN;
/// Letters of a sample's name that fit above it.
const NAME: usize = 40;

/// Draws the samples with their thumbnails, in order.
pub fn sheet(shown: &[(&ClassifiedSample, &Thumbnails)]) -> Result<Chart> {
    let rows = shown.len().div_ceil(COLUMNS).max(1) as i32;
    let width = MARGIN + COLUMNS as i32 * (PAIR + MARGIN);
    Chart::new(width as u32, (HEAD + rows * ROW) as u32, |canvas| {
        let title = format!("{} samples, each beside its heatmap (white 0 to dark red 1)", shown.len());
        canvas.draw(&Text::new(title, (pixels(MARGIN), pixels(18)), font(HEADING)))?;
        for (index, (classified, thumbnails)) in shown.iter().enumerate() {
            let x = MARGIN + (index % COLUMNS) as i32 * (PAIR + MARGIN);
            let y = HEAD + (index / COLUMNS) as i32 * ROW;
            draw_caption(canvas, classified, x, y)?;
            draw_thumbnail(canvas, &thumbnails.image, x, y + CAPTION)?;
            draw_thumbnail(canvas, &thumbnails.absolute, x + FIT as i32 + GAP, y + CAPTION)?;
        }
        Ok(())
    })
}

fn draw_caption(canvas: &Canvas, classified: &ClassifiedSample, x: i32, y: i32) -> Drawn {
    let class = |positive| if positive { "positive" } else { "negative" };
    let right = classified.sample.positive == classified.prediction.positive;
    let call = format!(
        "true {}, called {} ({:.3})",
        class(classified.sample.positive),
        class(classified.prediction.positive),
        classified.confidence
    );
    let letters: Vec<char> = classified.sample.id.chars().collect();
    let name: String = match letters.len() {
        0..=NAME => letters.into_iter().collect(),
        count => std::iter::once('…').chain(letters[count - NAME + 1..].iter().copied()).collect(),
    };
    canvas.draw(&Text::new(name, (pixels(x), pixels(y)), font(TEXT).color(&FAINT)))?;
    let ink = if right { &INK } else { &VERMILION };
    canvas.draw(&Text::new(call, (pixels(x), pixels(y + 24)), font(TEXT).color(ink)))
}

/// Centred in its square, enlarged to the canvas.
fn draw_thumbnail(canvas: &Canvas, thumbnail: &Thumbnail, x: i32, y: i32) -> Drawn {
    let (width, height) = (thumbnail.width as usize, thumbnail.height as usize);
    let detail = DETAIL as usize;
    let mut enlarged = Vec::with_capacity(thumbnail.pixels.len() * detail * detail);
    for row in 0..height * detail {
        for column in 0..width * detail {
            let index = (row / detail * width + column / detail) * 3;
            enlarged.extend_from_slice(&thumbnail.pixels[index..index + 3]);
        }
    }
    let corner = (x + (FIT - width) as i32 / 2, y + (FIT - height) as i32 / 2);
    let size = (thumbnail.width * DETAIL, thumbnail.height * DETAIL);
    let element = BitMapElement::with_owned_buffer((pixels(corner.0), pixels(corner.1)), size, enlarged);
    // Only a buffer of another length is refused.
    element.map_or(Ok(()), |element| canvas.draw(&element))
}
