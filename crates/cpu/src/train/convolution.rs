//! Convolutions of channels-last images, a band of lines at a time: the lines that a band reads are copied with zero
//! padding, so that each row of a window is contiguous. An output pixel is then a sum of products of such rows with
//! packed weights, and the weights' gradient a sum of their products with output gradients.

use super::shape::TensorShape;
use crate::buffer::sized;
use crate::kernels::gemm::PackedB;
use crate::kernels::micro_kernel::{accumulate, dispatch_rows, tiles};
use crate::kernels::vector::{Instructions, Kernel, Vector};
use crate::partition::chunk_ranges;
use lens_base::Result;
use std::ops::Range;

/// Output pixels of a band: with the weights they stay in the second-level cache.
const BAND_PIXELS: usize = 256;

/// The window of a convolution: filter side, stride and zero padding.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub side: usize,
    pub stride: usize,
    /// On each side.
    pub padding: usize,
}

/// A convolution of images of one shape.
#[derive(Clone, Copy, Debug)]
pub struct ConvGeometry {
    pub window: Window,
    pub input: TensorShape,
    pub output: TensorShape,
}

/// Adjacent lines of the output, counted through all images.
#[derive(Debug)]
pub struct LineBand {
    pub lines: Range<usize>,
    segments: Vec<BandSegment>,
    /// Pixels of the padded lines that it reads.
    padded: usize,
}

/// The lines of a band that belong to one image.
#[derive(Clone, Copy, Debug)]
struct BandSegment {
    image: usize,
    /// The first line in the image.
    line: usize,
    lines: usize,
    /// Index of its first pixel in the band's padded lines, and in the band's output.
    padded: usize,
    output: usize,
}

impl ConvGeometry {
    /// A convolution with `channels` output channels.
    pub fn new(window: Window, input: TensorShape, channels: usize) -> Self {
        let side = |side: usize| (side + 2 * window.padding - window.side) / window.stride + 1;
        let output = TensorShape { height: side(input.height), width: side(input.width), channels, ..input };
        ConvGeometry { window, input, output }
    }

    /// Lines of the output of all images.
    pub fn lines(&self) -> usize {
        self.output.images * self.output.height
    }

    /// Pixels of a padded line.
    fn padded_width(&self) -> usize {
        self.input.width + 2 * self.window.padding
    }

    /// Floats of a row of a window.
    fn window_row_floats(&self) -> usize {
        self.window.side * self.input.channels
    }

    /// A range of output lines in bands.
    pub fn bands(&self, part: Range<usize>) -> impl Iterator<Item = LineBand> {
        let geometry = *self;
        chunk_ranges(part, (BAND_PIXELS / self.output.width).max(1)).map(move |lines| geometry.band(lines))
    }

    fn band(&self, lines: Range<usize>) -> LineBand {
        let (height, mut segments) = (self.output.height, Vec::new());
        let (mut next, mut padded, mut output) = (lines.start, 0, 0);
        while next < lines.end {
            let (image, line) = (next / height, next % height);
            let count = (height - line).min(lines.end - next);
            segments.push(BandSegment { image, line, lines: count, padded, output });
            padded += ((count - 1) * self.window.stride + self.window.side) * self.padded_width();
            output += count * self.output.width;
            next += count;
        }
        LineBand { lines, segments, padded }
    }

    /// Copies the lines that a band reads, with zero padding; `fill` writes the pixels of the line whose first pixel,
    /// counted through all images, it is given.
    pub fn pad<'m>(
        &self,
        band: &LineBand,
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

    /// The output of a band from its padded lines. `LDA` is the distance in floats of the windows of adjacent pixels;
    /// `target` begins with the band's first pixel, and its pixels are `pixel_stride` floats apart.
    pub fn convolve<const LDA: usize>(
        &self,
        band: &LineBand,
        input: &[f32],
        weights: PackedB,
        (target, pixel_stride): (&mut [f32], usize),
    ) {
        assert_eq!(LDA, self.window.stride * self.input.channels);
        assert_eq!(
            (weights.rows(), weights.columns()),
            (self.window.side * self.window_row_floats(), self.output.channels)
        );
        assert!(input.len() >= band.padded * self.input.channels);
        let pixels = band.lines.len() * self.output.width;
        assert!(pixel_stride >= weights.columns() && target.len() >= (pixels - 1) * pixel_stride + weights.columns());
        weights.instructions().run(ConvolutionForward::<LDA> {
            geometry: self,
            band,
            input,
            weights,
            target,
            pixel_stride,
        });
    }

    /// Adds a band's part of the weights' gradient to `target`, `[tap and input channel][output channel]`. `gradient`
    /// is that of the band's pixels.
    pub fn add_weight_gradient(
        &self,
        instructions: Instructions,
        band: &LineBand,
        input: &[f32],
        gradient: &[f32],
        target: &mut [f32],
    ) {
        assert!(input.len() >= band.padded * self.input.channels);
        assert_eq!(target.len(), self.window.side * self.window_row_floats() * self.output.channels);
        assert!(self.output.channels.is_multiple_of(instructions.nr()));
        assert!(gradient.len() >= band.lines.len() * self.output.width * self.output.channels);
        instructions.run(WeightGradient { geometry: self, band, input, gradient, target });
    }
}

struct ConvolutionForward<'a, const LDA: usize> {
    geometry: &'a ConvGeometry,
    band: &'a LineBand,
    input: &'a [f32],
    weights: PackedB<'a>,
    target: &'a mut [f32],
    pixel_stride: usize,
}

impl<const LDA: usize> Kernel for ConvolutionForward<'_, LDA> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let ConvolutionForward { geometry, band, input, weights, target, pixel_stride } = self;
        let line_stride = geometry.padded_width() * geometry.input.channels;
        for column in (0..weights.columns()).step_by(V::NR) {
            let panel = weights.panel(column).as_ptr();
            for segment in &band.segments {
                for line in 0..segment.lines {
                    let start = segment.padded * geometry.input.channels + line * geometry.window.stride * line_stride;
                    let (input, pixel) = (input[start..].as_ptr(), segment.output + line * geometry.output.width);
                    for (first, count) in tiles(geometry.output.width, V::MR) {
                        let strip = PixelStrip {
                            input: input.wrapping_add(first * LDA),
                            line_stride,
                            window_row_floats: geometry.window_row_floats(),
                            side: geometry.window.side,
                            panel,
                            target: target[(pixel + first) * pixel_stride + column..].as_mut_ptr(),
                            pixel_stride,
                        };
                        // SAFETY: the machine has the instructions by contract. A line's last window ends where its
                        // padded line does, and input, weights and target were checked to hold the band's.
                        unsafe { dispatch_rows!(count, convolve_strip, (V, LDA), (strip)) };
                    }
                }
            }
        }
    }
}

/// Adjacent output pixels.
#[derive(Clone, Copy)]
struct PixelStrip {
    /// The first row of the first window.
    input: *const f32,
    /// Floats to the next row of the window.
    line_stride: usize,
    /// Floats of a row of the window.
    window_row_floats: usize,
    /// Rows of the window.
    side: usize,
    panel: *const f32,
    target: *mut f32,
    pixel_stride: usize,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::MR`, and the strip's pointers reach as far as it says for
/// `ROWS` pixels.
#[inline(always)]
unsafe fn convolve_strip<V: Vector, const LDA: usize, const ROWS: usize>(strip: PixelStrip) {
    if ROWS > V::MR {
        unreachable!("a strip of {ROWS} pixels");
    }
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    let (mut input, mut panel) = (strip.input, strip.panel);
    for _ in 0..strip.side {
        // SAFETY: a window's row and its weights, by contract.
        unsafe { accumulate::<V, (), LDA, ROWS, 2>(&mut sums, input, panel, strip.window_row_floats, ()) };
        input = input.wrapping_add(strip.line_stride);
        panel = panel.wrapping_add(strip.window_row_floats * V::NR);
    }
    for row in 0..ROWS {
        for vector in 0..2 {
            // SAFETY: the target's pixels, by contract.
            unsafe { sums[row][vector].store(strip.target.add(row * strip.pixel_stride + vector * V::LANES)) };
        }
    }
}

struct WeightGradient<'a> {
    geometry: &'a ConvGeometry,
    band: &'a LineBand,
    input: &'a [f32],
    gradient: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (geometry, columns) = (self.geometry, self.geometry.output.channels);
        for row in 0..geometry.window.side {
            for (first, count) in tiles(geometry.window_row_floats(), V::MR) {
                for column in (0..columns).step_by(V::NR) {
                    let target =
                        self.target[(row * geometry.window_row_floats() + first) * columns + column..].as_mut_ptr();
                    let position = TilePosition { row, first, column };
                    // SAFETY: the instructions by contract; `correlate` checked what is read, and the target holds `count`
                    // rows from there on.
                    unsafe { dispatch_rows!(count, weight_gradient_tile, (V), (&self, position, target)) };
                }
            }
        }
    }
}

/// A tile of the weights' gradient.
#[derive(Clone, Copy)]
struct TilePosition {
    /// Row of the window.
    row: usize,
    /// Index in the row of the window.
    first: usize,
    /// Output channel.
    column: usize,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::MR`, the position is within the gradient, input and
/// gradient hold the band's, and `ROWS` rows of the weights' gradient are writable at `target`.
#[inline(always)]
unsafe fn weight_gradient_tile<V: Vector, const ROWS: usize>(
    operands: &WeightGradient,
    position: TilePosition,
    target: *mut f32,
) {
    if ROWS > V::MR {
        unreachable!("a tile of {ROWS} rows");
    }
    let WeightGradient { geometry, band, input, gradient, .. } = operands;
    let stride = geometry.window.stride;
    let (width, padded_width) = (geometry.output.width, geometry.padded_width());
    let (channels, columns) = (geometry.input.channels, geometry.output.channels);
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    for row in 0..ROWS {
        for vector in 0..2 {
            // SAFETY: the target's rows, by contract.
            sums[row][vector] = unsafe { V::load(target.add(row * columns + vector * V::LANES)) };
        }
    }
    for segment in &band.segments {
        for line in 0..segment.lines {
            let input_line = segment.padded + (line * stride + position.row) * padded_width;
            let output_line = segment.output + line * width;
            let mut input = input[input_line * channels + position.first..].as_ptr();
            let mut gradient = gradient[output_line * columns + position.column..].as_ptr();
            for _ in 0..width {
                // SAFETY: a pixel's gradients and a part of its window, which the slices hold by contract.
                unsafe {
                    let (first, second) = (V::load(gradient), V::load(gradient.add(V::LANES)));
                    for row in 0..ROWS {
                        let value = V::splat(*input.add(row));
                        sums[row][0] = value.mul_add(first, sums[row][0]);
                        sums[row][1] = value.mul_add(second, sums[row][1]);
                    }
                }
                input = input.wrapping_add(stride * channels);
                gradient = gradient.wrapping_add(columns);
            }
        }
    }
    for row in 0..ROWS {
        for vector in 0..2 {
            // SAFETY: the target's rows, by contract.
            unsafe { sums[row][vector].store(target.add(row * columns + vector * V::LANES)) };
        }
    }
}
