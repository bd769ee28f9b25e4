//! Few images: every layer is cut into tasks, each of which begins when the parts of the layer before that it reads are
//! done. There are no barriers, so that no thread waits while anything can be computed.

use super::filtering::{GROWTH, INNER};
use super::layers::{Layers, Output};
use super::memory::Span;
use super::multiply::MOST_ROWS;
use super::shape::{Shape, Stage};
use super::winograd::SHARE;
use crate::cut::cut;
use lens_images::ImageView;
use std::ops::Range;

/// Tasks of a layer for each thread: more even out threads of different speed, and cost more.
const TASKS: usize = 2;
/// Pixels of a 1x1 convolution that are worth a task: about two tiles of the widest registers.
const FEWEST_PIXELS: usize = 24;
/// Tiles that go through the widest registers at once: so few are computed with before the next weights have come.
const FEW_TILES: usize = MOST_ROWS;
/// Tiles of a 3x3 convolution that are worth a task when all threads have one: each task reads all of the weights.
const FEWEST_TILES: usize = 2 * FEW_TILES;

/// A part of a layer. Pixels and rows are counted through all images.
#[derive(Clone, Debug)]
enum Work {
    Stem {
        image: usize,
        rows: Range<usize>,
    },
    /// `soon` is the part of the 3x3 convolution's weights that it asks for, and of how many.
    Reduce {
        block: usize,
        layer: usize,
        pixels: Range<usize>,
        columns: Range<usize>,
        soon: (usize, usize),
    },
    Expand {
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

/// The tasks for some images, in the order in which they are begun.
pub struct Flow {
    images: usize,
    threads: usize,
    work: Vec<Work>,
    needs: Vec<Range<usize>>,
}

/// The last tasks that wrote something: which pixels, and the first one's number.
#[derive(Default)]
struct Written {
    first: usize,
    pixels: Vec<Range<usize>>,
}

impl Written {
    /// The tasks that write any of these pixels.
    fn tasks(&self, pixels: &Range<usize>) -> Range<usize> {
        let before = self.pixels.iter().take_while(|written| written.end <= pixels.start).count();
        let reached = self.pixels.iter().take_while(|written| written.start < pixels.end).count();
        self.first + before..self.first + reached
    }
}

/// Tasks of a layer.
fn parts(threads: usize) -> usize {
    threads * TASKS
}

/// Pixels and columns of the tasks of a 1x1 convolution. Columns are shared out, too, where there are so few pixels that
/// threads would have nothing to do; each such task has to pack the pixels anew.
fn pieces(pixels: usize, columns: usize, threads: usize, width: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let cuts = (pixels / FEWEST_PIXELS).clamp(1, parts(threads));
    let panels = columns / width;
    let mut pieces = Vec::new();
    for pixels in cut(pixels, cuts) {
        for panels in cut(panels, threads.div_ceil(cuts)) {
            pieces.push((pixels.clone(), panels.start * width..panels.end * width));
        }
    }
    pieces
}

/// Tiles and channels of the tasks of a 3x3 convolution: whole rows of tiles, or any. Tasks for few tiles share out the
/// channels, so that each reads a part of the weights.
fn shares(stage: &Stage, images: usize, threads: usize, whole_rows: bool) -> Vec<(Range<usize>, Range<usize>)> {
    let (rows, across) = (images * stage.tile_rows(), stage.tiles_across());
    if whole_rows {
        let rows = cut(rows, parts(threads));
        return rows.map(|rows| (rows.start * across..rows.end * across, 0..GROWTH)).collect();
    }
    let tiles = rows * across;
    let column_cuts = if tiles > FEW_TILES { 1 } else { GROWTH / SHARE };
    let cuts = (tiles / FEWEST_TILES).clamp(threads.div_ceil(column_cuts), parts(threads));
    let mut shares = Vec::new();
    for tiles in cut(tiles, cuts) {
        for columns in cut(GROWTH, column_cuts) {
            shares.push((tiles.clone(), columns));
        }
    }
    shares
}

impl Flow {
    /// For so many images and threads, with panels of `width` columns; 3x3 convolutions compute whole rows of tiles or
    /// any tiles.
    pub fn new(shape: &Shape, images: usize, threads: usize, width: usize, whole_rows: bool) -> Self {
        let parts = parts(threads);
        let mut flow = Flow { images, threads, work: Vec::new(), needs: Vec::new() };
        let mut written = flow.stem(shape, images, parts);
        for (block, stage) in shape.stages.iter().enumerate() {
            if block > 0 {
                let before = &shape.stages[block - 1];
                let mut made = Written { first: flow.work.len(), ..Written::default() };
                for (pixels, columns) in pieces(images * stage.pixels(), stage.channels[0], threads, width) {
                    // The rows of the block before that are pooled to these pixels.
                    let row = |pixel: usize| {
                        let line = pixel / stage.width;
                        line / stage.height * before.height + line % stage.height * 2
                    };
                    let read = row(pixels.start) * before.width..(row(pixels.end - 1) + 2) * before.width;
                    flow.push(
                        Work::Transition { block: block - 1, pixels: pixels.clone(), columns },
                        written.tasks(&read),
                    );
                    made.pixels.push(pixels);
                }
                written = made;
            }
            for layer in 0..stage.channels.len() - 1 {
                let mut reduced = Written { first: flow.work.len(), ..Written::default() };
                let pieces = pieces(images * stage.pixels(), INNER, threads, width);
                // Tasks that run side by side ask for the same part, each for its own thread's cache.
                let rounds = pieces.len().div_ceil(threads);
                for (index, (pixels, columns)) in pieces.into_iter().enumerate() {
                    let (needs, soon) = (written.tasks(&pixels), (index / threads, rounds));
                    flow.push(Work::Reduce { block, layer, pixels: pixels.clone(), columns, soon }, needs);
                    reduced.pixels.push(pixels);
                }
                written = Written { first: flow.work.len(), ..Written::default() };
                for (tiles, columns) in shares(stage, images, threads, whole_rows) {
                    // One more each way is read, which may be the next image's and then is waited for in vain.
                    let lines = stage.lines(tiles.clone());
                    let read = lines.start.saturating_sub(1) * stage.width
                        ..(lines.end + 1).min(images * stage.height) * stage.width;
                    let needs = reduced.tasks(&read);
                    flow.push(Work::Expand { block, layer, tiles, columns }, needs);
                    written.pixels.push(lines.start * stage.width..lines.end * stage.width);
                }
            }
        }
        let last = shape.last().pixels();
        for image in 0..images {
            flow.push(Work::Head { image }, written.tasks(&(image * last..(image + 1) * last)));
        }
        flow
    }

    fn stem(&mut self, shape: &Shape, images: usize, parts: usize) -> Written {
        let stage = &shape.stages[0];
        let mut written = Written::default();
        for image in 0..images {
            for rows in cut(stage.height, parts.div_ceil(images)) {
                let line = |row: usize| (image * stage.height + row) * stage.width;
                written.pixels.push(line(rows.start)..line(rows.end));
                self.push(Work::Stem { image, rows }, 0..0);
            }
        }
        written
    }

    fn push(&mut self, work: Work, needs: Range<usize>) {
        self.work.push(work);
        self.needs.push(needs);
    }

    /// Whether it is for so many images and threads.
    pub fn fits(&self, images: usize, threads: usize) -> bool {
        (self.images, self.threads) == (images, threads)
    }

    /// Which tasks have to be done before each.
    pub fn needs(&self) -> &[Range<usize>] {
        &self.needs
    }

    /// How many inner buffers of each block are in use at once: a layer may begin while the one before goes on.
    pub const INNER: usize = 2;

    /// Does a task; results of image i go to number `target + i` of the output.
    pub fn run(
        &self,
        task: usize,
        layers: &Layers,
        images: &[ImageView],
        (output, results, target): (Output, Span, usize),
        scratch: &mut [f32],
    ) {
        let inner = |block: usize, layer: usize| block * Self::INNER + layer % Self::INNER;
        match self.work[task].clone() {
            Work::Stem { image, rows } => layers.stem(images[image], image, rows, scratch),
            Work::Reduce { block, layer, pixels, columns, soon } => {
                let soon = layers.filters((block, layer), soon);
                layers.reduce((block, layer), inner(block, layer), (pixels, columns), soon, scratch);
            }
            Work::Expand { block, layer, tiles, columns } => {
                layers.expand((block, layer), inner(block, layer), (tiles, columns), scratch);
            }
            Work::Transition { block, pixels, columns } => layers.transition(block, 0, pixels, columns, scratch),
            Work::Head { image } => layers.head(image, output, results, target + image),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a tile.
    fn tile_pixels(stage: &Stage, tile: usize) -> Vec<usize> {
        let (side, row, column) = (stage.tiling.side(), tile / stage.tiles_across(), tile % stage.tiles_across());
        let (image, y, x) = (row / stage.tile_rows(), row % stage.tile_rows() * side, column * side);
        let lines = y..(y + side).min(stage.height);
        lines
            .flat_map(|y| (x..(x + side).min(stage.width)).map(move |x| (y, x)))
            .map(|(y, x)| (image * stage.height + y) * stage.width + x)
            .collect()
    }

    /// Which pixels a task reads of what the tasks of one kind before it wrote.
    fn reads(shape: &Shape, work: &Work) -> Option<Vec<usize>> {
        Some(match work {
            Work::Reduce { pixels, .. } => pixels.clone().collect(),
            Work::Expand { block, tiles, .. } => {
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

    /// Which pixels a task writes, how many channels of them, and how many there are.
    fn writes(shape: &Shape, work: &Work) -> (Vec<usize>, usize, usize) {
        match work {
            Work::Stem { image, rows } => {
                let stage = &shape.stages[0];
                let line = |row: usize| (image * stage.height + row) * stage.width;
                ((line(rows.start)..line(rows.end)).collect(), 1, 1)
            }
            Work::Reduce { pixels, columns, .. } => (pixels.clone().collect(), columns.len(), INNER),
            Work::Transition { block, pixels, columns } => {
                (pixels.clone().collect(), columns.len(), shape.stages[block + 1].channels[0])
            }
            Work::Expand { block, tiles, columns, .. } => {
                let pixels = tiles.clone().flat_map(|tile| tile_pixels(&shape.stages[*block], tile));
                (pixels.collect(), columns.len(), GROWTH)
            }
            Work::Head { .. } => (Vec::new(), 0, 0),
        }
    }

    fn flow(shape: &Shape, images: usize, threads: usize, whole_rows: bool) -> Flow {
        Flow::new(shape, images, threads, 32, whole_rows)
    }

    #[test]
    fn every_pixel_that_is_read_was_waited_for() {
        let cases = [(64, 64, 1, 2), (224, 224, 1, 2), (75, 97, 3, 4), (257, 300, 2, 16)];
        for ((height, width, images, threads), whole_rows) in
            cases.into_iter().flat_map(|case| [(case, false), (case, true)])
        {
            let shape = Shape::new(height, width);
            let flow = flow(&shape, images, threads, whole_rows);
            for (task, (work, needs)) in flow.work.iter().zip(&flow.needs).enumerate() {
                assert!(needs.end <= task);
                let Some(read) = reads(&shape, work) else {
                    continue;
                };
                for need in &flow.work[needs.clone()] {
                    match (work, need) {
                        (Work::Reduce { layer: 0, .. }, Work::Stem { .. } | Work::Transition { .. }) => {}
                        (Work::Reduce { block, layer, .. }, Work::Expand { block: of, layer: before, .. }) => {
                            assert_eq!((block, *layer), (of, before + 1));
                        }
                        (Work::Expand { block, layer, .. }, Work::Reduce { block: of, layer: before, .. }) => {
                            assert_eq!((block, layer), (of, before));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                // The first block has the most pixels.
                let (mut written, mut all) = (vec![0; images * shape.stages[0].pixels()], 0);
                for need in &flow.work[needs.clone()] {
                    let (pixels, channels, of) = writes(&shape, need);
                    pixels.into_iter().for_each(|pixel| written[pixel] += channels);
                    all = of;
                }
                for pixel in read {
                    assert_eq!(written[pixel], all, "{work:?} needs {needs:?}, not all of pixel {pixel}");
                }
                assert!(all > 0);
            }
        }
    }

    #[test]
    fn every_channel_of_a_tile_belongs_to_one_task_and_rows_are_whole_where_they_must_be() {
        for (side, images, threads, whole_rows) in
            [(224, 1, 1, false), (224, 1, 2, false), (64, 1, 2, false), (64, 3, 16, false), (160, 2, 3, true)]
        {
            let shape = Shape::new(side, side + 32);
            for (block, stage) in shape.stages.iter().enumerate() {
                let mut times = vec![[0; GROWTH]; images * stage.tile_rows() * stage.tiles_across()];
                for work in flow(&shape, images, threads, whole_rows).work {
                    if let Work::Expand { block: of, layer: 0, tiles, columns } = work
                        && of == block
                    {
                        assert!(!whole_rows || tiles.end.is_multiple_of(stage.tiles_across()));
                        assert!(!whole_rows || columns == (0..GROWTH));
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
