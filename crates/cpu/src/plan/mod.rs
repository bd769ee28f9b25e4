//! The network compiled for inference on the CPU in single precision: DenseNet-121's fixed graph with its weights packed
//! for the kernels that the machine has.
//!
//! What libtorch computes, in fewer operations and with less traffic: norms disappear into weights or are computed on
//! the way into a matrix product (`pointwise`), 3x3 convolutions are Winograd's (`winograd`), a transition pools before
//! it convolves, layers of a block write beside each other so that nothing is concatenated, and few images are shared
//! out among threads by the flow of data (`flow`), many by groups that stay in the caches (`groups`). Calibrated models
//! have most convolutions in 8 bits (`int8`).
//!
//! The bits of an image's result depend on nothing but the image, the weights, the size and the instruction set: work is
//! cut along images, rows and output channels, never along a sum.
//!
//! Memory: the packed weights (19 MB and, for each tiling in use, 0.26 or 0.59 MB for each 3x3 convolution) once for all
//! sizes; for each size and each call at a time, features and inner buffers of the images that are computed together.

// Loops over indices of small arrays, which the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
pub(crate) mod filtering;
mod flow;
mod groups;
mod head;
pub mod int8;
mod layers;
mod memory;
mod packing;
mod pointwise;
mod shape;
#[allow(clippy::needless_range_loop)]
mod stem;
mod weights;
#[allow(clippy::needless_range_loop)]
mod winograd;

pub use filtering::Tiling;
pub use layers::Output;
pub use shape::{Shape, Stage};
pub use vector::Instructions;
pub use weights::Weights;

use crate::kernels::{multiply, vector};
use crate::pool::Pool;
use flow::Flow;
use groups::{Group, groups, sizes};
use layers::{Layers, Memory, Needs, Parts};
use lens_base::{Error, Result};
use lens_images::ImageView;
use memory::Span;
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;
use weights::Filters;

/// Floats of a plan's memory that are kept from call to call at most, 256 MiB: enough for images of 1000 x 1000 pixels.
const KEPT: usize = 64 << 20;

/// The network for one size of image. Thread-safe.
pub struct Plan {
    shape: Shape,
    weights: Arc<Weights>,
    /// Of each block; none when they are quantised.
    filters: Vec<Arc<Filters>>,
    quantized: Option<Arc<int8::Quantized>>,
    /// Of calls that are over; as much as one call needed is kept, and no more than `KEPT`.
    memory: Mutex<Vec<Memory>>,
    /// Of the last call with few images.
    flow: Mutex<Option<Arc<Flow>>>,
}

impl Plan {
    /// For a shape, for whose tilings the weights' 3x3 convolutions are packed.
    pub fn new(shape: Shape, weights: &Arc<Weights>) -> Result<Self> {
        let missing = || Error::internal("a plan was made before its 3x3 convolutions were packed");
        let filters = shape.stages.iter().enumerate();
        let filters = filters.map(|(block, stage)| weights.filters(block, stage.tiling).ok_or_else(missing));
        let filters = filters.collect::<Result<_>>()?;
        Ok(Self::of(shape, weights, filters, None))
    }

    /// With 8-bit convolutions; stem, norms and head are those of `weights`.
    pub fn with_int8(shape: Shape, weights: &Arc<Weights>, quantized: &Arc<int8::Quantized>) -> Self {
        Self::of(shape, weights, Vec::new(), Some(Arc::clone(quantized)))
    }

    fn of(
        shape: Shape,
        weights: &Arc<Weights>,
        filters: Vec<Arc<Filters>>,
        quantized: Option<Arc<int8::Quantized>>,
    ) -> Self {
        let weights = Arc::clone(weights);
        Plan { shape, weights, filters, quantized, memory: Mutex::default(), flow: Mutex::default() }
    }

    /// Whether its convolutions are computed in 8 bits.
    pub fn is_int8(&self) -> bool {
        self.quantized.is_some()
    }

    /// The sizes it is for.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What is wanted of each image, one after the other.
    pub fn run(&self, pool: &Pool, images: &[ImageView], output: Output) -> Result<Vec<f32>> {
        for image in images {
            image.length(self.shape.width, self.shape.height)?;
        }
        let mut results = vec![0.0; images.len() * output.count(&self.shape)];
        let mut memory = std::mem::take(&mut *self.memory.lock());
        let done = self.run_on(&mut memory, pool, images, (output, Span::of(&mut results)));
        if self.quantized.is_some() {
            // Bytes have no NaN, which would come out as a plausible logit.
            for (image, results) in images.iter().zip(results.chunks_exact_mut(output.count(&self.shape))) {
                let mut rows = (0..self.shape.height).map(|y| image.row(y, self.shape.width));
                if !rows.all(|row| row.iter().all(|value| value.is_finite())) {
                    results.fill(f32::NAN);
                }
            }
        }
        let mut kept = self.memory.lock();
        if kept.len() < memory.len() && memory.iter().map(Memory::floats).sum::<usize>() <= KEPT {
            *kept = memory;
        }
        done.map(|()| results)
    }

    fn run_on(
        &self,
        memory: &mut Vec<Memory>,
        pool: &Pool,
        images: &[ImageView],
        (output, results): (Output, Span),
    ) -> Result<()> {
        let threads = pool.threads();
        while memory.len() < threads {
            memory.push(Memory::new()?);
        }
        let grouped = groups::grouped(&self.shape, images.len(), threads);
        if grouped > 0 {
            self.run_groups(memory, pool, &images[..grouped], (output, results))?;
        }
        if grouped < images.len() {
            self.run_flow(memory, pool, &images[grouped..], (output, results, grouped))?;
        }
        Ok(())
    }

    fn layers<'a>(&'a self, features: Vec<Span<'a>>, inner: Vec<Span<'a>>) -> Layers<'a> {
        Layers {
            shape: &self.shape,
            weights: &self.weights,
            filters: &self.filters,
            quantized: self.quantized.as_deref(),
            features,
            inner,
        }
    }

    fn run_groups(
        &self,
        memory: &mut [Memory],
        pool: &Pool,
        images: &[ImageView],
        (output, results): (Output, Span),
    ) -> Result<()> {
        let groups: Vec<Range<usize>> = groups(&self.shape, images.len(), pool.threads());
        let (features, inner) = sizes(&self.shape, groups.iter().map(Range::len).max().unwrap_or(0));
        let needs = Needs { features, inner: vec![inner], ..Needs::of_scratch(&self.shape) };
        let parts = memory.iter_mut().map(|memory| memory.parts(&needs).map(Mutex::new));
        let seats = parts.collect::<Result<Vec<_>>>()?;
        pool.run(vec![0..0; groups.len()], &|seat, task| {
            let Parts { features, inner, scratch } = &mut *seats[seat].lock();
            let layers = self.layers(features.clone(), inner.clone());
            let images = &images[groups[task].clone()];
            Group { layers: &layers, images, scratch }.run(output, results, groups[task].start);
        });
        Ok(())
    }

    fn flow(&self, images: usize, threads: usize) -> Arc<Flow> {
        let mut last = self.flow.lock();
        if let Some(flow) = last.as_ref().filter(|flow| flow.fits(images, threads)) {
            return Arc::clone(flow);
        }
        let width = 2 * self.weights.instructions().lanes();
        Arc::clone(last.insert(Arc::new(Flow::new(&self.shape, images, threads, width, self.is_int8()))))
    }

    fn run_flow(
        &self,
        memory: &mut [Memory],
        pool: &Pool,
        images: &[ImageView],
        (output, results, target): (Output, Span, usize),
    ) -> Result<()> {
        let flow = self.flow(images.len(), pool.threads());
        let features: Vec<usize> = self.shape.stages.iter().map(|stage| images.len() * stage.floats()).collect();
        let inner: Vec<usize> = self
            .shape
            .stages
            .iter()
            .flat_map(|stage| [images.len() * stage.pixels() * filtering::INNER; Flow::INNER])
            .collect();
        let scratch = Needs::of_scratch(&self.shape);
        let needs = Needs { features, inner, ..scratch.clone() };
        let (mut features, mut inner, mut scratches) = (Vec::new(), Vec::new(), Vec::new());
        for (index, memory) in memory.iter_mut().enumerate() {
            let parts = memory.parts(if index == 0 { &needs } else { &scratch })?;
            if index == 0 {
                (features, inner) = (parts.features, parts.inner);
            }
            scratches.push(Mutex::new(parts.scratch));
        }
        let layers = self.layers(features, inner);
        pool.run(flow.needs().to_vec(), &|seat, task| {
            flow.run(task, &layers, images, (output, results, target), &mut scratches[seat].lock());
        });
        Ok(())
    }
}
