//! Few images: every layer is cut into tasks, each of which begins when the parts of the layer before that it reads are
//! done. There are no barriers, so that no thread waits while anything can be computed.

use super::filtering::INNER;
use super::layers::{Layers, Output};
use super::memory::Span;
use super::shape::Shape;
use super::stem::Image;
use std::ops::Range;

/// Tasks of a layer for each thread: more even out threads of different speed, and cost more.
const TASKS: usize = 2;
/// Pixels of a 1x1 convolution that are worth a task: about two tiles of the widest registers.
const FEWEST_PIXELS: usize = 24;

/// A part of a layer. Pixels and rows are counted through all images.
#[derive(Clone, Debug)]
enum Work {
    Stem { image: usize, rows: Range<usize> },
    Reduce { block: usize, layer: usize, pixels: Range<usize>, columns: Range<usize> },
    Expand { block: usize, layer: usize, rows: Range<usize> },
    Transition { block: usize, pixels: Range<usize>, columns: Range<usize> },
    Head { image: usize },
}

/// The tasks for some images, in the order in which they are begun.
pub struct Flow {
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
    if threads == 1 { 1 } else { threads * TASKS }
}

/// `count` things in `parts` parts, as even as can be, without empty ones.
fn cut(count: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = parts.clamp(1, count);
    (0..parts).map(move |part| count * part / parts..count * (part + 1) / parts)
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

impl Flow {
    /// For so many images and threads, with panels of `width` columns.
    pub fn new(shape: &Shape, images: usize, threads: usize, width: usize, transition_columns: &[usize]) -> Self {
        let parts = parts(threads);
        let mut flow = Flow { work: Vec::new(), needs: Vec::new() };
        let mut written = flow.stem(shape, images, parts);
        for (block, stage) in shape.stages.iter().enumerate() {
            if block > 0 {
                let before = &shape.stages[block - 1];
                let columns = transition_columns[block - 1];
                let mut made = Written { first: flow.work.len(), ..Written::default() };
                for (pixels, columns) in pieces(images * stage.pixels(), columns, threads, width) {
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
                for (pixels, columns) in pieces(images * stage.pixels(), INNER, threads, width) {
                    let needs = written.tasks(&pixels);
                    flow.push(Work::Reduce { block, layer, pixels: pixels.clone(), columns }, needs);
                    reduced.pixels.push(pixels);
                }
                written = Written { first: flow.work.len(), ..Written::default() };
                for rows in cut(images * stage.tile_rows(), parts) {
                    // One more each way is read, which may be the next image's and then is waited for in vain.
                    let lines = stage.lines(rows.clone());
                    let read = lines.start.saturating_sub(1) * stage.width
                        ..(lines.end + 1).min(images * stage.height) * stage.width;
                    let needs = reduced.tasks(&read);
                    flow.push(Work::Expand { block, layer, rows }, needs);
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
            for rows in cut(stage.height, parts.div_ceil(images) * 2) {
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
        images: &[Image],
        (output, results, target): (Output, Span, usize),
        scratch: &mut [f32],
    ) {
        let inner = |block: usize, layer: usize| block * Self::INNER + layer % Self::INNER;
        match self.work[task].clone() {
            Work::Stem { image, rows } => layers.stem(images[image], image, rows, scratch),
            Work::Reduce { block, layer, pixels, columns } => {
                layers.reduce((block, layer), inner(block, layer), pixels, columns, scratch);
            }
            Work::Expand { block, layer, rows } => {
                layers.expand((block, layer), inner(block, layer), rows, scratch);
            }
            Work::Transition { block, pixels, columns } => layers.transition(block, 0, pixels, columns, scratch),
            Work::Head { image } => layers.head(image, output, results, target + image),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which pixels a task reads of what the tasks of one kind before it wrote.
    fn reads(shape: &Shape, work: &Work) -> Option<Range<usize>> {
        Some(match work {
            Work::Reduce { pixels, .. } => pixels.clone(),
            Work::Expand { block, rows, .. } => {
                let stage = &shape.stages[*block];
                let side = stage.tiling.side();
                let place = |row: usize| (row / stage.tile_rows() * stage.height, row % stage.tile_rows() * side);
                let (image, first) = place(rows.start);
                let (last_image, last) = place(rows.end - 1);
                let end = last_image + (last + side + 1).min(stage.height);
                (image + first.saturating_sub(1)) * stage.width..end * stage.width
            }
            _ => return None,
        })
    }

    #[test]
    fn every_pixel_that_is_read_was_waited_for() {
        for (height, width, images, threads) in [(64, 64, 1, 2), (224, 224, 1, 2), (75, 97, 3, 4), (257, 300, 2, 16)] {
            let shape = Shape::new(height, width);
            let flow = Flow::new(&shape, images, threads, 32, &[128, 256, 512]);
            for (task, (work, needs)) in flow.work.iter().zip(&flow.needs).enumerate() {
                assert!(needs.end <= task);
                let Some(read) = reads(&shape, work) else {
                    continue;
                };
                let mut covered = vec![0; read.end];
                for need in &flow.work[needs.clone()] {
                    let written = match (work, need) {
                        (Work::Reduce { .. }, Work::Stem { image, rows }) => {
                            let stage = &shape.stages[0];
                            (image * stage.height + rows.start) * stage.width
                                ..(image * stage.height + rows.end) * stage.width
                        }
                        (Work::Reduce { .. }, Work::Transition { pixels, .. }) => pixels.clone(),
                        (Work::Reduce { block, layer, .. }, Work::Expand { block: of, layer: before, rows }) => {
                            assert_eq!((block, *layer), (of, before + 1));
                            let stage = &shape.stages[*of];
                            let line = |row: usize| {
                                row / stage.tile_rows() * stage.height + row % stage.tile_rows() * stage.tiling.side()
                            };
                            line(rows.start) * stage.width..line(rows.end).min(images * stage.height) * stage.width
                        }
                        (Work::Expand { block, layer, .. }, Work::Reduce { block: of, layer: before, pixels, .. }) => {
                            assert_eq!((block, layer), (of, before));
                            pixels.clone()
                        }
                        other => panic!("{other:?}"),
                    };
                    for pixel in written.filter(|pixel| *pixel < read.end) {
                        covered[pixel] += 1;
                    }
                }
                assert!(covered[read.clone()].iter().all(|count| *count > 0), "{work:?} needs {needs:?}");
            }
        }
    }
}
