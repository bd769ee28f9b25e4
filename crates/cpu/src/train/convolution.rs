//! Convolutions of images whose channels lie together, a band of lines at a time: the lines that a band reads are copied
//! with zeros around them, so that what a window covers of one of its rows is one run of numbers. Then an output pixel is
//! a sum of products of such runs with packed weights, and the weights' gradient one of their products with output
//! gradients.

use super::shape::Shape;
use crate::buffer::sized;
use crate::cut::steps;
use crate::kernels::multiply::{accumulate, tiles, with_rows};
use crate::kernels::product::Panels;
use crate::kernels::vector::{Instructions, Kernel, Vector};
use lens_base::Result;
use std::ops::Range;

/// Output pixels of a band: with the weights it stays in the second-level cache.
const BAND: usize = 256;

/// A square window that moves over an image.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub side: usize,
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

/// A convolution of images of one shape.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub window: Window,
    pub input: Shape,
    pub output: Shape,
}

/// Consecutive lines of the output, counted through all images.
#[derive(Debug)]
pub struct Band {
    pub lines: Range<usize>,
    segments: Vec<Segment>,
    /// Pixels of the padded lines that it reads.
    padded: usize,
}

/// The lines of a band that belong to one image.
#[derive(Clone, Copy, Debug)]
struct Segment {
    image: usize,
    /// The first, in the image.
    line: usize,
    lines: usize,
    /// Its first pixel among the band's padded lines, and among the band's output.
    padded: usize,
    output: usize,
}

impl Geometry {
    /// With so many output channels.
    pub fn new(window: Window, input: Shape, channels: usize) -> Self {
        let side = |side: usize| (side + 2 * window.padding - window.side) / window.stride + 1;
        let output = Shape { height: side(input.height), width: side(input.width), channels, ..input };
        Geometry { window, input, output }
    }

    /// Lines of the output of all images.
    pub fn lines(&self) -> usize {
        self.output.images * self.output.height
    }

    /// Pixels of a padded line.
    fn padded_width(&self) -> usize {
        self.input.width + 2 * self.window.padding
    }

    /// Numbers that a window covers of one of its rows.
    fn run(&self) -> usize {
        self.window.side * self.input.channels
    }

    /// A range of output lines in bands.
    pub fn bands(&self, part: Range<usize>) -> impl Iterator<Item = Band> {
        let geometry = *self;
        steps(part, (BAND / self.output.width).max(1)).map(move |lines| geometry.band(lines))
    }

    fn band(&self, lines: Range<usize>) -> Band {
        let (height, mut segments) = (self.output.height, Vec::new());
        let (mut next, mut padded, mut output) = (lines.start, 0, 0);
        while next < lines.end {
            let (image, line) = (next / height, next % height);
            let count = (height - line).min(lines.end - next);
            segments.push(Segment { image, line, lines: count, padded, output });
            padded += ((count - 1) * self.window.stride + self.window.side) * self.padded_width();
            output += count * self.output.width;
            next += count;
        }
        Band { lines, segments, padded }
    }

    /// The lines that a band reads, with zeros around them; `fill` writes the pixels of the line that begins with this
    /// pixel, counted through all images.
    pub fn pad<'m>(
        &self,
        band: &Band,
        memory: &'m mut Vec<f32>,
        fill: impl Fn(usize, &mut [f32]),
    ) -> Result<&'m [f32]> {
        let (channels, padding) = (self.input.channels, self.window.padding);
        let padded = sized(memory, band.padded * channels)?;
        let mut lines = padded.chunks_exact_mut(self.padded_width() * channels);
        for segment in &band.segments {
            let first = segment.line * self.window.stride;
            for line in first..first + (segment.lines - 1) * self.window.stride + self.window.side {
                let target = lines.next().expect("a band's memory has room for its lines");
                match line.checked_sub(padding).filter(|line| *line < self.input.height) {
                    Some(line) => {
                        let (left, rest) = target.split_at_mut(padding * channels);
                        let (pixels, right) = rest.split_at_mut(self.input.width * channels);
                        left.fill(0.0);
                        fill((segment.image * self.input.height + line) * self.input.width, pixels);
                        right.fill(0.0);
                    }
                    None => target.fill(0.0),
                }
            }
        }
        Ok(&*padded)
    }

    /// The output of a band from its padded lines. `STEP` is how far apart the runs of neighbouring pixels begin; `target`
    /// begins with the band's first pixel, and its pixels lie `step` apart.
    pub fn convolve<const STEP: usize>(
        &self,
        band: &Band,
        input: &[f32],
        weights: Panels,
        (target, step): (&mut [f32], usize),
    ) {
        assert_eq!(STEP, self.window.stride * self.input.channels);
        assert_eq!((weights.rows(), weights.columns()), (self.window.side * self.run(), self.output.channels));
        assert!(input.len() >= band.padded * self.input.channels);
        let pixels = band.lines.len() * self.output.width;
        assert!(step >= weights.columns() && target.len() >= (pixels - 1) * step + weights.columns());
        weights.instructions().run(Convolution::<STEP> { geometry: self, band, input, weights, target, step });
    }

    /// Adds a band's part of the weights' gradient to `target`: `[place in the window and input channel][output channel]`.
    /// `gradient` is that of the band's pixels.
    pub fn correlate(
        &self,
        instructions: Instructions,
        band: &Band,
        input: &[f32],
        gradient: &[f32],
        target: &mut [f32],
    ) {
        assert!(input.len() >= band.padded * self.input.channels);
        assert_eq!(target.len(), self.window.side * self.run() * self.output.channels);
        assert!(self.output.channels.is_multiple_of(2 * instructions.lanes()));
        assert!(gradient.len() >= band.lines.len() * self.output.width * self.output.channels);
        instructions.run(Correlation { geometry: self, band, input, gradient, target });
    }
}

struct Convolution<'a, const STEP: usize> {
    geometry: &'a Geometry,
    band: &'a Band,
    input: &'a [f32],
    weights: Panels<'a>,
    target: &'a mut [f32],
    step: usize,
}

impl<const STEP: usize> Kernel for Convolution<'_, STEP> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Convolution { geometry, band, input, weights, target, step } = self;
        let line_step = geometry.padded_width() * geometry.input.channels;
        for column in (0..weights.columns()).step_by(2 * V::LANES) {
            let panel = weights.panel(column).as_ptr();
            for segment in &band.segments {
                for line in 0..segment.lines {
                    let start = segment.padded * geometry.input.channels + line * geometry.window.stride * line_step;
                    let (input, pixel) = (input[start..].as_ptr(), segment.output + line * geometry.output.width);
                    for (first, count) in tiles(geometry.output.width, V::ROWS) {
                        let strip = Strip {
                            input: input.wrapping_add(first * STEP),
                            line_step,
                            run: geometry.run(),
                            side: geometry.window.side,
                            panel,
                            target: target[(pixel + first) * step + column..].as_mut_ptr(),
                            step,
                        };
                        // SAFETY: the machine has the instructions by contract. A line's last window ends where its
                        // padded line does, and input, weights and target were checked to hold the band's.
                        unsafe { with_rows!(count, convolve_strip, (V, STEP), (strip)) };
                    }
                }
            }
        }
    }
}

/// Neighbouring output pixels.
#[derive(Clone, Copy)]
struct Strip {
    /// The first window's first row.
    input: *const f32,
    /// To a window's next row.
    line_step: usize,
    /// Numbers of a window's row.
    run: usize,
    /// Rows of a window.
    side: usize,
    panel: *const f32,
    target: *mut f32,
    step: usize,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::ROWS`, and the strip's pointers reach what it says for so many
/// pixels.
#[inline(always)]
unsafe fn convolve_strip<V: Vector, const STEP: usize, const ROWS: usize>(strip: Strip) {
    if ROWS > V::ROWS {
        unreachable!("a strip of {ROWS} pixels");
    }
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    let (mut input, mut panel) = (strip.input, strip.panel);
    for _ in 0..strip.side {
        // SAFETY: a window's row and its weights, by contract.
        unsafe { accumulate::<V, (), STEP, ROWS, 2>(&mut sums, input, panel, strip.run, ()) };
        input = input.wrapping_add(strip.line_step);
        panel = panel.wrapping_add(strip.run * 2 * V::LANES);
    }
    for row in 0..ROWS {
        for half in 0..2 {
            // SAFETY: the target's pixels, by contract.
            unsafe { sums[row][half].store(strip.target.add(row * strip.step + half * V::LANES)) };
        }
    }
}

struct Correlation<'a> {
    geometry: &'a Geometry,
    band: &'a Band,
    input: &'a [f32],
    gradient: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for Correlation<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (geometry, columns) = (self.geometry, self.geometry.output.channels);
        for row in 0..geometry.window.side {
            for (first, count) in tiles(geometry.run(), V::ROWS) {
                for column in (0..columns).step_by(2 * V::LANES) {
                    let target = self.target[(row * geometry.run() + first) * columns + column..].as_mut_ptr();
                    let place = Place { row, first, column };
                    // SAFETY: the instructions by contract; `correlate` checked what is read, and the target holds `count`
                    // rows from there on.
                    unsafe { with_rows!(count, correlate_tile, (V), (&self, place, target)) };
                }
            }
        }
    }
}

/// A tile of the weights' gradient.
#[derive(Clone, Copy)]
struct Place {
    /// Of the window.
    row: usize,
    /// Of a run's numbers.
    first: usize,
    /// Of the output's channels.
    column: usize,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::ROWS`, the place lies in the gradient, input and gradient hold
/// the band's, and `ROWS` rows of the weights' gradient are writable at `target`.
#[inline(always)]
unsafe fn correlate_tile<V: Vector, const ROWS: usize>(correlation: &Correlation, place: Place, target: *mut f32) {
    if ROWS > V::ROWS {
        unreachable!("a tile of {ROWS} rows");
    }
    let Correlation { geometry, band, input, gradient, .. } = correlation;
    let stride = geometry.window.stride;
    let (width, padded_width) = (geometry.output.width, geometry.padded_width());
    let (channels, columns) = (geometry.input.channels, geometry.output.channels);
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    for row in 0..ROWS {
        for half in 0..2 {
            // SAFETY: the target's rows, by contract.
            sums[row][half] = unsafe { V::load(target.add(row * columns + half * V::LANES)) };
        }
    }
    for segment in &band.segments {
        for line in 0..segment.lines {
            let input_line = segment.padded + (line * stride + place.row) * padded_width;
            let output_line = segment.output + line * width;
            let mut input = input[input_line * channels + place.first..].as_ptr();
            let mut gradient = gradient[output_line * columns + place.column..].as_ptr();
            for _ in 0..width {
                // SAFETY: a pixel's gradients and a part of its window, which the slices hold by contract.
                unsafe {
                    let (first, second) = (V::load(gradient), V::load(gradient.add(V::LANES)));
                    for row in 0..ROWS {
                        let value = V::splat(*input.add(row));
                        sums[row][0] = value.times_plus(first, sums[row][0]);
                        sums[row][1] = value.times_plus(second, sums[row][1]);
                    }
                }
                input = input.wrapping_add(stride * channels);
                gradient = gradient.wrapping_add(columns);
            }
        }
    }
    for row in 0..ROWS {
        for half in 0..2 {
            // SAFETY: the target's rows, by contract.
            unsafe { sums[row][half].store(target.add(row * columns + half * V::LANES)) };
        }
    }
}
