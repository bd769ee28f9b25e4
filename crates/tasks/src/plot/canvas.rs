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
/// By how many pixels of the canvas text must be lowered to look centred: its box includes accents.
pub const TEXT_DROP: i32 = 5;

/// Size of letters in pixels of the chart.
pub const TEXT: u32 = 17;
/// Size of the letters of headings in pixels of the chart.
pub const HEADING: u32 = 22;

/// Blue of Okabe and Ito's palette, whose colours stay apart for colour-blind eyes.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// Vermilion of the same palette.
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
/// Bluish green of the same palette.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// Reddish purple of the same palette.
pub const PURPLE: RGBColor = RGBColor(170, 70, 130);
/// Colour of letters and axes.
pub const INK: RGBColor = RGBColor(40, 40, 40);
/// Colour of the grid.
pub const PALE: RGBColor = RGBColor(226, 226, 226);
/// Colour of reference lines.
pub const FAINT: RGBColor = RGBColor(120, 120, 120);

/// An area to draw in.
pub type Canvas<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
/// Axes to draw between.
pub type Plot<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<Axis, Axis>>;
/// An error of drawing.
pub type DrawError = DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>;
/// The result of drawing.
pub type Drawn = std::result::Result<(), DrawError>;

/// A finished chart: red, green, blue of all pixels, row by row.
pub struct Chart {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// 3 x width x height bytes.
    pub pixels: Vec<u8>,
}

impl Chart {
    /// A chart of this size that `draw` draws on a white canvas. The same drawing gives the same bytes.
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

/// Axes with grid and tick labels, `top` pixels below the area's upper edge, with the names of the horizontal and the vertical
/// one, which may be empty.
pub fn draw_axes<'a, 'b>(
    area: &'a Canvas<'b>,
    top: i32,
    [horizontal, vertical]: [Axis; 2],
    [below, beside]: [&str; 2],
) -> std::result::Result<Plot<'a, 'b>, DrawError> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(pixels(top))
        .margin_right(pixels(24))
        // The name of the vertical axis is centred on the left edge of its labels.
        .margin_left(pixels(18))
        .x_label_area_size(pixels(if below.is_empty() { 34 } else { 64 }))
        .y_label_area_size(pixels(74))
        .build_cartesian_2d(horizontal, vertical)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE.stroke_width(DETAIL))
        .axis_style(INK.stroke_width(DETAIL))
        .label_style(font(TEXT))
        .y_label_offset(TEXT_DROP)
        .set_tick_mark_size(LabelAreaPosition::Bottom, pixels(8))
        .x_desc(below)
        .y_desc(beside)
        .axis_desc_style(font(TEXT))
        .draw()?;
    Ok(chart)
}

/// Letters of a size in pixels of the chart.
pub fn font(size: u32) -> TextStyle<'static> {
    TextStyle::from((FONT, size * DETAIL).into_font()).color(&INK)
}

/// Pixels of the chart, as pixels of the canvas.
pub fn pixels(count: i32) -> i32 {
    count * DETAIL as i32
}

/// The chart of a canvas: each pixel the mean of a square.
fn averaged(canvas: &[u8], width: usize) -> Vec<u8> {
    let detail = DETAIL as usize;
    let row = width * detail * 3;
    let mut chart = Vec::with_capacity(canvas.len() / (detail * detail));
    for rows in canvas.chunks_exact(row * detail) {
        for x in 0..width {
            for channel in 0..3 {
                let square = (0..detail * detail)
                    .map(|index| rows[index / detail * row + (x * detail + index % detail) * 3 + channel]);
                chart.push((square.map(u32::from).sum::<u32>() / (DETAIL * DETAIL)) as u8);
            }
        }
    }
    chart
}
