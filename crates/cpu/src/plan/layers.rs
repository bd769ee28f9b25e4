//! The network's parts on the memory of one run.

use super::filtering::{GROWTH, INNER};
use super::head::{Head, Wanted};
use super::int8::Quantized;
use super::memory::{Buffer, Span};
use super::packing::Place;
use super::pointwise::{PACKED, Pointwise, Reading};
use super::shape::Shape;
use super::stem::{self, Stem};
use super::weights::{Filters, Weights};
use super::winograd::{self, Convolution};
use crate::cut::share;
use lens_base::Result;
use lens_images::ImageView;
use std::ops::Range;
use std::sync::Arc;

/// What of each image is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The logit.
    Logit,
    /// What each place of the last feature map adds to the logit.
    Map,
    /// The last feature map, channels last.
    Features,
}

impl Output {
    /// Floats of each image.
    pub fn count(self, shape: &Shape) -> usize {
        let last = shape.last();
        match self {
            Output::Logit => 1,
            Output::Map => last.pixels(),
            Output::Features => last.pixels() * last.channels[last.channels.len() - 1],
        }
    }
}

/// Memory that a thread, or the threads of a run together, compute in; it grows to what was needed and is kept.
#[derive(Debug)]
pub struct Memory(Buffer);

/// How many floats of it are for what.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The feature map of each block.
    pub features: Vec<usize>,
    /// Each buffer for what a layer's 1x1 convolution makes and its 3x3 convolution reads.
    pub inner: Vec<usize>,
    /// What one thread's kernels work with.
    pub scratch: usize,
}

/// Its parts.
pub struct Parts<'a> {
    pub features: Vec<Span<'a>>,
    pub inner: Vec<Span<'a>>,
    pub scratch: &'a mut [f32],
}

impl Needs {
    /// For one thread's kernels alone.
    pub fn of_scratch(shape: &Shape) -> Self {
        let tilings = shape.stages.iter().map(|stage| winograd::scratch(stage.tiling)).max().unwrap_or(0);
        let scratch = tilings.max(PACKED).max(stem::scratch(shape.width));
        Needs { scratch, ..Needs::default() }
    }
}

impl Memory {
    /// None yet.
    pub fn new() -> Result<Self> {
        Ok(Memory(Buffer::zeroed(0)?))
    }

    /// How many floats there are.
    pub fn floats(&self) -> usize {
        self.0.len()
    }

    /// Shares it out; what it holds is what the last run left.
    pub fn parts(&mut self, needs: &Needs) -> Result<Parts<'_>> {
        let counts = || needs.features.iter().chain(&needs.inner).chain([&needs.scratch]);
        self.0.reserve(counts().map(|count| whole_lines(*count)).sum())?;
        let mut rest = self.0.values_mut();
        let mut next = |count: &usize| {
            let (part, others) = std::mem::take(&mut rest).split_at_mut(whole_lines(*count));
            rest = others;
            &mut part[..*count]
        };
        let features = needs.features.iter().map(|count| Span::of(next(count))).collect();
        let inner = needs.inner.iter().map(|count| Span::of(next(count))).collect();
        Ok(Parts { features, inner, scratch: next(&needs.scratch) })
    }
}

/// So many floats or a few more, which end where a cache line does.
fn whole_lines(count: usize) -> usize {
    count.next_multiple_of(16)
}

/// The network for one size of image, on the memory of one run.
pub struct Layers<'a> {
    pub shape: &'a Shape,
    pub weights: &'a Weights,
    pub filters: &'a [Arc<Filters>],
    /// Convolutions in bytes, instead of those of `weights` and `filters`.
    pub quantized: Option<&'a Quantized>,
    /// By block.
    pub features: Vec<Span<'a>>,
    pub inner: Vec<Span<'a>>,
}

impl Layers<'_> {
    fn at(&self, place: &Place) -> &[f32] {
        self.weights.at(place)
    }

    /// Rows of one image, after pooling, to the first block's image number `target`.
    pub fn stem(&self, image: ImageView, target: usize, rows: Range<usize>, scratch: &mut [f32]) {
        let stage = &self.shape.stages[0];
        self.weights.instructions().run(Stem {
            image,
            height: self.shape.height,
            width: self.shape.width,
            weights: self.at(&self.weights.stem),
            gray_weights: self.at(&self.weights.gray_stem),
            bias: self.at(&self.weights.stem_bias),
            target: self.features[0],
            target_step: stage.step(),
            target_pixel: target * stage.pixels(),
            rows,
            scratch,
        });
    }

    /// A layer's 1x1 convolution, to an inner buffer. Asks for the weights of `soon` meanwhile.
    pub fn reduce(
        &self,
        (block, layer): (usize, usize),
        inner: usize,
        (pixels, columns): (Range<usize>, Range<usize>),
        soon: &[f32],
        scratch: &mut [f32],
    ) {
        if let Some(quantized) = self.quantized {
            let spans = (self.features[block], self.inner[inner]);
            return quantized.reduce(self.shape, (block, layer), spans, (pixels, columns), scratch);
        }
        let (stage, packed) = (&self.shape.stages[block], &self.weights.layers[block][layer]);
        self.weights.instructions().run(Pointwise {
            input: self.features[block],
            input_step: stage.step(),
            reading: Reading::Single,
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.at(&packed.weights),
            bias: Some(self.at(&packed.bias)),
            target: self.inner[inner],
            target_step: INNER,
            target_pixel: 0,
            pixels,
            columns,
            soon,
            scratch,
        });
    }

    /// A share of the weights of a layer's 3x3 convolution: part `index` of `count`.
    pub fn filters(&self, (block, layer): (usize, usize), (index, count): (usize, usize)) -> &[f32] {
        let all = self.filters.get(block).map_or(&[][..], |filters| filters.layer(layer));
        &all[share(all.len(), index, count)]
    }

    /// Tiles and channels of a layer's 3x3 convolution, from an inner buffer; in 8 bits whole rows of tiles, and all
    /// channels.
    pub fn expand(
        &self,
        (block, layer): (usize, usize),
        inner: usize,
        (tiles, columns): (Range<usize>, Range<usize>),
        scratch: &mut [f32],
    ) {
        let stage = &self.shape.stages[block];
        if let Some(quantized) = self.quantized {
            let spans = (self.inner[inner], self.features[block]);
            return quantized.expand(self.shape, (block, layer), spans, stage.lines(tiles));
        }
        self.weights.instructions().run(Convolution {
            tiling: stage.tiling,
            input: self.inner[inner],
            weights: self.filters[block].layer(layer),
            target: self.features[block],
            target_step: stage.step(),
            target_channel: stage.channels[0] + layer * GROWTH,
            height: stage.height,
            width: stage.width,
            tiles,
            columns,
            scratch,
        });
    }

    /// Some pixels of the transition after a block, to the next block's images from number `target` on.
    pub fn transition(
        &self,
        block: usize,
        target: usize,
        pixels: Range<usize>,
        columns: Range<usize>,
        scratch: &mut [f32],
    ) {
        if let Some(quantized) = self.quantized {
            let spans = (self.features[block], self.features[block + 1], target);
            return quantized.transition(self.shape, block, spans, (pixels, columns), scratch);
        }
        let (stage, next) = (&self.shape.stages[block], &self.shape.stages[block + 1]);
        let packed = &self.weights.transitions[block];
        self.weights.instructions().run(Pointwise {
            input: self.features[block],
            input_step: stage.step(),
            reading: Reading::Pooled { height: stage.height, width: stage.width },
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.at(&packed.weights),
            bias: None,
            target: self.features[block + 1],
            target_step: next.step(),
            target_pixel: target * next.pixels(),
            pixels,
            columns,
            soon: &[],
            scratch,
        });
    }

    /// The end of image number `image` of the last block; the result goes to image number `target` of the output.
    pub fn head(&self, image: usize, output: Output, results: Span, target: usize) {
        let stage = self.shape.last();
        let count = output.count(self.shape);
        // SAFETY: every image's results are written by one task, which lies in the caller's hands.
        let results = unsafe { results.part(target * count, count) };
        self.weights.instructions().run(Head {
            input: self.features[self.shape.stages.len() - 1],
            input_step: stage.step(),
            input_pixel: image * stage.pixels(),
            height: stage.height,
            width: stage.width,
            scale: self.at(&self.weights.last_norm[0]),
            shift: self.at(&self.weights.last_norm[1]),
            weight: self.at(&self.weights.head),
            bias: self.weights.head_bias,
            wanted: match output {
                Output::Logit => Wanted::Logit(&mut results[0]),
                Output::Map => Wanted::Map(results),
                Output::Features => Wanted::Features(results),
            },
        });
    }
}
