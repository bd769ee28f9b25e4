//! Many images: each task takes a group through the whole network, so that threads never wait for each other.

use super::filtering::{GROWTH, INNER};
use super::layers::{Layers, Output};
use super::memory::Span;
use super::shape::Shape;
use crate::cut::{cut, steps};
use lens_images::ImageView;
use std::ops::Range;

/// Floats of each block's features that are computed together: with weights and scratch memory they stay in the
/// second-level cache. Those of the third block do not: it has most of the weights and few pixels, and gains more from
/// fetching each weight for more of them.
const TOGETHER: [usize; 4] = [192 * 1024, 192 * 1024, 600 * 1024, 192 * 1024];
/// Floats of the inner buffer that a 1x1 convolution makes before the 3x3 convolution reads them.
const BAND: usize = 64 * 1024;
/// Pixels of images that a thread computes in the time in which all weights come from memory, as measured.
const FETCHING: usize = 64 * 64;
/// Images that go through the last block together at most.
const MOST: usize = 32;

/// How many images of a block are computed together in groups of at most `group`.
fn together(shape: &Shape, block: usize, group: usize) -> usize {
    (TOGETHER[block] / shape.stages[block].floats()).clamp(1, group)
}

/// How many of `count` images go through in groups: all, or as many for each thread as for the others. What is left then
/// all threads compute together, for which the weights are fetched once more: that pays where threads without an image
/// would wait for longer.
pub fn grouped(shape: &Shape, count: usize, threads: usize) -> usize {
    let left = count % threads;
    let waiting = shape.height * shape.width * (threads - left) / threads;
    if left > 0 && (count < threads || waiting > FETCHING) { count - left } else { count }
}

/// Images of each group when `threads` threads share `count` images: as even as can be, and as many groups for each.
pub fn groups(shape: &Shape, count: usize, threads: usize) -> Vec<Range<usize>> {
    let most = together(shape, shape.stages.len() - 1, MOST);
    cut(count, count.div_ceil(most).next_multiple_of(threads)).collect()
}

/// Floats of each block's features, and of the inner buffer, for groups of at most `group` images.
pub fn sizes(shape: &Shape, group: usize) -> (Vec<usize>, usize) {
    let stages = || shape.stages.iter().enumerate().map(|(block, stage)| (stage, together(shape, block, group)));
    let features = stages().map(|(stage, images)| images * stage.floats()).collect();
    let inner = stages().map(|(stage, images)| images * stage.pixels() * INNER).max().unwrap_or(0);
    (features, inner)
}

/// One group on its way.
pub struct Group<'a> {
    pub layers: &'a Layers<'a>,
    pub images: &'a [ImageView<'a>],
    pub scratch: &'a mut [f32],
}

impl Group<'_> {
    /// Takes all images through the network; their results go to those from number `target` on.
    pub fn run(&mut self, output: Output, results: Span, target: usize) {
        let last = self.layers.shape.stages.len() - 1;
        self.each_part(last, 0..self.images.len(), &mut |this, part| {
            for (image, number) in part.enumerate() {
                this.layers.head(image, output, results, target + number);
            }
        });
    }

    /// Computes a block's features for so many images at a time as fit, and calls `done` with the images' numbers; they
    /// then lie at the beginning of the block's memory.
    fn each_part(&mut self, block: usize, images: Range<usize>, done: &mut dyn FnMut(&mut Self, Range<usize>)) {
        let most = together(self.layers.shape, block, self.images.len());
        for part in steps(images, most) {
            if block == 0 {
                for (target, image) in part.clone().enumerate() {
                    let shape = self.layers.shape;
                    self.layers.stem(self.images[image], target, 0..shape.stages[0].height, self.scratch);
                }
            } else {
                self.each_part(block - 1, part.clone(), &mut |this, from| {
                    let stage = &this.layers.shape.stages[block];
                    let (pixels, columns) = (stage.pixels(), stage.channels[0]);
                    let target = from.start - part.start;
                    this.layers.transition(block - 1, target, 0..from.len() * pixels, 0..columns, this.scratch);
                });
            }
            self.block(block, part.len());
            done(self, part);
        }
    }

    /// All layers of a block on the first images of its memory.
    fn block(&mut self, block: usize, images: usize) {
        let stage = &self.layers.shape.stages[block];
        let (rows, across, lines) = (images * stage.tile_rows(), stage.tiles_across(), images * stage.height);
        let band = (BAND / (INNER * stage.width * stage.tiling.side())).max(1);
        for layer in 0..stage.channels.len() - 1 {
            let mut reduced = 0;
            for rows in steps(0..rows, band) {
                let tiles = rows.start * across..rows.end * across;
                // A row of tiles reads one row of pixels more than it writes, if the image has it.
                let needed = (stage.lines(tiles.clone()).end + 1).min(lines) * stage.width;
                self.layers.reduce((block, layer), 0, (reduced..needed, 0..INNER), &[], self.scratch);
                self.layers.expand((block, layer), 0, (tiles, 0..GROWTH), self.scratch);
                reduced = needed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_get_equal_shares_of_all_images() {
        for (side, count, threads) in [(64, 64, 2), (64, 65, 1), (224, 8, 2), (64, 300, 3), (512, 16, 8)] {
            let groups = groups(&Shape::new(side, side), count, threads);
            assert_eq!(groups.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            assert!(groups.len().is_multiple_of(threads), "{} groups for {threads} threads", groups.len());
            assert!(groups.iter().all(|group| (1..=MOST).contains(&group.len())));
        }
    }

    #[test]
    fn what_is_left_is_shared_where_that_takes_less_than_waiting() {
        for (side, count, threads, expected) in [
            (64, 1, 1, 1),
            (64, 1, 2, 0),
            (224, 3, 4, 0),
            (64, 64, 2, 64),
            (64, 65, 2, 65),
            (224, 9, 2, 8),
            (96, 3, 2, 2),
            (80, 3, 2, 3),
            (160, 15, 8, 15),
            (224, 9, 8, 8),
            (512, 15, 8, 8),
        ] {
            assert_eq!(grouped(&Shape::new(side, side), count, threads), expected, "{count} of {side} on {threads}");
        }
    }

    #[test]
    fn memory_does_not_grow_beyond_a_group() {
        let floats = |group| {
            let (features, inner) = sizes(&Shape::new(64, 64), group);
            features.iter().sum::<usize>() + inner
        };
        assert!(floats(MOST) < TOGETHER.iter().sum::<usize>() + 2 * BAND);
    }
}
