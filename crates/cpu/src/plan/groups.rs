//! Scheduling of many images: each task computes the whole network for a group of images, so that threads never wait
//! for each other.

use super::layers::{Layers, Output};
use super::memory::Span;
use super::shape::NetworkShape;
use super::winograd_transform::{BOTTLENECK, GROWTH_RATE};
use crate::partition::{chunk_ranges, even_parts};
use lens_images::ImageView;
use std::ops::Range;

/// Floats of each block's features that are computed at a time: with weights and scratch memory they stay in the
/// second-level cache. Those of the third block do not: it has most of the weights and few pixels, and gains more from
/// reading each weight for more pixels.
const BLOCK_FLOATS: [usize; 4] = [192 * 1024, 192 * 1024, 600 * 1024, 192 * 1024];
/// Floats of bottleneck features that a 1x1 convolution writes before the 3x3 convolution reads them.
const BOTTLENECK_BAND_FLOATS: usize = 64 * 1024;
/// Input pixels that a thread computes in the time in which all weights are read from memory, as measured.
const WEIGHT_FETCH_PIXELS: usize = 64 * 64;
/// The most images of a group.
const MAX_GROUP_IMAGES: usize = 32;

/// How many images of a block are computed at a time in groups of at most `group`.
fn images_at_once(shape: &NetworkShape, block: usize, group: usize) -> usize {
    (BLOCK_FLOATS[block] / shape.stages[block].floats()).clamp(1, group)
}

/// How many of `count` images are computed in groups: all, or the largest multiple of `threads`. The threads compute
/// the remaining ones together, for which the weights are read once more; that pays if threads without an image would
/// wait for longer.
pub fn grouped_count(shape: &NetworkShape, count: usize, threads: usize) -> usize {
    let left = count % threads;
    let waiting = shape.height * shape.width * (threads - left) / threads;
    if left > 0 && (count < threads || waiting > WEIGHT_FETCH_PIXELS) { count - left } else { count }
}

/// The images of each group: groups as even as possible, the same number for each thread.
pub fn groups(shape: &NetworkShape, count: usize, threads: usize) -> Vec<Range<usize>> {
    let max_images = images_at_once(shape, shape.stages.len() - 1, MAX_GROUP_IMAGES);
    even_parts(count, count.div_ceil(max_images).next_multiple_of(threads)).collect()
}

/// Floats of each block's features and of the bottleneck buffer, for groups of at most `group` images.
pub fn buffer_sizes(shape: &NetworkShape, group: usize) -> (Vec<usize>, usize) {
    let stages = || shape.stages.iter().enumerate().map(|(block, stage)| (stage, images_at_once(shape, block, group)));
    let features = stages().map(|(stage, images)| images * stage.floats()).collect();
    let bottleneck = stages().map(|(stage, images)| images * stage.pixels() * BOTTLENECK).max().unwrap_or(0);
    (features, bottleneck)
}

/// A group of images and the memory that it is computed on.
pub struct Group<'a> {
    pub layers: &'a Layers<'a>,
    pub images: &'a [ImageView<'a>],
    pub scratch: &'a mut [f32],
}

impl Group<'_> {
    /// Computes the network for all images; results go to image numbers from `target` on.
    pub fn run(&mut self, output: Output, results: Span, target: usize) {
        let last = self.layers.shape.stages.len() - 1;
        self.for_each_part(last, 0..self.images.len(), &mut |this, part| {
            for (image, number) in part.enumerate() {
                this.layers.head(image, output, results, target + number);
            }
        });
    }

    /// Computes a block's features for as many images at a time as fit, and calls `done` with the numbers of these
    /// images; their features are then at the beginning of the block's buffer.
    fn for_each_part(&mut self, block: usize, images: Range<usize>, done: &mut dyn FnMut(&mut Self, Range<usize>)) {
        let max_images = images_at_once(self.layers.shape, block, self.images.len());
        for part in chunk_ranges(images, max_images) {
            if block == 0 {
                for (target, image) in part.clone().enumerate() {
                    let shape = self.layers.shape;
                    self.layers.stem(self.images[image], target, 0..shape.stages[0].height, self.scratch);
                }
            } else {
                self.for_each_part(block - 1, part.clone(), &mut |this, from| {
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

    /// All layers of a block, on the first images of its buffer.
    fn block(&mut self, block: usize, images: usize) {
        let stage = &self.layers.shape.stages[block];
        let (rows, across, lines) = (images * stage.tile_rows(), stage.tile_columns(), images * stage.height);
        let band_rows = (BOTTLENECK_BAND_FLOATS / (BOTTLENECK * stage.width * stage.tiling.tile_side())).max(1);
        for layer in 0..stage.channels.len() - 1 {
            let mut done_pixels = 0;
            for rows in chunk_ranges(0..rows, band_rows) {
                let tiles = rows.start * across..rows.end * across;
                // A row of tiles reads one more row of pixels than it writes, if the image has it.
                let needed = (stage.lines(tiles.clone()).end + 1).min(lines) * stage.width;
                self.layers.conv1x1((block, layer), 0, (done_pixels..needed, 0..BOTTLENECK), &[], self.scratch);
                self.layers.conv3x3((block, layer), 0, (tiles, 0..GROWTH_RATE), self.scratch);
                done_pixels = needed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_all_images_evenly() {
        for (side, count, threads) in [(64, 64, 2), (64, 65, 1), (224, 8, 2), (64, 300, 3), (512, 16, 8)] {
            let groups = groups(&NetworkShape::new(side, side), count, threads);
            assert_eq!(groups.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            assert!(groups.len().is_multiple_of(threads), "{} groups for {threads} threads", groups.len());
            assert!(groups.iter().all(|group| (1..=MAX_GROUP_IMAGES).contains(&group.len())));
        }
    }

    #[test]
    fn leftover_images_are_computed_together_if_faster() {
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
            assert_eq!(
                grouped_count(&NetworkShape::new(side, side), count, threads),
                expected,
                "{count} of {side} on {threads}"
            );
        }
    }

    #[test]
    fn memory_is_bounded_by_group() {
        let floats = |group| {
            let (features, bottleneck) = buffer_sizes(&NetworkShape::new(64, 64), group);
            features.iter().sum::<usize>() + bottleneck
        };
        assert!(floats(MAX_GROUP_IMAGES) < BLOCK_FLOATS.iter().sum::<usize>() + 2 * BOTTLENECK_BAND_FLOATS);
    }
}
