//! Scheduling of few images: every layer is split into tasks, each of which depends on the tasks of the layer before
//! that write what it reads. There are no barriers, so no thread waits while a task is ready.

use super::layers::{Layers, Output};
use super::memory::Span;
use super::micro_kernel::MAX_MR;
use super::shape::{NetworkShape, Stage};
use super::winograd::MIN_TASK_COLUMNS;
use super::winograd_transform::{BOTTLENECK, GROWTH_RATE};
use crate::partition::even_parts;
use lens_images::ImageView;
use std::ops::Range;

/// Tasks of a layer for each thread: more balance threads of different speed better, and cost more.
const TASKS_PER_THREAD: usize = 2;
/// Fewest pixels of a 1x1 convolution's task: about two register tiles of the widest instruction set.
const MIN_TASK_PIXELS: usize = 24;
/// Tiles of one full register tile; with fewer, prefetched weights arrive too late.
const ONE_PASS_TILES: usize = MAX_MR;
/// Fewest tiles of a 3x3 convolution's task if all threads have one: each task reads all of the weights.
const MIN_TASK_TILES: usize = 2 * ONE_PASS_TILES;

/// A task: a part of a layer. Pixels and rows are flat indices over the batch.
#[derive(Clone, Debug)]
enum Task {
    Stem {
        image: usize,
        rows: Range<usize>,
    },
    /// `prefetch`: which part of the 3x3 convolution's weights it prefetches, and of how many.
    Conv1x1 {
        block: usize,
        layer: usize,
        pixels: Range<usize>,
        columns: Range<usize>,
        prefetch: (usize, usize),
    },
    Conv3x3 {
        block: usize,
        layer: usize,
        tiles: Range<usize>,
        columns: Range<usize>,
    },
    Transition {
        block: usize,
        pixels: Range<usize>,
        columns: Range<usize>,
    },
    Head {
        image: usize,
    },
}

/// The tasks for a number of images, in the order in which they are started.
pub struct TaskGraph {
    images: usize,
    threads: usize,
    tasks: Vec<Task>,
    dependencies: Vec<Range<usize>>,
}

/// The tasks that wrote the latest feature map: the number of the first, and the pixels of each.
#[derive(Default)]
struct Producers {
    first_task: usize,
    pixels: Vec<Range<usize>>,
}

impl Producers {
    /// The tasks that write any of these pixels.
    fn writing(&self, pixels: &Range<usize>) -> Range<usize> {
        let before = self.pixels.iter().take_while(|written| written.end <= pixels.start).count();
        let reached = self.pixels.iter().take_while(|written| written.start < pixels.end).count();
        self.first_task + before..self.first_task + reached
    }
}

/// The most parts that a layer's pixels are split into.
fn max_parts(threads: usize) -> usize {
    threads * TASKS_PER_THREAD
}

/// Pixels and columns of the tasks of a 1x1 convolution. Columns are split as well if there are too few pixels for all
/// threads; each of these tasks packs the pixels again.
fn conv1x1_parts(pixels: usize, columns: usize, threads: usize, width: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let cuts = (pixels / MIN_TASK_PIXELS).clamp(1, max_parts(threads));
    let panels = columns / width;
    let mut parts = Vec::new();
    for pixels in even_parts(pixels, cuts) {
        for panels in even_parts(panels, threads.div_ceil(cuts)) {
            parts.push((pixels.clone(), panels.start * width..panels.end * width));
        }
    }
    parts
}

/// Tiles and channels of the tasks of a 3x3 convolution: whole rows of tiles, or any tiles. If there are few tiles,
/// channels are split as well, so that each task reads a part of the weights.
fn conv3x3_parts(stage: &Stage, images: usize, threads: usize, whole_rows: bool) -> Vec<(Range<usize>, Range<usize>)> {
    let (rows, tile_columns) = (images * stage.tile_rows(), stage.tile_columns());
    if whole_rows {
        let rows = even_parts(rows, max_parts(threads));
        return rows.map(|rows| (rows.start * tile_columns..rows.end * tile_columns, 0..GROWTH_RATE)).collect();
    }
    let tiles = rows * tile_columns;
    let column_cuts = if tiles > ONE_PASS_TILES { 1 } else { GROWTH_RATE / MIN_TASK_COLUMNS };
    let cuts = (tiles / MIN_TASK_TILES).clamp(threads.div_ceil(column_cuts), max_parts(threads));
    let mut parts = Vec::new();
    for tiles in even_parts(tiles, cuts) {
        for columns in even_parts(GROWTH_RATE, column_cuts) {
            parts.push((tiles.clone(), columns));
        }
    }
    parts
}

impl TaskGraph {
    /// For `images` images and `threads` threads, with panels of `width` columns; 3x3 convolutions compute whole rows
    /// of tiles or any tiles.
    pub fn new(shape: &NetworkShape, images: usize, threads: usize, width: usize, whole_rows: bool) -> Self {
        let parts = max_parts(threads);
        let mut graph = TaskGraph { images, threads, tasks: Vec::new(), dependencies: Vec::new() };
        let mut producers = graph.stem(shape, images, parts);
        for (block, stage) in shape.stages.iter().enumerate() {
            if block > 0 {
                let before = &shape.stages[block - 1];
                let mut transition_producers = Producers { first_task: graph.tasks.len(), ..Producers::default() };
                for (pixels, columns) in conv1x1_parts(images * stage.pixels(), stage.channels[0], threads, width) {
                    // The rows of the block before that are pooled to these pixels.
                    let row = |pixel: usize| {
                        let line = pixel / stage.width;
                        line / stage.height * before.height + line % stage.height * 2
                    };
                    let read = row(pixels.start) * before.width..(row(pixels.end - 1) + 2) * before.width;
                    graph.push(
                        Task::Transition { block: block - 1, pixels: pixels.clone(), columns },
                        producers.writing(&read),
                    );
                    transition_producers.pixels.push(pixels);
                }
                producers = transition_producers;
            }
            for layer in 0..stage.channels.len() - 1 {
                let mut conv1x1_producers = Producers { first_task: graph.tasks.len(), ..Producers::default() };
                let tasks = conv1x1_parts(images * stage.pixels(), BOTTLENECK, threads, width);
                // Tasks that run concurrently prefetch the same part, each for its own thread's cache.
                let rounds = tasks.len().div_ceil(threads);
                for (index, (pixels, columns)) in tasks.into_iter().enumerate() {
                    let (dependencies, prefetch) = (producers.writing(&pixels), (index / threads, rounds));
                    graph.push(Task::Conv1x1 { block, layer, pixels: pixels.clone(), columns, prefetch }, dependencies);
                    conv1x1_producers.pixels.push(pixels);
                }
                producers = Producers { first_task: graph.tasks.len(), ..Producers::default() };
                for (tiles, columns) in conv3x3_parts(stage, images, threads, whole_rows) {
                    // One more line each way is read; it may be the next image's, which is then an unnecessary
                    // dependency.
                    let lines = stage.lines(tiles.clone());
                    let read = lines.start.saturating_sub(1) * stage.width
                        ..(lines.end + 1).min(images * stage.height) * stage.width;
                    let dependencies = conv1x1_producers.writing(&read);
                    graph.push(Task::Conv3x3 { block, layer, tiles, columns }, dependencies);
                    producers.pixels.push(lines.start * stage.width..lines.end * stage.width);
                }
            }
        }
        let last = shape.last().pixels();
        for image in 0..images {
            graph.push(Task::Head { image }, producers.writing(&(image * last..(image + 1) * last)));
        }
        graph
    }

    fn stem(&mut self, shape: &NetworkShape, images: usize, parts: usize) -> Producers {
        let stage = &shape.stages[0];
        let mut producers = Producers::default();
        for image in 0..images {
            for rows in even_parts(stage.height, parts.div_ceil(images)) {
                let line = |row: usize| (image * stage.height + row) * stage.width;
                producers.pixels.push(line(rows.start)..line(rows.end));
                self.push(Task::Stem { image, rows }, 0..0);
            }
        }
        producers
    }

    fn push(&mut self, task: Task, dependencies: Range<usize>) {
        self.tasks.push(task);
        self.dependencies.push(dependencies);
    }

    /// Whether it is for `images` images and `threads` threads.
    pub fn fits(&self, images: usize, threads: usize) -> bool {
        (self.images, self.threads) == (images, threads)
    }

    /// Which tasks must be finished before each.
    pub fn dependencies(&self) -> &[Range<usize>] {
        &self.dependencies
    }

    /// Bottleneck buffers of each block: a layer may start while the one before is still running.
    pub const BOTTLENECK_BUFFERS: usize = 2;

    /// Runs a task; the result of image i goes to image number `target + i` of the output.
    pub fn run(
        &self,
        task: usize,
        layers: &Layers,
        images: &[ImageView],
        (output, results, target): (Output, Span, usize),
        scratch: &mut [f32],
    ) {
        let bottleneck =
            |block: usize, layer: usize| block * Self::BOTTLENECK_BUFFERS + layer % Self::BOTTLENECK_BUFFERS;
        match self.tasks[task].clone() {
            Task::Stem { image, rows } => layers.stem(images[image], image, rows, scratch),
            Task::Conv1x1 { block, layer, pixels, columns, prefetch } => {
                let prefetch = layers.filters((block, layer), prefetch);
                layers.conv1x1((block, layer), bottleneck(block, layer), (pixels, columns), prefetch, scratch);
            }
            Task::Conv3x3 { block, layer, tiles, columns } => {
                layers.conv3x3((block, layer), bottleneck(block, layer), (tiles, columns), scratch);
            }
            Task::Transition { block, pixels, columns } => layers.transition(block, 0, pixels, columns, scratch),
            Task::Head { image } => layers.head(image, output, results, target + image),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a tile.
    fn tile_pixels(stage: &Stage, tile: usize) -> Vec<usize> {
        let (side, row, column) = (stage.tiling.tile_side(), tile / stage.tile_columns(), tile % stage.tile_columns());
        let (image, y, x) = (row / stage.tile_rows(), row % stage.tile_rows() * side, column * side);
        let lines = y..(y + side).min(stage.height);
        lines
            .flat_map(|y| (x..(x + side).min(stage.width)).map(move |x| (y, x)))
            .map(|(y, x)| (image * stage.height + y) * stage.width + x)
            .collect()
    }

    /// The pixels that a task reads of what its dependencies wrote.
    fn reads(shape: &NetworkShape, task: &Task) -> Option<Vec<usize>> {
        Some(match task {
            Task::Conv1x1 { pixels, .. } => pixels.clone().collect(),
            Task::Conv3x3 { block, tiles, .. } => {
                let stage = &shape.stages[*block];
                let (height, width) = (stage.height, stage.width);
                let around = |pixel: usize| {
                    let (image, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
                    let lines = y.saturating_sub(1)..(y + 2).min(height);
                    lines.flat_map(move |y| {
                        (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (image * height + y) * width + x)
                    })
                };
                tiles.clone().flat_map(|tile| tile_pixels(stage, tile)).flat_map(around).collect()
            }
            _ => return None,
        })
    }

    /// The pixels that a task writes, how many channels of them, and how many channels there are.
    fn writes(shape: &NetworkShape, task: &Task) -> (Vec<usize>, usize, usize) {
        match task {
            Task::Stem { image, rows } => {
                let stage = &shape.stages[0];
                let line = |row: usize| (image * stage.height + row) * stage.width;
                ((line(rows.start)..line(rows.end)).collect(), 1, 1)
            }
            Task::Conv1x1 { pixels, columns, .. } => (pixels.clone().collect(), columns.len(), BOTTLENECK),
            Task::Transition { block, pixels, columns } => {
                (pixels.clone().collect(), columns.len(), shape.stages[block + 1].channels[0])
            }
            Task::Conv3x3 { block, tiles, columns, .. } => {
                let pixels = tiles.clone().flat_map(|tile| tile_pixels(&shape.stages[*block], tile));
                (pixels.collect(), columns.len(), GROWTH_RATE)
            }
            Task::Head { .. } => (Vec::new(), 0, 0),
        }
    }

    fn graph(shape: &NetworkShape, images: usize, threads: usize, whole_rows: bool) -> TaskGraph {
        TaskGraph::new(shape, images, threads, 32, whole_rows)
    }

    #[test]
    fn dependencies_cover_all_pixels_read() {
        let cases = [(64, 64, 1, 2), (224, 224, 1, 2), (75, 97, 3, 4), (257, 300, 2, 16)];
        for ((height, width, images, threads), whole_rows) in
            cases.into_iter().flat_map(|case| [(case, false), (case, true)])
        {
            let shape = NetworkShape::new(height, width);
            let graph = graph(&shape, images, threads, whole_rows);
            for (index, (task, dependencies)) in graph.tasks.iter().zip(&graph.dependencies).enumerate() {
                assert!(dependencies.end <= index);
                let Some(read) = reads(&shape, task) else {
                    continue;
                };
                for dependency in &graph.tasks[dependencies.clone()] {
                    match (task, dependency) {
                        (Task::Conv1x1 { layer: 0, .. }, Task::Stem { .. } | Task::Transition { .. }) => {}
                        (Task::Conv1x1 { block, layer, .. }, Task::Conv3x3 { block: of, layer: before, .. }) => {
                            assert_eq!((block, *layer), (of, before + 1));
                        }
                        (Task::Conv3x3 { block, layer, .. }, Task::Conv1x1 { block: of, layer: before, .. }) => {
                            assert_eq!((block, layer), (of, before));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                // The first block has the most pixels.
                let (mut written, mut all) = (vec![0; images * shape.stages[0].pixels()], 0);
                for dependency in &graph.tasks[dependencies.clone()] {
                    let (pixels, channels, of) = writes(&shape, dependency);
                    pixels.into_iter().for_each(|pixel| written[pixel] += channels);
                    all = of;
                }
                for pixel in read {
                    assert_eq!(
                        written[pixel], all,
                        "{task:?} depends on {dependencies:?}, which lack part of pixel {pixel}"
                    );
                }
                assert!(all > 0);
            }
        }
    }

    #[test]
    fn conv3x3_tasks_partition_tiles_and_channels() {
        for (side, images, threads, whole_rows) in
            [(224, 1, 1, false), (224, 1, 2, false), (64, 1, 2, false), (64, 3, 16, false), (160, 2, 3, true)]
        {
            let shape = NetworkShape::new(side, side + 32);
            for (block, stage) in shape.stages.iter().enumerate() {
                let mut times = vec![[0; GROWTH_RATE]; images * stage.tile_rows() * stage.tile_columns()];
                for task in graph(&shape, images, threads, whole_rows).tasks {
                    if let Task::Conv3x3 { block: of, layer: 0, tiles, columns } = task
                        && of == block
                    {
                        assert!(!whole_rows || tiles.end.is_multiple_of(stage.tile_columns()));
                        assert!(!whole_rows || columns == (0..GROWTH_RATE));
                        for tile in &mut times[tiles] {
                            tile[columns.clone()].iter_mut().for_each(|times| *times += 1);
                        }
                    }
                }
                assert!(times.iter().flatten().all(|times| *times == 1), "block {block}: {times:?}");
            }
        }
    }
}
