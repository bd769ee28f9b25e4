//! The network's layers, bound to the memory of one run.

use super::conv1x1::{Conv1x1, PACKED_A_FLOATS, PixelSource};
use super::head::{Head, HeadOutput};
use super::int8::QuantizedWeights;
use super::memory::{Buffer, Span};
use super::packing::PackedRange;
use super::shape::NetworkShape;
use super::stem::{self, Stem};
use super::weights::{PackedFilters, PackedWeights};
use super::winograd::{self, WinogradConv3x3};
use super::winograd_transform::{BOTTLENECK, GROWTH_RATE};
use crate::partition::part_range;
use lens_base::Result;
use lens_images::ImageView;
use std::ops::Range;
use std::sync::Arc;

/// What is computed of each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The logit.
    Logit,
    /// What each pixel of the last feature map adds to the logit: the class activation map.
    ActivationMap,
    /// The last feature map after its norm, channels last.
    Features,
}

impl Output {
    /// Floats of each image.
    pub fn count(self, shape: &NetworkShape) -> usize {
        let last = shape.last();
        match self {
            Output::Logit => 1,
            Output::ActivationMap => last.pixels(),
            Output::Features => last.pixels() * last.channels[last.channels.len() - 1],
        }
    }
}

/// Working memory of a thread, or of a run on all threads; it grows as needed and is kept.
#[derive(Debug)]
pub struct Workspace(Buffer);

/// Floats of each part of a workspace.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceSizes {
    /// The feature map of each block.
    pub features: Vec<usize>,
    /// The buffers between the 1x1 and the 3x3 convolution of a layer.
    pub bottleneck: Vec<usize>,
    /// One thread's scratch memory.
    pub scratch: usize,
}

/// The parts of a workspace.
pub struct WorkspaceParts<'a> {
    pub features: Vec<Span<'a>>,
    pub bottleneck: Vec<Span<'a>>,
    pub scratch: &'a mut [f32],
}

impl WorkspaceSizes {
    /// For the scratch memory of one thread.
    pub fn of_scratch(shape: &NetworkShape) -> Self {
        let tilings = shape.stages.iter().map(|stage| winograd::scratch(stage.tiling)).max().unwrap_or(0);
        let scratch = tilings.max(PACKED_A_FLOATS).max(stem::scratch(shape.width));
        WorkspaceSizes { scratch, ..WorkspaceSizes::default() }
    }
}

impl Workspace {
    /// Empty.
    pub fn new() -> Result<Self> {
        Ok(Workspace(Buffer::zeroed(0)?))
    }

    /// Its size in floats.
    pub fn floats(&self) -> usize {
        self.0.len()
    }

    /// Splits it into parts; their values are unspecified.
    pub fn parts(&mut self, sizes: &WorkspaceSizes) -> Result<WorkspaceParts<'_>> {
        let counts = || sizes.features.iter().chain(&sizes.bottleneck).chain([&sizes.scratch]);
        self.0.reserve(counts().map(|count| round_to_cache_line(*count)).sum())?;
        let mut rest = self.0.values_mut();
        let mut next = |count: &usize| {
            let (part, others) = std::mem::take(&mut rest).split_at_mut(round_to_cache_line(*count));
            rest = others;
            &mut part[..*count]
        };
        let features = sizes.features.iter().map(|count| Span::of(next(count))).collect();
        let bottleneck = sizes.bottleneck.iter().map(|count| Span::of(next(count))).collect();
        Ok(WorkspaceParts { features, bottleneck, scratch: next(&sizes.scratch) })
    }
}

/// Rounded up to the size of a cache line.
fn round_to_cache_line(count: usize) -> usize {
    count.next_multiple_of(16)
}

/// The network for one image size, bound to the memory of one run.
pub struct Layers<'a> {
    pub shape: &'a NetworkShape,
    pub weights: &'a PackedWeights,
    pub filters: &'a [Arc<PackedFilters>],
    /// Int8 convolutions, used instead of those of `weights` and `filters`.
    pub quantized: Option<&'a QuantizedWeights>,
    /// One for each block.
    pub features: Vec<Span<'a>>,
    pub bottleneck: Vec<Span<'a>>,
}

impl Layers<'_> {
    fn at(&self, range: &PackedRange) -> &[f32] {
        self.weights.at(range)
    }

    /// Rows of the stem's pooled output of one image, to image number `target` of the first block.
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
            target_stride: stage.pixel_stride(),
            target_pixel: target * stage.pixels(),
            rows,
            scratch,
        });
    }

    /// A layer's 1x1 convolution, to a bottleneck buffer; prefetches the weights `prefetch` meanwhile.
    pub fn conv1x1(
        &self,
        (block, layer): (usize, usize),
        bottleneck: usize,
        (pixels, columns): (Range<usize>, Range<usize>),
        prefetch: &[f32],
        scratch: &mut [f32],
    ) {
        if let Some(quantized) = self.quantized {
            let spans = (self.features[block], self.bottleneck[bottleneck]);
            return quantized.conv1x1(self.shape, (block, layer), spans, (pixels, columns), scratch);
        }
        let (stage, packed) = (&self.shape.stages[block], &self.weights.layers[block][layer]);
        self.weights.instructions().run(Conv1x1 {
            input: self.features[block],
            input_stride: stage.pixel_stride(),
            pixel_source: PixelSource::Single,
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.at(&packed.weights),
            bias: Some(self.at(&packed.bias)),
            target: self.bottleneck[bottleneck],
            target_stride: BOTTLENECK,
            target_pixel: 0,
            pixels,
            columns,
            prefetch,
            scratch,
        });
    }

    /// The weights of a layer's 3x3 convolution, part `index` of `count`.
    pub fn filters(&self, (block, layer): (usize, usize), (index, count): (usize, usize)) -> &[f32] {
        let all = self.filters.get(block).map_or(&[][..], |filters| filters.layer(layer));
        &all[part_range(all.len(), index, count)]
    }

    /// Tiles and channels of a layer's 3x3 convolution, from a bottleneck buffer; in int8 whole rows of tiles and all
    /// channels.
    pub fn conv3x3(
        &self,
        (block, layer): (usize, usize),
        bottleneck: usize,
        (tiles, columns): (Range<usize>, Range<usize>),
        scratch: &mut [f32],
    ) {
        let stage = &self.shape.stages[block];
        if let Some(quantized) = self.quantized {
            let spans = (self.bottleneck[bottleneck], self.features[block]);
            return quantized.conv3x3(self.shape, (block, layer), spans, stage.lines(tiles));
        }
        self.weights.instructions().run(WinogradConv3x3 {
            tiling: stage.tiling,
            input: self.bottleneck[bottleneck],
            weights: self.filters[block].layer(layer),
            target: self.features[block],
            target_stride: stage.pixel_stride(),
            target_channel: stage.channels[0] + layer * GROWTH_RATE,
            height: stage.height,
            width: stage.width,
            tiles,
            columns,
            scratch,
        });
    }

    /// Some output pixels of the transition after a block, to the next block's images from number `target` on.
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
        self.weights.instructions().run(Conv1x1 {
            input: self.features[block],
            input_stride: stage.pixel_stride(),
            pixel_source: PixelSource::AveragePool2x2 { height: stage.height, width: stage.width },
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.at(&packed.weights),
            bias: None,
            target: self.features[block + 1],
            target_stride: next.pixel_stride(),
            target_pixel: target * next.pixels(),
            pixels,
            columns,
            prefetch: &[],
            scratch,
        });
    }

    /// The head for image number `image` of the last block; the result goes to image number `target` of the output.
    pub fn head(&self, image: usize, output: Output, results: Span, target: usize) {
        let stage = self.shape.last();
        let count = output.count(self.shape);
        // SAFETY: the caller lets one task write each image's results.
        let results = unsafe { results.part(target * count, count) };
        self.weights.instructions().run(Head {
            input: self.features[self.shape.stages.len() - 1],
            input_stride: stage.pixel_stride(),
            input_pixel: image * stage.pixels(),
            height: stage.height,
            width: stage.width,
            scale: self.at(&self.weights.last_norm[0]),
            shift: self.at(&self.weights.last_norm[1]),
            weight: self.at(&self.weights.head),
            bias: self.weights.head_bias,
            output: match output {
                Output::Logit => HeadOutput::Logit(&mut results[0]),
                Output::ActivationMap => HeadOutput::ActivationMap(results),
                Output::Features => HeadOutput::Features(results),
            },
        });
    }
}
