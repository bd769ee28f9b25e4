//! The surface that charts are drawn on: oversized, so that lines are smooth and letters evenly spaced, with one font.

use super::axis::Axis;
use lens_base::{Error, Result};
use lens_images::{PixelFormat, PixelView};
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::*;

/// It is drawn this many times as large and averaged.
pub const DETAIL: u32 = 2;
/// Width of lines on the canvas; its rounding to whole pixels shows least when it is odd.
pub const LINE: u32 = 5;

/// The font's name among those of the drawing library.
const FONT: &str = "Hack";
/// By how many pixels of the canvas text must be lowered to look centred: its box counts room for accents.
pub const TEXT_DROP: i32 = 5;

/// Sizes of letters in pixels of the picture.
pub const TEXT: u32 = 17;
/// Of headings.
pub const HEADING: u32 = 22;

/// Colours after Okabe and Ito, which stay apart for colour-blind eyes.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// As above.
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
/// As above.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// As above.
pub const PURPLE: RGBColor = RGBColor(170, 70, 130);
/// Of letters and axes.
pub const INK: RGBColor = RGBColor(40, 40, 40);
/// Of the grid.
pub const PALE: RGBColor = RGBColor(226, 226, 226);
/// Of what is there to compare with.
pub const FAINT: RGBColor = RGBColor(120, 120, 120);

/// An area to draw in.
pub type Canvas<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
/// What drawing gives.
pub type Drawn = std::result::Result<(), DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>>;

/// A finished picture: red, green, blue of all pixels, row by row.
pub struct Chart {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// 3 x width x height bytes.
    pub pixels: Vec<u8>,
}

impl Chart {
    /// A picture of this size that `draw` draws on a white canvas. The same drawing gives the same bytes.
    pub fn new(width: u32, height: u32, draw: impl FnOnce(&Canvas) -> Drawn) -> Result<Self> {
        plotters::style::register_font(FONT, FontStyle::Normal, epaint_default_fonts::HACK_REGULAR)
            .map_err(|_| Error::internal("the built-in font cannot be read"))?;
        let size = (width * DETAIL, height * DETAIL);
        let mut fine = vec![0; size.0 as usize * size.1 as usize * 3];
        let canvas = BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
        canvas
            .fill(&WHITE)
            .and_then(|()| draw(&canvas))
            .and_then(|()| canvas.present())
            .map_err(|error| Error::internal(format!("cannot draw a chart: {error}")))?;
        drop(canvas);
        Ok(Chart { width, height, pixels: averaged(&fine, width as usize) })
    }

    /// The pixels.
    pub fn view(&self) -> Result<PixelView<'_>> {
        PixelView::plain(&self.pixels, self.width, self.height, PixelFormat::Rgb8)
    }
}

/// Grid, axes and their labels.
pub fn draw_mesh(chart: &mut ChartContext<'_, BitMapBackend<'_>, Cartesian2d<Axis, Axis>>) -> Drawn {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE.stroke_width(DETAIL))
        .axis_style(INK.stroke_width(DETAIL))
        .label_style(font(TEXT))
        .y_label_offset(TEXT_DROP)
        .set_tick_mark_size(LabelAreaPosition::Bottom, pixels(8))
        .draw()
}

/// Letters of a size in pixels of the picture.
pub fn font(size: u32) -> TextStyle<'static> {
    TextStyle::from((FONT, size * DETAIL).into_font()).color(&INK)
}

/// Pixels of the picture, as pixels of the canvas.
pub fn pixels(count: i32) -> i32 {
    count * DETAIL as i32
}

/// The picture of a canvas: each pixel the mean of a square.
fn averaged(canvas: &[u8], width: usize) -> Vec<u8> {
    let detail = DETAIL as usize;
    let row = width * detail * 3;
    let mut picture = Vec::with_capacity(canvas.len() / (detail * detail));
    for rows in canvas.chunks_exact(row * detail) {
        for x in 0..width {
            for channel in 0..3 {
                let square = (0..detail * detail)
                    .map(|index| rows[index / detail * row + (x * detail + index % detail) * 3 + channel]);
                picture.push((square.map(u32::from).sum::<u32>() / (DETAIL * DETAIL)) as u8);
            }
        }
    }
    picture
}
