//! The network's packed weights, shared by the plans of all image sizes.

use super::memory::Buffer;
use super::packing::{FoldedNorm, PackedRange, Packer};
use super::stem;
use super::vector::Instructions;
use super::winograd_transform::{BOTTLENECK, Tiling};
use crate::parallel::for_each_job;
use crate::pool::Pool;
use lens_base::Result;
use lens_model::{LAYOUT, Parameters};
use lens_system::fork::Mutex;
use std::sync::Arc;

/// Positions of a dense layer's parts.
#[derive(Clone, Debug)]
pub struct PackedLayer {
    /// Scale and shift of the first norm.
    pub norm: [PackedRange; 2],
    /// The 1x1 convolution, with the second norm's scale folded in.
    pub weights: PackedRange,
    /// The second norm's shift.
    pub bias: PackedRange,
}

/// Positions of a transition's parts.
#[derive(Clone, Debug)]
pub struct PackedTransition {
    /// Scale and shift of the norm.
    pub norm: [PackedRange; 2],
    /// The convolution, with the factor of the average pooling folded in.
    pub weights: PackedRange,
}

/// A block's 3x3 convolutions, transformed and packed for one tiling, layer after layer.
#[derive(Debug)]
pub struct PackedFilters {
    tiling: Tiling,
    values: Buffer,
}

impl PackedFilters {
    /// The filters of one layer.
    pub fn layer(&self, layer: usize) -> &[f32] {
        let count = self.tiling.weight_count();
        &self.values.values()[layer * count..][..count]
    }
}

/// All weights but those of the 3x3 convolutions, and these for the tilings that were needed.
pub struct PackedWeights {
    instructions: Instructions,
    values: Buffer,
    pub(super) stem: PackedRange,
    /// For gray images: summed over the colours.
    pub(super) gray_stem: PackedRange,
    pub(super) stem_bias: PackedRange,
    pub(super) layers: Vec<Vec<PackedLayer>>,
    pub(super) transitions: Vec<PackedTransition>,
    pub(super) last_norm: [PackedRange; 2],
    pub(super) head: PackedRange,
    pub(super) head_bias: f32,
    /// One for each block.
    filters: Vec<Mutex<Vec<Arc<PackedFilters>>>>,
}

impl PackedWeights {
    /// Packs all but the 3x3 convolutions.
    pub fn pack(instructions: Instructions, parameters: &Parameters) -> Result<Self> {
        let mut packer = Packer::new(LAYOUT.trained_count())?;
        let (stem, gray_stem, stem_bias) = {
            let (weight, norm) = (parameters.of(LAYOUT.stem), FoldedNorm::of(LAYOUT.stem_norm, parameters));
            // k runs over rows of the filter, then its columns, then colours; in the parameter the colours come first.
            let value = |column: usize, colour: usize, tap: usize| {
                f64::from(weight[(column * 3 + colour) * stem::GRAY_DEPTH + tap]) * norm.scale[column]
            };
            let coloured = |column: usize, depth: usize| value(column, depth % 3, depth / 3);
            let gray = |column: usize, depth: usize| (0..3).map(|colour| value(column, colour, depth)).sum();
            (
                packer.add_panels(instructions, (stem::STEM_CHANNELS, stem::COLOUR_DEPTH), coloured),
                packer.add_panels(instructions, (stem::STEM_CHANNELS, stem::GRAY_DEPTH), gray),
                packer.add(norm.shift),
            )
        };
        let mut layers = Vec::new();
        for block in &LAYOUT.blocks {
            let mut packed = Vec::new();
            for layer in block {
                let norm = packer.add_norm(layer.norm1, parameters);
                let (weight, norm2) = (parameters.of(layer.conv1), FoldedNorm::of(layer.norm2, parameters));
                let depth = weight.len() / BOTTLENECK;
                let value = |column: usize, k: usize| f64::from(weight[column * depth + k]) * norm2.scale[column];
                let weights = packer.add_panels(instructions, (BOTTLENECK, depth), value);
                packed.push(PackedLayer { norm, weights, bias: packer.add(norm2.shift) });
            }
            layers.push(packed);
        }
        let mut transitions = Vec::new();
        for transition in &LAYOUT.transitions {
            let norm = packer.add_norm(transition.norm, parameters);
            let weight = parameters.of(transition.conv);
            let (columns, depth) = (weight.len() / norm[0].len(), norm[0].len());
            let value = |column: usize, k: usize| f64::from(weight[column * depth + k]) * 0.25;
            let weights = packer.add_panels(instructions, (columns, depth), value);
            transitions.push(PackedTransition { norm, weights });
        }
        let last_norm = packer.add_norm(LAYOUT.last_norm, parameters);
        let head = packer.add(parameters.of(LAYOUT.head_weight).iter().map(|value| f64::from(*value)));
        let head_bias = parameters.of(LAYOUT.head_bias)[0];
        let filters = LAYOUT.blocks.iter().map(|_| Mutex::default()).collect();
        let values = packer.finish();
        Ok(PackedWeights {
            instructions,
            values,
            stem,
            gray_stem,
            stem_bias,
            layers,
            transitions,
            last_norm,
            head,
            head_bias,
            filters,
        })
    }

    /// The instructions they are packed for.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The values at a position.
    pub fn at(&self, range: &PackedRange) -> &[f32] {
        &self.values.values()[range.clone()]
    }

    /// A block's 3x3 convolutions for a tiling, if they are packed.
    pub fn filters(&self, block: usize, tiling: Tiling) -> Option<Arc<PackedFilters>> {
        self.filters[block].lock().iter().find(|filters| filters.tiling == tiling).cloned()
    }

    /// Whether the 3x3 convolutions of all blocks are packed for these tilings.
    pub fn has_filters(&self, tilings: &[Tiling]) -> bool {
        tilings.iter().enumerate().all(|(block, tiling)| self.filters(block, *tiling).is_some())
    }

    /// Packs the 3x3 convolutions of each block for its tiling, if that was not done yet.
    pub fn pack_filters(&self, pool: &Pool, tilings: &[Tiling], parameters: &Parameters) -> Result<()> {
        for (block, tiling) in tilings.iter().enumerate() {
            let mut packed = self.filters[block].lock();
            if packed.iter().any(|filters| filters.tiling == *tiling) {
                continue;
            }
            let layers = &LAYOUT.blocks[block];
            let count = layers.len() * tiling.weight_count();
            let mut values = Buffer::zeroed(count)?;
            values.truncate(count);
            let targets = values.values_mut().chunks_exact_mut(tiling.weight_count());
            let mut jobs: Vec<_> = layers.iter().zip(targets).collect();
            for_each_job(pool, &mut jobs, |(layer, target)| {
                tiling.pack(self.instructions, parameters.of(layer.conv2), target);
                Ok(())
            })?;
            packed.push(Arc::new(PackedFilters { tiling: *tiling, values }));
        }
        Ok(())
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        let filters = self.filters.iter().map(|block| block.lock().iter().map(|f| f.values.len()).sum::<usize>());
        (self.values.len() + filters.sum::<usize>()) * size_of::<f32>()
    }
}
