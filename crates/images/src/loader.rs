//! From a data set's samples to the network's batches.

use super::augment::Augmentation;
use super::batch::Batch;
use super::dataset::{Dataset, Sample, Skipped, fingerprint};
use super::ordered::ordered;
use super::preprocessing::Preprocessing;
use super::raster::Raster;
use lens_base::{Control, Phase, Result, Update, generator};
use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

/// Loads every sample on other threads and hands it over in order; unreadable ones that may be skipped come as the reason
/// why.
pub fn for_each_image<'a, S: Borrow<Sample> + Sync, T: Send>(
    samples: &'a [S],
    load: impl Fn(&Sample) -> Result<T> + Sync,
    threads: usize,
    mut consume: impl FnMut(&'a Sample, std::result::Result<T, Skipped>) -> Result<()>,
) -> Result<()> {
    ordered(
        samples.len(),
        threads,
        |index| load(samples[index].borrow()),
        |index, result, _| {
            let sample: &'a Sample = samples[index].borrow();
            match result {
                Err(error) if sample.may_be_skipped() => {
                    let path = sample.path().map_or_else(|| sample.id.to_string(), |path| path.display().to_string());
                    consume(sample, Err(Skipped { path, reason: error.message().to_string() }))
                }
                result => consume(sample, Ok(result?)),
            }
        },
    )
}

struct Entry {
    sample: Sample,
    /// Resized; `None` when the memory for decoded images was used up.
    raster: Option<Arc<Raster>>,
}

/// A data set whose images were all decoded once, and of which as many are kept as fit into memory.
pub struct ImageStore {
    entries: Vec<Entry>,
    skipped: Vec<Skipped>,
    preprocessing: Preprocessing,
}

/// What is in a store, for reports.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Loaded {
    /// Samples in all.
    pub samples: usize,
    /// Samples of the positive class.
    pub positives: usize,
    /// Samples of the negative class.
    pub negatives: usize,
    /// The samples that were left out, with the reasons.
    pub skipped: serde_json::Value,
    /// SHA-256 over names and labels, in order.
    pub fingerprint: String,
}

impl ImageStore {
    /// Decodes every image of the data set, and keeps as many as fit into `memory` bytes.
    pub fn load(
        dataset: &Dataset,
        preprocessing: &Preprocessing,
        memory: u64,
        threads: usize,
        control: &mut Control,
    ) -> Result<Self> {
        let total = dataset.samples().len();
        let mut store = ImageStore {
            entries: Vec::with_capacity(total),
            skipped: dataset.skipped().to_vec(),
            preprocessing: preprocessing.clone(),
        };
        let (mut free, mut done) = (memory, 0);
        let load = |sample: &Sample| sample.load_resized(preprocessing);
        for_each_image(dataset.samples(), load, threads, |sample, result| {
            match result {
                Ok(raster) => {
                    let bytes = size_of_val(raster.samples()) as u64;
                    let fits = bytes <= free;
                    if fits {
                        free -= bytes;
                    }
                    store.entries.push(Entry { sample: sample.clone(), raster: fits.then(|| Arc::new(raster)) });
                }
                Err(skipped) => store.skipped.push(skipped),
            }
            done += 1;
            // How long the work after loading takes is not known here, so no time left is given.
            control.report(&Update::new(Phase::Load, done, total))
        })?;
        Ok(store)
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Which are of the positive class.
    pub fn labels(&self) -> Vec<bool> {
        self.entries.iter().map(|entry| entry.sample.positive).collect()
    }

    /// Bytes of decoded images that are held.
    pub fn held_bytes(&self) -> u64 {
        self.entries.iter().filter_map(|entry| Some(size_of_val(entry.raster.as_ref()?.samples()) as u64)).sum()
    }

    /// Counts.
    pub fn describe(&self) -> Loaded {
        let positives = self.entries.iter().filter(|entry| entry.sample.positive).count();
        Loaded {
            samples: self.entries.len(),
            positives,
            negatives: self.entries.len() - positives,
            skipped: Skipped::describe(&self.skipped),
            fingerprint: fingerprint(self.entries.iter().map(|entry| &entry.sample)),
        }
    }

    fn raster(&self, index: usize) -> Result<Arc<Raster>> {
        let entry = &self.entries[index];
        match &entry.raster {
            Some(raster) => Ok(Arc::clone(raster)),
            None => Ok(Arc::new(entry.sample.load_resized(&self.preprocessing)?)),
        }
    }

    /// Makes the `batches` ahead of time and hands each over with its labels (0 and 1) and the time that was
    /// spent waiting for it.
    pub fn for_each_batch(
        &self,
        batches: &EpochBatches,
        threads: usize,
        mut consume: impl FnMut(Batch, Vec<f32>, Duration) -> Result<()>,
    ) -> Result<()> {
        let bounds = batches.bounds();
        let bounds = &bounds[batches.first.min(bounds.len())..];
        ordered(
            bounds.len(),
            threads,
            |number| self.batch(batches, bounds[number].clone()),
            |_, made, waited| {
                let (batch, labels) = made?;
                consume(batch, labels, waited)
            },
        )
    }

    fn batch(&self, batches: &EpochBatches, positions: std::ops::Range<usize>) -> Result<(Batch, Vec<f32>)> {
        let size = self.preprocessing.image_size as usize;
        let mut batch = Batch::new(size, size);
        let mut labels = Vec::with_capacity(positions.len());
        for position in positions {
            let index = batches.order[position];
            let raster = self.raster(index)?;
            match &batches.augmentation {
                Some((augmentation, seed, epoch)) => {
                    // Random numbers of its own for each position in each epoch: the result does not depend on which thread
                    // works on it.
                    let stream = (u64::from(*epoch) + 1) << 40 | position as u64;
                    let varied = augmentation.apply(&raster, &mut generator(*seed, stream));
                    batch.push(&varied, 0, 0, &self.preprocessing);
                }
                None => batch.push(&raster, 0, 0, &self.preprocessing),
            }
            labels.push(f32::from(self.entries[index].sample.positive));
        }
        Ok((batch, labels))
    }
}

/// The batches of one pass over the images of a store, an epoch or a validation: which images are in which.
pub struct EpochBatches {
    /// Indices into the store.
    pub order: Vec<usize>,
    /// Images of a batch; the last may have fewer.
    pub batch_size: usize,
    /// Smallest batch: a smaller rest joins the batch before it (batch statistics of one image do not exist).
    pub smallest: usize,
    /// Batches that are left out at the beginning: where an interrupted epoch goes on.
    pub first: usize,
    /// Variation, with its seed and the epoch.
    pub augmentation: Option<(Augmentation, u64, u32)>,
}

impl EpochBatches {
    /// Ranges in `order` of all batches, those left out included.
    pub fn bounds(&self) -> Vec<std::ops::Range<usize>> {
        let mut bounds: Vec<std::ops::Range<usize>> = (0..self.order.len())
            .step_by(self.batch_size)
            .map(|first| first..(first + self.batch_size).min(self.order.len()))
            .collect();
        if bounds.len() > 1
            && bounds.last().is_some_and(|last| last.len() < self.smallest)
            && let (Some(rest), Some(before)) = (bounds.pop(), bounds.last_mut())
        {
            before.end = rest.end;
        }
        bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatasetOptions, OnUnreadable, PixelFormat, PixelView, Windowing};
    use lens_base::ErrorKind;

    fn dataset(count: usize) -> Dataset {
        let mut dataset = Dataset::default();
        for index in 0..count {
            let pixels = vec![index as u8; 32 * 32];
            let view = PixelView::new(&pixels, 32, 32, 32, PixelFormat::Gray8, Windowing::default()).unwrap();
            dataset.add(&view, (index % 2) as i32, None).unwrap();
        }
        dataset
    }

    fn store(memory: u64) -> ImageStore {
        let preprocessing = Preprocessing { image_size: 32, ..Preprocessing::default() };
        ImageStore::load(&dataset(9), &preprocessing, memory, 2, &mut Control::default()).unwrap()
    }

    fn batches(store: &ImageStore, threads: usize, first: usize) -> Vec<(Vec<f32>, Vec<f32>)> {
        let batches = EpochBatches {
            order: vec![8, 0, 3, 3, 5, 1, 2, 7, 6],
            batch_size: 4,
            smallest: 2,
            first,
            augmentation: Some((Augmentation::default(), 5, 1)),
        };
        let mut made = Vec::new();
        store
            .for_each_batch(&batches, threads, |batch, labels, _| {
                let mut values = Vec::new();
                batch.all().gather(1, &mut values);
                made.push((values, labels));
                Ok(())
            })
            .unwrap();
        made
    }

    #[test]
    fn batches_independent_of_threads_and_cache() {
        let expected = batches(&store(u64::MAX), 1, 0);
        assert_eq!(expected.iter().map(|(_, labels)| labels.len()).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(expected[0].1, [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(expected, batches(&store(u64::MAX), 3, 0));
        assert_eq!(expected[1..], batches(&store(u64::MAX), 3, 1));
        assert!(batches(&store(u64::MAX), 3, 2).is_empty());
        let nothing_held = store(0);
        assert_eq!(nothing_held.held_bytes(), 0);
        assert_eq!(expected, batches(&nothing_held, 2, 0));
    }

    #[test]
    fn undecodable_file() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("images")).unwrap();
        std::fs::write(root.path().join("labels.csv"), "patch_filename,stenoza_label\na.png,1\nbad.png,0\n").unwrap();
        image::ImageBuffer::<image::Luma<u8>, _>::new(40, 40).save(root.path().join("images/a.png")).unwrap();
        std::fs::write(root.path().join("images/bad.png"), "no").unwrap();
        let load = |on_unreadable| {
            let mut dataset = Dataset::default();
            dataset.extend(root.path(), &DatasetOptions { on_unreadable, ..DatasetOptions::default() }).unwrap();
            ImageStore::load(&dataset, &Preprocessing::default(), u64::MAX, 2, &mut Control::default())
        };
        let error = load(OnUnreadable::Fail).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.message().contains("bad.png"), "{error}");
        let store = load(OnUnreadable::Skip).unwrap();
        assert_eq!(store.len(), 1);
        assert_eq!(store.describe().skipped["count"], 1);
    }
}
