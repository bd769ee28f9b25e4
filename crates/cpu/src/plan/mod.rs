//! The inference plan in single precision: DenseNet-121's fixed graph with its weights packed for the machine's
//! kernels.
//!
//! The same function as libtorch's in fewer operations and with less memory traffic: norms are folded into weights or
//! computed while a matrix is packed (`conv1x1`), 3x3 convolutions are Winograd's (`winograd`), a transition pools
//! before it convolves, layers of a block write their channels beside each other so that nothing is concatenated. Few
//! images are computed by a task graph (`task_graph`), many in groups that stay in the caches (`groups`). Calibrated
//! models have int8 convolutions (`int8`).
//!
//! The bits of an image's result depend on nothing but the image, the weights, the size and the instruction set: work
//! is split along images, rows and output channels, never along a sum.
//!
//! Memory: the packed weights (19 MB and, for each tiling in use, 0.26 or 0.59 MB for each 3x3 convolution) once for
//! all sizes; for each size and each concurrent call, features and bottleneck buffers of the images that are computed
//! together.

mod conv1x1;
mod groups;
mod head;
pub mod int8;
mod layers;
mod memory;
mod packing;
mod shape;
// Loops over indices of small arrays, which the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
mod stem;
mod task_graph;
mod weights;
#[allow(clippy::needless_range_loop)]
mod winograd;
#[allow(clippy::needless_range_loop)]
pub(crate) mod winograd_transform;

pub use layers::Output;
pub use shape::{NetworkShape, Stage};
pub use vector::Instructions;
pub use weights::PackedWeights;
pub use winograd_transform::Tiling;

use crate::kernels::{micro_kernel, vector};
use crate::pool::Pool;
use groups::{Group, buffer_sizes, groups};
use layers::{Layers, Workspace, WorkspaceParts, WorkspaceSizes};
use lens_base::{Error, Result};
use lens_images::ImageView;
use lens_system::fork::{Mutex, lock};
use memory::Span;
use std::ops::Range;
use std::sync::{self, Arc};
use task_graph::TaskGraph;
use weights::PackedFilters;

/// The most floats of a plan's workspaces that are kept between calls, 256 MiB: enough for images of 1000 x 1000
/// pixels.
const MAX_KEPT_FLOATS: usize = 64 << 20;

/// The network for one image size. Thread-safe.
pub struct NetworkPlan {
    shape: NetworkShape,
    weights: Arc<PackedWeights>,
    /// One for each block; none if they are quantised.
    filters: Vec<Arc<PackedFilters>>,
    quantized: Option<Arc<int8::QuantizedWeights>>,
    /// Memory of finished calls; no more than one call needed, and no more than `MAX_KEPT_FLOATS`.
    memory: Mutex<Vec<Workspace>>,
    /// The graph of the last call with few images.
    task_graph: Mutex<Option<Arc<TaskGraph>>>,
}

impl NetworkPlan {
    /// For a shape for whose tilings the 3x3 convolutions of `weights` are packed.
    pub fn new(shape: NetworkShape, weights: &Arc<PackedWeights>) -> Result<Self> {
        let missing = || Error::internal("a plan was made before its 3x3 convolutions were packed");
        let filters = shape.stages.iter().enumerate();
        let filters = filters.map(|(block, stage)| weights.filters(block, stage.tiling).ok_or_else(missing));
        let filters = filters.collect::<Result<_>>()?;
        Ok(Self::of(shape, weights, filters, None))
    }

    /// With int8 convolutions; stem, norms and head are those of `weights`.
    pub fn with_int8(
        shape: NetworkShape,
        weights: &Arc<PackedWeights>,
        quantized: &Arc<int8::QuantizedWeights>,
    ) -> Self {
        Self::of(shape, weights, Vec::new(), Some(Arc::clone(quantized)))
    }

    fn of(
        shape: NetworkShape,
        weights: &Arc<PackedWeights>,
        filters: Vec<Arc<PackedFilters>>,
        quantized: Option<Arc<int8::QuantizedWeights>>,
    ) -> Self {
        let weights = Arc::clone(weights);
        NetworkPlan { shape, weights, filters, quantized, memory: Mutex::default(), task_graph: Mutex::default() }
    }

    /// Whether its convolutions are computed in int8.
    pub fn is_int8(&self) -> bool {
        self.quantized.is_some()
    }

    /// The sizes of its images and feature maps.
    pub fn shape(&self) -> &NetworkShape {
        &self.shape
    }

    /// The requested output of each image, one after the other.
    pub fn run(&self, pool: &Pool, images: &[ImageView], output: Output) -> Result<Vec<f32>> {
        for image in images {
            image.length(self.shape.width, self.shape.height)?;
        }
        let mut results = vec![0.0; images.len() * output.count(&self.shape)];
        let mut memory = std::mem::take(&mut *self.memory.lock());
        let done = self.run_on(&mut memory, pool, images, (output, Span::of(&mut results)));
        if self.quantized.is_some() {
            // Quantisation turns NaN into a number, which would come out as a plausible logit.
            for (image, results) in images.iter().zip(results.chunks_exact_mut(output.count(&self.shape))) {
                let mut rows = (0..self.shape.height).map(|y| image.row(y, self.shape.width));
                if !rows.all(|row| row.iter().all(|value| value.is_finite())) {
                    results.fill(f32::NAN);
                }
            }
        }
        let mut kept = self.memory.lock();
        if kept.len() < memory.len() && memory.iter().map(Workspace::floats).sum::<usize>() <= MAX_KEPT_FLOATS {
            *kept = memory;
        }
        done.map(|()| results)
    }

    fn run_on(
        &self,
        memory: &mut Vec<Workspace>,
        pool: &Pool,
        images: &[ImageView],
        (output, results): (Output, Span),
    ) -> Result<()> {
        let threads = pool.threads();
        while memory.len() < threads {
            memory.push(Workspace::new()?);
        }
        let grouped_count = groups::grouped_count(&self.shape, images.len(), threads);
        if grouped_count > 0 {
            self.run_groups(memory, pool, &images[..grouped_count], (output, results))?;
        }
        if grouped_count < images.len() {
            self.run_task_graph(memory, pool, &images[grouped_count..], (output, results, grouped_count))?;
        }
        Ok(())
    }

    fn layers<'a>(&'a self, features: Vec<Span<'a>>, bottleneck: Vec<Span<'a>>) -> Layers<'a> {
        Layers {
            shape: &self.shape,
            weights: &self.weights,
            filters: &self.filters,
            quantized: self.quantized.as_deref(),
            features,
            bottleneck,
        }
    }

    fn run_groups(
        &self,
        memory: &mut [Workspace],
        pool: &Pool,
        images: &[ImageView],
        (output, results): (Output, Span),
    ) -> Result<()> {
        let groups: Vec<Range<usize>> = groups(&self.shape, images.len(), pool.threads());
        let (features, bottleneck) = buffer_sizes(&self.shape, groups.iter().map(Range::len).max().unwrap_or(0));
        let sizes =
            WorkspaceSizes { features, bottleneck: vec![bottleneck], ..WorkspaceSizes::of_scratch(&self.shape) };
        let parts = memory.iter_mut().map(|memory| memory.parts(&sizes).map(sync::Mutex::new));
        let slots = parts.collect::<Result<Vec<_>>>()?;
        pool.run(vec![0..0; groups.len()], &|slot, task| {
            let WorkspaceParts { features, bottleneck, scratch } = &mut *lock(&slots[slot]);
            let layers = self.layers(features.clone(), bottleneck.clone());
            let images = &images[groups[task].clone()];
            Group { layers: &layers, images, scratch }.run(output, results, groups[task].start);
        });
        Ok(())
    }

    fn task_graph(&self, images: usize, threads: usize) -> Arc<TaskGraph> {
        let mut last = self.task_graph.lock();
        if let Some(task_graph) = last.as_ref().filter(|task_graph| task_graph.fits(images, threads)) {
            return Arc::clone(task_graph);
        }
        let width = self.weights.instructions().nr();
        Arc::clone(last.insert(Arc::new(TaskGraph::new(&self.shape, images, threads, width, self.is_int8()))))
    }

    fn run_task_graph(
        &self,
        memory: &mut [Workspace],
        pool: &Pool,
        images: &[ImageView],
        (output, results, target): (Output, Span, usize),
    ) -> Result<()> {
        let task_graph = self.task_graph(images.len(), pool.threads());
        let features: Vec<usize> = self.shape.stages.iter().map(|stage| images.len() * stage.floats()).collect();
        let bottleneck: Vec<usize> = self
            .shape
            .stages
            .iter()
            .flat_map(|stage| {
                [images.len() * stage.pixels() * winograd_transform::BOTTLENECK; TaskGraph::BOTTLENECK_BUFFERS]
            })
            .collect();
        let scratch = WorkspaceSizes::of_scratch(&self.shape);
        let sizes = WorkspaceSizes { features, bottleneck, ..scratch.clone() };
        let (mut features, mut bottleneck, mut scratches) = (Vec::new(), Vec::new(), Vec::new());
        for (index, memory) in memory.iter_mut().enumerate() {
            let parts = memory.parts(if index == 0 { &sizes } else { &scratch })?;
            if index == 0 {
                (features, bottleneck) = (parts.features, parts.bottleneck);
            }
            scratches.push(sync::Mutex::new(parts.scratch));
        }
        let layers = self.layers(features, bottleneck);
        pool.run(task_graph.dependencies().to_vec(), &|slot, task| {
            task_graph.run(task, &layers, images, (output, results, target), &mut lock(&scratches[slot]));
        });
        Ok(())
    }
}
