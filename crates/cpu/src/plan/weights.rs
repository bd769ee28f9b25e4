//! The network's weights, packed once for all sizes of images.

use super::filtering::{INNER, Tiling};
use super::memory::Buffer;
use super::packing::{Affine, Packer, Place};
use super::stem;
use super::vector::Instructions;
use crate::parallel::for_each_job;
use crate::pool::Pool;
use lens_base::Result;
use lens_model::{LAYOUT, Parameters};
use parking_lot::Mutex;
use std::sync::Arc;

/// Where the parts of a dense layer lie.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Factors and addends of the first norm.
    pub norm: [Place; 2],
    /// Of the 1x1 convolution, with the second norm's factors in it.
    pub weights: Place,
    /// The second norm's addends.
    pub bias: Place,
}

/// Where the parts of a transition lie.
#[derive(Clone, Debug)]
pub struct Transition {
    /// Factors and addends of the norm.
    pub norm: [Place; 2],
    /// Of the convolution, with the pooling's factor in it.
    pub weights: Place,
}

/// A block's 3x3 convolutions, packed for one tiling: layer after layer.
#[derive(Debug)]
pub struct Filters {
    tiling: Tiling,
    values: Buffer,
}

impl Filters {
    /// Those of one layer.
    pub fn layer(&self, layer: usize) -> &[f32] {
        let count = self.tiling.weight_count();
        &self.values.values()[layer * count..][..count]
    }
}

/// Everything but the 3x3 convolutions, and those as far as they were needed.
pub struct Weights {
    instructions: Instructions,
    values: Buffer,
    pub(super) stem: Place,
    /// For gray images: sums over the colours.
    pub(super) gray_stem: Place,
    pub(super) stem_bias: Place,
    pub(super) layers: Vec<Vec<Layer>>,
    pub(super) transitions: Vec<Transition>,
    pub(super) last_norm: [Place; 2],
    pub(super) head: Place,
    pub(super) head_bias: f32,
    /// By block.
    filters: Vec<Mutex<Vec<Arc<Filters>>>>,
}

impl Weights {
    /// Packs them.
    pub fn pack(instructions: Instructions, parameters: &Parameters) -> Result<Self> {
        let mut packer = Packer::new(LAYOUT.trained_count())?;
        let (stem, gray_stem, stem_bias) = {
            let (weight, norm) = (parameters.of(LAYOUT.stem), Affine::of(LAYOUT.stem_norm, parameters));
            // Depths are rows of the filter, then its columns, then colours; the parameter has the colours outside.
            let value = |column: usize, colour: usize, place: usize| {
                f64::from(weight[(column * 3 + colour) * stem::AREA + place]) * norm.scale[column]
            };
            let coloured = |column: usize, depth: usize| value(column, depth % 3, depth / 3);
            let gray = |column: usize, depth: usize| (0..3).map(|colour| value(column, colour, depth)).sum();
            (
                packer.add_panels(instructions, (stem::CHANNELS, stem::DEPTH), coloured),
                packer.add_panels(instructions, (stem::CHANNELS, stem::AREA), gray),
                packer.add(norm.shift),
            )
        };
        let mut layers = Vec::new();
        for block in &LAYOUT.blocks {
            let mut packed = Vec::new();
            for layer in block {
                let norm = packer.add_norm(layer.norm1, parameters);
                let (weight, inner) = (parameters.of(layer.conv1), Affine::of(layer.norm2, parameters));
                let depth = weight.len() / INNER;
                let value = |column: usize, k: usize| f64::from(weight[column * depth + k]) * inner.scale[column];
                let weights = packer.add_panels(instructions, (INNER, depth), value);
                packed.push(Layer { norm, weights, bias: packer.add(inner.shift) });
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
            transitions.push(Transition { norm, weights });
        }
        let last_norm = packer.add_norm(LAYOUT.last_norm, parameters);
        let head = packer.add(parameters.of(LAYOUT.head_weight).iter().map(|value| f64::from(*value)));
        let head_bias = parameters.of(LAYOUT.head_bias)[0];
        let filters = LAYOUT.blocks.iter().map(|_| Mutex::default()).collect();
        let values = packer.finish();
        Ok(Weights {
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

    /// What lies at a place.
    pub fn at(&self, place: &Place) -> &[f32] {
        &self.values.values()[place.clone()]
    }

    /// A block's 3x3 convolutions for a tiling, which were packed.
    pub fn filters(&self, block: usize, tiling: Tiling) -> Option<Arc<Filters>> {
        self.filters[block].lock().iter().find(|filters| filters.tiling == tiling).cloned()
    }

    /// Whether the 3x3 convolutions of all blocks are packed for these tilings.
    pub fn have(&self, tilings: &[Tiling]) -> bool {
        tilings.iter().enumerate().all(|(block, tiling)| self.filters(block, *tiling).is_some())
    }

    /// Packs the 3x3 convolutions of each block for its tiling, where that was not done yet.
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
            packed.push(Arc::new(Filters { tiling: *tiling, values }));
        }
        Ok(())
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        let filters = self.filters.iter().map(|block| block.lock().iter().map(|f| f.values.len()).sum::<usize>());
        (self.values.len() + filters.sum::<usize>()) * size_of::<f32>()
    }
}
