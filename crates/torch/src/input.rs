//! Conversion of the caller's images to an input tensor.

use crate::error::Result;
use crate::torch::pinned_memory;
use lens_images::{ImageView, Images};
use std::marker::PhantomData;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// Images of one size in the machine's memory: borrowed for the CPU, a copy for a GPU.
pub(crate) struct Input<'a> {
    device: Device,
    height: i64,
    width: i64,
    /// One-dimensional tensors of floats.
    buffers: Vec<Tensor>,
    runs: Vec<StridedRun>,
    /// Some of `buffers` may be the caller's.
    _caller: PhantomData<&'a [f32]>,
}

/// Images at equal distances in one buffer: a strided view, in which overlapping images share pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StridedRun {
    /// Index of the buffer.
    memory: usize,
    /// Offset of the first image.
    first: usize,
    /// Offset between two images.
    image_stride: usize,
    count: usize,
    row_step: usize,
    channels: usize,
}

/// Index of the buffer, and offset of the image in it.
type ImagePosition = (usize, usize);

impl<'a> Input<'a> {
    /// The input of a network on `device`.
    pub fn of(images: &Images<'a>, device: Device) -> Result<Self> {
        let lengths = images.views.iter().map(|view| view.length(images.width, images.height));
        let lengths = lengths.collect::<lens_base::Result<Vec<_>>>()?;
        let (buffers, positions) = match device {
            Device::Cpu => borrow_buffers(images)?,
            _ => gather_pinned(images, &lengths)?,
        };
        let mut runs: Vec<StridedRun> = Vec::new();
        for (view, position) in images.views.iter().zip(positions) {
            if !runs.last_mut().is_some_and(|run| run.try_extend(view, position)) {
                let (memory, first) = position;
                runs.push(StridedRun {
                    memory,
                    first,
                    image_stride: 0,
                    count: 1,
                    row_step: view.row_step,
                    channels: view.channels,
                });
            }
        }
        let (height, width) = (images.height as i64, images.width as i64);
        Ok(Input { device, height, width, buffers, runs, _caller: PhantomData })
    }

    /// N x 3 x H x W on the device: contiguous, channels last or NCHW. On the CPU it may share the caller's memory and
    /// must be dropped before this is.
    pub fn tensor(&self, channels_last: bool) -> Result<Tensor> {
        let uploaded = self.buffers.iter().map(|memory| memory.f_to_device_(self.device, Kind::Float, true, false));
        let uploaded = uploaded.collect::<std::result::Result<Vec<_>, _>>()?;
        let mut views =
            self.runs.iter().map(|run| self.view(&uploaded[run.memory], run)).collect::<Result<Vec<_>>>()?;
        let pixels = if views.len() == 1 { views.remove(0) } else { Tensor::f_cat(&views, 0)? };
        let images = pixels.f_contiguous()?.f_permute([0, 3, 1, 2])?;
        Ok(if channels_last { images } else { images.f_contiguous()? })
    }

    /// N x H x W x 3; gray is broadcast.
    fn view(&self, memory: &Tensor, run: &StridedRun) -> Result<Tensor> {
        let [count, image_stride, row_step, channels] =
            [run.count, run.image_stride, run.row_step, run.channels].map(|x| x as i64);
        let (size, stride) = ([count, self.height, self.width, channels], [image_stride, row_step, channels, 1]);
        let view = memory.f_as_strided(size, stride, run.first as i64)?;
        Ok(view.f_expand([count, self.height, self.width, 3], false)?)
    }
}

impl StridedRun {
    /// Appends an image if it continues the run.
    fn try_extend(&mut self, view: &ImageView, (memory, first): ImagePosition) -> bool {
        let alike = memory == self.memory && view.row_step == self.row_step && view.channels == self.channels;
        let Some(distance) = first.checked_sub(self.first).filter(|distance| alike && *distance > 0) else {
            return false;
        };
        if self.count > 1 && distance != self.image_stride * self.count {
            return false;
        }
        if self.count == 1 {
            self.image_stride = distance;
        }
        self.count += 1;
        true
    }
}

/// The distinct buffers of the images, and the index of each image's.
fn distinct_buffers<'a>(images: &Images<'a>) -> (Vec<&'a [f32]>, Vec<usize>) {
    let mut different: Vec<&[f32]> = Vec::new();
    let indices = images.views.iter().map(|view| {
        // Most images are in the same buffer as the one before.
        different.iter().rposition(|memory| std::ptr::eq(*memory, view.memory)).unwrap_or_else(|| {
            different.push(view.memory);
            different.len() - 1
        })
    });
    let indices = indices.collect();
    (different, indices)
}

/// The caller's buffers as tensors.
fn borrow_buffers(images: &Images) -> Result<(Vec<Tensor>, Vec<ImagePosition>)> {
    let (buffers, indices) = distinct_buffers(images);
    let tensors = buffers.into_iter().map(borrowed_tensor).collect::<Result<_>>()?;
    Ok((tensors, indices.into_iter().zip(&images.views).map(|(memory, view)| (memory, view.offset)).collect()))
}

fn borrowed_tensor(memory: &[f32]) -> Result<Tensor> {
    // SAFETY: the slice is readable. The tensor and what is made from it are gone before the caller's memory is (see
    // `Input`), and the crate writes to no input.
    Ok(unsafe { Tensor::f_from_blob(memory.as_ptr().cast(), &[memory.len() as i64], &[1], Kind::Float, Device::Cpu) }?)
}

/// A copy of what the images cover, each float once, in pinned memory, so that the copy to a GPU is asynchronous.
fn gather_pinned(images: &Images, lengths: &[usize]) -> Result<(Vec<Tensor>, Vec<ImagePosition>)> {
    let (buffers, indices) = distinct_buffers(images);
    let ranges = images.views.iter().zip(lengths).map(|(view, length)| view.offset..view.offset + length);
    let mut needed: Vec<Vec<Range<usize>>> = vec![Vec::new(); buffers.len()];
    for (memory, range) in indices.iter().zip(ranges) {
        needed[*memory].push(range);
    }
    let parts: Vec<Vec<Range<usize>>> = needed.into_iter().map(merge_ranges).collect();
    let total = parts.iter().flatten().map(ExactSizeIterator::len).sum::<usize>();
    // Without pinned memory the copy is synchronous.
    let gathered = match pinned_memory(total) {
        Ok(gathered) => gathered,
        Err(_) => Tensor::f_empty([total as i64], (Kind::Float, Device::Cpu))?,
    };
    let (mut starts, mut next) = (Vec::new(), 0);
    for (memory, parts) in buffers.into_iter().zip(&parts) {
        let mut of_parts = Vec::new();
        for part in parts {
            // On libtorch's threads: copying on one is slower than a GPU trains.
            let mut target = gathered.f_narrow(0, next as i64, part.len() as i64)?;
            target.f_copy_(&borrowed_tensor(&memory[part.clone()])?)?;
            of_parts.push(next);
            next += part.len();
        }
        starts.push(of_parts);
    }
    let position = |(memory, view): (usize, &ImageView)| {
        let part = parts[memory].partition_point(|part| part.start <= view.offset) - 1;
        (0, starts[memory][part] + view.offset - parts[memory][part].start)
    };
    let positions = indices.into_iter().zip(&images.views).map(position).collect();
    Ok((vec![gathered], positions))
}

/// The union of the ranges, sorted and disjoint.
fn merge_ranges(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tiles of 8 x 8 from bands of 40 x 50 pixels, some gray, some at equal distances, some overlapping.
    fn tiles(buffers: &[Vec<f32>; 3]) -> Images<'_> {
        let positions =
            [(0, 0, 0), (0, 9, 0), (0, 18, 0), (0, 20, 0), (0, 0, 9), (1, 0, 1), (1, 4, 3), (0, 4, 3), (2, 1, 1)];
        let view = |(which, x, y): (usize, usize, usize)| {
            let channels = if which == 2 { 1 } else { 3 };
            let row_step = 50 * channels;
            ImageView { memory: &buffers[which][..], offset: y * row_step + x * channels, row_step, channels }
        };
        Images { width: 8, height: 8, views: positions.into_iter().map(view).collect() }
    }

    fn bands() -> [Vec<f32>; 3] {
        [(3, 0), (3, 10_000), (1, 20_000)]
            .map(|(channels, first)| (0..40 * 50 * channels).map(|index| (first + index) as f32).collect())
    }

    fn expected(images: &Images) -> Tensor {
        let mut values = Vec::new();
        images.gather(3, &mut values);
        Tensor::from_slice(&values).view([images.len() as i64, 8, 8, 3]).permute([0, 3, 1, 2])
    }

    #[test]
    fn borrowed_and_gathered_images() {
        let bands = bands();
        let all = tiles(&bands);
        for first in 0..all.len() {
            for end in first + 1..=all.len() {
                let images = Images { views: all.views[first..end].to_vec(), ..all.clone() };
                for channels_last in [true, false] {
                    let borrowed = Input::of(&images, Device::Cpu).unwrap();
                    let tensor = borrowed.tensor(channels_last).unwrap();
                    assert_eq!(tensor, expected(&images), "{first}..{end}");
                    let stride = if channels_last { [192, 1, 24, 3] } else { [192, 64, 8, 1] };
                    assert_eq!(tensor.stride(), stride);
                }
            }
        }
        let lengths: Vec<usize> = all.views.iter().map(|view| view.length(8, 8).unwrap()).collect();
        let (buffers, positions) = (distinct_buffers(&all).0, borrow_buffers(&all).unwrap().1);
        assert_eq!((buffers.len(), positions.len()), (3, 9));
        // What would be copied to a GPU; without one the memory is not pinned.
        let (gathered, positions) = gather_pinned(&all, &lengths).unwrap();
        for (view, (memory, first)) in all.views.iter().zip(positions) {
            let size = [8, 8, view.channels as i64];
            let stride = [view.row_step as i64, view.channels as i64, 1];
            let found = gathered[memory].as_strided(size, stride, first as i64);
            let blob = borrowed_tensor(view.memory).unwrap().as_strided(size, stride, view.offset as i64);
            assert_eq!(found, blob);
        }
    }

    #[test]
    fn contiguous_batch_on_cpu_is_not_copied() {
        let memory: Vec<f32> = (0..4 * 8 * 8 * 3).map(|index| index as f32).collect();
        let view = |index: usize| ImageView { memory: &memory[..], offset: index * 192, row_step: 24, channels: 3 };
        let images = Images { width: 8, height: 8, views: (1..4).map(view).collect() };
        let input = Input::of(&images, Device::Cpu).unwrap();
        let tensor = input.tensor(true).unwrap();
        assert_eq!(tensor.size(), [3, 3, 8, 8]);
        assert_eq!(tensor.data_ptr().cast_const().cast(), memory[192..].as_ptr());
    }

    #[test]
    fn images_outside_their_memory_are_refused() {
        let memory = vec![0.0; 8 * 8 * 3];
        let good = ImageView { memory: &memory[..], offset: 0, row_step: 24, channels: 3 };
        for (view, says) in [
            (ImageView { channels: 2, ..good }, "2 channels"),
            (ImageView { offset: 1, ..good }, "from number 1 on"),
            (ImageView { row_step: 23, ..good }, "rows 23 apart"),
            (ImageView { row_step: usize::MAX, ..good }, "does not lie in its memory"),
            (ImageView { offset: usize::MAX, ..good }, "does not lie in its memory"),
        ] {
            let images = Images { width: 8, height: 8, views: vec![good, view] };
            let error = Input::of(&images, Device::Cpu).err().unwrap();
            assert!(error.message().contains(says), "{error}");
        }
        assert!(Input::of(&Images { width: 8, height: 8, views: vec![good] }, Device::Cpu).is_ok());
    }
}
