//! Images on their way from the caller's memory into the network.

use crate::error::Result;
use crate::torch::page_locked;
use lens_images::{ImageView, Images};
use std::marker::PhantomData;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// Images of one size, in the host's memory: the caller's own for the CPU, a copy for a GPU.
pub(crate) struct Input<'a> {
    device: Device,
    height: i64,
    width: i64,
    /// Floats, one after the other.
    memories: Vec<Tensor>,
    runs: Vec<Run>,
    /// Some of `memories` may be the caller's.
    _caller: PhantomData<&'a [f32]>,
}

/// Images at equal distances: one strided view, in which images that overlap share their pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    /// Index of the memory.
    memory: usize,
    /// Where the first image begins.
    first: usize,
    /// From one image to the next.
    step: usize,
    count: usize,
    row_step: usize,
    channels: usize,
}

/// Where an image lies, by the index of its memory.
type Place = (usize, usize);

impl<'a> Input<'a> {
    /// Of these images, which the network is to read on `device`.
    pub fn of(images: &Images<'a>, device: Device) -> Result<Self> {
        let lengths = images.views.iter().map(|view| view.length(images.width, images.height));
        let lengths = lengths.collect::<lens_base::Result<Vec<_>>>()?;
        let (memories, places) = match device {
            Device::Cpu => borrowed(images)?,
            _ => gathered(images, &lengths)?,
        };
        let mut runs: Vec<Run> = Vec::new();
        for (view, place) in images.views.iter().zip(places) {
            if !runs.last_mut().is_some_and(|run| run.takes(view, place)) {
                let (memory, first) = place;
                runs.push(Run { memory, first, step: 0, count: 1, row_step: view.row_step, channels: view.channels });
            }
        }
        let (height, width) = (images.height as i64, images.width as i64);
        Ok(Input { device, height, width, memories, runs, _caller: PhantomData })
    }

    /// N x 3 x H x W on the device: dense, with the channels of a pixel beside each other or, if not `channels_last`, each
    /// channel on its own. On the CPU it may share the caller's memory, so it must be gone before this is.
    pub fn tensor(&self, channels_last: bool) -> Result<Tensor> {
        let uploaded = self.memories.iter().map(|memory| memory.f_to_device_(self.device, Kind::Float, true, false));
        let uploaded = uploaded.collect::<std::result::Result<Vec<_>, _>>()?;
        let mut views =
            self.runs.iter().map(|run| self.view(&uploaded[run.memory], run)).collect::<Result<Vec<_>>>()?;
        let pixels = if views.len() == 1 { views.remove(0) } else { Tensor::f_cat(&views, 0)? };
        let images = pixels.f_contiguous()?.f_permute([0, 3, 1, 2])?;
        Ok(if channels_last { images } else { images.f_contiguous()? })
    }

    /// N x H x W x 3; gray is repeated.
    fn view(&self, memory: &Tensor, run: &Run) -> Result<Tensor> {
        let [count, step, row_step, channels] = [run.count, run.step, run.row_step, run.channels].map(|x| x as i64);
        let (size, stride) = ([count, self.height, self.width, channels], [step, row_step, channels, 1]);
        let view = memory.f_as_strided(size, stride, run.first as i64)?;
        Ok(view.f_expand([count, self.height, self.width, 3], false)?)
    }
}

impl Run {
    /// Takes in one more image, if it lies where the next would.
    fn takes(&mut self, view: &ImageView, (memory, first): Place) -> bool {
        let alike = memory == self.memory && view.row_step == self.row_step && view.channels == self.channels;
        let Some(distance) = first.checked_sub(self.first).filter(|distance| alike && *distance > 0) else {
            return false;
        };
        if self.count > 1 && distance != self.step * self.count {
            return false;
        }
        if self.count == 1 {
            self.step = distance;
        }
        self.count += 1;
        true
    }
}

/// The different memories of the images, and for each image which is its.
fn memories<'a>(images: &Images<'a>) -> (Vec<&'a [f32]>, Vec<usize>) {
    let mut different: Vec<&[f32]> = Vec::new();
    let indices = images.views.iter().map(|view| {
        // Most images lie where the one before them does.
        different.iter().rposition(|memory| std::ptr::eq(*memory, view.memory)).unwrap_or_else(|| {
            different.push(view.memory);
            different.len() - 1
        })
    });
    let indices = indices.collect();
    (different, indices)
}

/// The caller's memory as tensors.
fn borrowed(images: &Images) -> Result<(Vec<Tensor>, Vec<Place>)> {
    let (memories, indices) = memories(images);
    let tensors = memories.into_iter().map(tensor_over).collect::<Result<_>>()?;
    Ok((tensors, indices.into_iter().zip(&images.views).map(|(memory, view)| (memory, view.offset)).collect()))
}

fn tensor_over(memory: &[f32]) -> Result<Tensor> {
    // SAFETY: so many readable floats. The tensor and what is made from it are gone before the caller's memory is (see
    // `Input`), and the crate writes to no input.
    Ok(unsafe { Tensor::f_from_blob(memory.as_ptr().cast(), &[memory.len() as i64], &[1], Kind::Float, Device::Cpu) }?)
}

/// A copy of what the images reach over, each number once: in page-locked memory, so that copying it to a GPU need not be
/// waited for.
fn gathered(images: &Images, lengths: &[usize]) -> Result<(Vec<Tensor>, Vec<Place>)> {
    let (memories, indices) = memories(images);
    let ranges = images.views.iter().zip(lengths).map(|(view, length)| view.offset..view.offset + length);
    let mut needed: Vec<Vec<Range<usize>>> = vec![Vec::new(); memories.len()];
    for (memory, range) in indices.iter().zip(ranges) {
        needed[*memory].push(range);
    }
    let parts: Vec<Vec<Range<usize>>> = needed.into_iter().map(merged).collect();
    let total = parts.iter().flatten().map(ExactSizeIterator::len).sum::<usize>();
    // Where no memory can be locked, copies are waited for.
    let gathered = match page_locked(total) {
        Ok(gathered) => gathered,
        Err(_) => Tensor::f_empty([total as i64], (Kind::Float, Device::Cpu))?,
    };
    let (mut starts, mut next) = (Vec::new(), 0);
    for (memory, parts) in memories.into_iter().zip(&parts) {
        let mut of_parts = Vec::new();
        for part in parts {
            // By libtorch's threads: one alone copies slower than a GPU trains.
            let mut target = gathered.f_narrow(0, next as i64, part.len() as i64)?;
            target.f_copy_(&tensor_over(&memory[part.clone()])?)?;
            of_parts.push(next);
            next += part.len();
        }
        starts.push(of_parts);
    }
    let place = |(memory, view): (usize, &ImageView)| {
        let part = parts[memory].partition_point(|part| part.start <= view.offset) - 1;
        (0, starts[memory][part] + view.offset - parts[memory][part].start)
    };
    let places = indices.into_iter().zip(&images.views).map(place).collect();
    Ok((vec![gathered], places))
}

/// The same numbers in ranges that do not overlap, in order.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
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

    /// Tiles of 8 x 8 from bands of 40 x 50 pixels, some gray, some at equal distances, some beside each other.
    fn tiles(memories: &[Vec<f32>; 3]) -> Images<'_> {
        let places =
            [(0, 0, 0), (0, 9, 0), (0, 18, 0), (0, 20, 0), (0, 0, 9), (1, 0, 1), (1, 4, 3), (0, 4, 3), (2, 1, 1)];
        let view = |(which, x, y): (usize, usize, usize)| {
            let channels = if which == 2 { 1 } else { 3 };
            let row_step = 50 * channels;
            ImageView { memory: &memories[which][..], offset: y * row_step + x * channels, row_step, channels }
        };
        Images { width: 8, height: 8, views: places.into_iter().map(view).collect() }
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
    fn images_are_those_of_their_places_borrowed_or_gathered() {
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
        let (memories, places) = (memories(&all).0, borrowed(&all).unwrap().1);
        assert_eq!((memories.len(), places.len()), (3, 9));
        // There are no GPUs where tests run, but what would be copied there can be looked at.
        let Ok((gathered, places)) = gathered(&all, &lengths) else { return };
        for (view, (memory, first)) in all.views.iter().zip(places) {
            let size = [8, 8, view.channels as i64];
            let stride = [view.row_step as i64, view.channels as i64, 1];
            let found = gathered[memory].as_strided(size, stride, first as i64);
            let blob = tensor_over(view.memory).unwrap().as_strided(size, stride, view.offset as i64);
            assert_eq!(found, blob);
        }
    }

    #[test]
    fn a_whole_batch_on_the_cpu_is_not_copied() {
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
