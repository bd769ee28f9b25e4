//! Labelled images.

use super::pixels::{CheckedView, PixelView};
use super::preprocessing::Preprocessing;
use super::raster::Raster;
use super::scan::{Root, scan};
use crate::{ImageFile, ReadOptions};
use lens_base::options::{Choice, Options};
use lens_base::{Error, Result, generator, sha256_hex};
use rand::seq::SliceRandom;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to do with a file that is missing or cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum OnUnreadable {
    /// Fail with a message that names it.
    #[default]
    Fail,
    /// Leave it out and count it: the data set's description, the training record and the evaluation report say how many
    /// and name the first ones.
    Skip,
}

/// How a directory of labelled images is read. The defaults are the reference pipeline's layout.
#[derive(Clone, Debug, PartialEq, Eq, Options)]
pub struct DatasetOptions {
    /// labels.csv: name of the column with the file names, relative to image_directory.
    #[option(default = "patch_filename".into(), flag = "--filename-column NAME")]
    pub filename_column: String,
    /// labels.csv: name of the column with the labels.
    #[option(default = "stenoza_label".into(), flag = "--label-column NAME")]
    pub label_column: String,
    /// labels.csv: directory of the images, relative to the root.
    #[option(default = "images".into(), flag = "--image-directory DIR")]
    pub image_directory: String,
    /// The positive class: the value of the label column, or the name of the folder, that means positive; everything else
    /// is negative.
    #[option(
        unset = "labels must be 0 or 1 (or false or true, no or yes), and of two folders the second in byte order of their \
                 names is positive",
        flag = "--positive NAME"
    )]
    pub positive_class: Option<String>,
    /// What to do with files that are missing or cannot be decoded. Missing ones are found when the data set is opened,
    /// undecodable ones when they are first used.
    #[option(
        flag = "--skip-unreadable = skip",
        switch = "Leave out files that are missing or cannot be decoded, instead of failing"
    )]
    pub on_unreadable: OnUnreadable,
    /// labels.csv: name of the column with the frame of a multi-frame file, from 0, or nothing for frame 0.
    #[option(unset = "\"frame\" if there is such a column, else frame 0 of every file", flag = "--frame-column NAME")]
    pub frame_column: Option<String>,
}

#[derive(Clone, Debug)]
enum Source {
    /// A name below a directory that many samples share.
    File {
        directory: Arc<Path>,
        name: FileName,
        frame: u32,
    },
    Memory(Arc<Raster>),
}

/// Most files are named as their samples.
#[derive(Clone, Debug)]
enum FileName {
    Id,
    Other(Box<Path>),
}

/// What reports call a file of a table: its name, with the frame where the table names one, as in `a.dcm#5`.
pub fn image_id(name: &str, frame: Option<u32>) -> String {
    frame.map_or_else(|| name.to_string(), |frame| format!("{name}#{frame}"))
}

/// One labelled image.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its name in reports.
    pub id: Arc<str>,
    /// Whether it is of the positive class.
    pub positive: bool,
    source: Source,
    on_unreadable: OnUnreadable,
}

impl Sample {
    /// The file `name` below `directory`; `frame` when a table names one.
    pub(super) fn file(
        directory: &Arc<Path>,
        name: &Path,
        frame: Option<u32>,
        positive: bool,
        on_unreadable: OnUnreadable,
    ) -> Self {
        let id: Arc<str> = image_id(&name.to_string_lossy(), frame).into();
        let name = if Path::new(&*id) == name { FileName::Id } else { FileName::Other(name.into()) };
        let source = Source::File { directory: Arc::clone(directory), name, frame: frame.unwrap_or(0) };
        Sample { id, positive, source, on_unreadable }
    }

    /// Its file, when it has one.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.source {
            Source::File { directory, name: FileName::Id, .. } => Some(directory.join(&*self.id)),
            Source::File { directory, name: FileName::Other(name), .. } => Some(directory.join(name)),
            Source::Memory(_) => None,
        }
    }

    /// The directory of its file, the file's name there, and its frame where a table names one; `None` when it has no file.
    pub fn location(&self) -> Option<(&Path, &Path, Option<u32>)> {
        let Source::File { directory, name, frame } = &self.source else { return None };
        Some(match name {
            FileName::Id => (directory, Path::new(&*self.id), None),
            FileName::Other(name) => (directory, name, (*self.id != *name.to_string_lossy()).then_some(*frame)),
        })
    }

    /// Whether it may be left out when it cannot be read.
    pub fn may_be_skipped(&self) -> bool {
        self.on_unreadable == OnUnreadable::Skip
    }

    /// Reads and decodes it.
    pub fn load(&self, reading: &ReadOptions) -> Result<Arc<Raster>> {
        match &self.source {
            Source::Memory(raster) => Ok(Arc::clone(raster)),
            Source::File { frame, .. } => self.read(*frame, reading, |view| Ok(Arc::new(view.to_raster()?))),
        }
    }

    /// Reads and decodes it, at the network's input size.
    pub fn load_resized(&self, preprocessing: &Preprocessing) -> Result<Raster> {
        match &self.source {
            Source::Memory(raster) => preprocessing.resize(raster),
            Source::File { frame, .. } => {
                self.read(*frame, &preprocessing.reading, |view| preprocessing.resize_view(view))
            }
        }
    }

    fn read<T>(&self, frame: u32, reading: &ReadOptions, convert: impl FnOnce(CheckedView) -> Result<T>) -> Result<T> {
        let path = self.path().unwrap_or_default();
        let file = ImageFile::load_as(&path, frame, reading)?;
        let view = file.view();
        view.checked().and_then(convert).map_err(|error| error.prefixed(&path.display().to_string()))
    }
}

/// SHA-256 over names and labels, in order.
pub fn fingerprint<'a>(samples: impl Iterator<Item = &'a Sample>) -> String {
    sha256_hex(samples.map(|sample| format!("{}\t{}\n", sample.id, u8::from(sample.positive))))
}

/// A sample that was left out.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// Its file.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// How many names reports give of what was not used; counts are always whole.
const NAMED: usize = 20;

impl Skipped {
    /// `count` and the first `files`, for reports.
    pub fn describe(skipped: &[Skipped]) -> Value {
        json!({ "count": skipped.len(), "files": &skipped[..skipped.len().min(NAMED)] })
    }
}

/// What a directory has beside its samples, for reports.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NotUsed {
    /// How many.
    pub count: usize,
    /// The first names.
    pub files: Vec<String>,
}

impl NotUsed {
    pub(super) fn add(&mut self, name: &Path) {
        self.count += 1;
        if self.files.len() < NAMED {
            self.files.push(name.display().to_string());
        }
    }

    fn extend(&mut self, more: NotUsed) {
        self.count += more.count;
        self.files.extend(more.files);
        self.files.truncate(NAMED);
    }

    /// "3 `what` (a, b and 1 more)"; `None`: there are none.
    fn told(&self, what: &str) -> Option<String> {
        const TOLD: usize = 5;
        let named = self.files[..self.files.len().min(TOLD)].join(", ");
        match self.count {
            0 => None,
            count if count > TOLD => Some(format!("{count} {what} ({named} and {} more)", count - TOLD)),
            count => Some(format!("{count} {what} ({named})")),
        }
    }
}

/// Labelled images: files that are read when needed, and pixels that were handed over.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    samples: Vec<Sample>,
    roots: Vec<Root>,
    skipped: Vec<Skipped>,
    passed_over: NotUsed,
    repeated_rows: NotUsed,
}

impl Dataset {
    /// Adds a directory: labels.csv and images/, or a folder per class. On failure nothing is added.
    pub fn extend(&mut self, path: &Path, options: &DatasetOptions) -> Result<()> {
        let found = scan(path, options)?;
        self.samples.extend(found.samples);
        self.skipped.extend(found.skipped);
        self.passed_over.extend(found.passed_over);
        self.repeated_rows.extend(found.repeated_rows);
        self.roots.push(found.root);
        Ok(())
    }

    /// Adds pixels, copied, with label 0 or 1.
    pub fn add(&mut self, view: &PixelView, label: i32, id: Option<&str>) -> Result<()> {
        if label != 0 && label != 1 {
            return Err(Error::argument(format!("label is {label}; it must be 0 (negative) or 1 (positive)")));
        }
        let raster = view.to_raster().map_err(|error| error.prefixed("image"))?;
        self.samples.push(Sample {
            id: id.map_or_else(|| Arc::from(format!("sample {}", self.samples.len())), Arc::from),
            positive: label == 1,
            source: Source::Memory(Arc::new(raster)),
            on_unreadable: OnUnreadable::Fail,
        });
        Ok(())
    }

    /// Its samples.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The unreadable files that were left out when it was opened.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The files of class folders, and beside them, that are no images; names are relative to their root.
    pub fn passed_over(&self) -> &NotUsed {
        &self.passed_over
    }

    /// The rows of tables that name an image again with the same label; each image is one sample.
    pub fn repeated_rows(&self) -> &NotUsed {
        &self.repeated_rows
    }

    /// For a log: how much was passed over and repeated; `None` where all was used.
    pub fn warning(&self) -> Option<String> {
        let told = [
            self.passed_over.told("files that are no images were passed over"),
            self.repeated_rows.told("rows name an image again and were passed over"),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Splits class by class into a part with `fraction` of the samples and the rest; both keep the samples' order.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Dataset, Dataset)> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::argument(format!("fraction {fraction} must be above 0 and below 1")));
        }
        let mut random = generator(seed, 0);
        let mut is_first = vec![false; self.samples.len()];
        for positive in [false, true] {
            let mut class: Vec<usize> =
                (0..self.samples.len()).filter(|index| self.samples[*index].positive == positive).collect();
            class.shuffle(&mut random);
            let taken = (class.len() as f64 * fraction).round() as usize;
            class[..taken].iter().for_each(|index| is_first[*index] = true);
        }
        let part = |first: bool| Dataset {
            samples: self
                .samples
                .iter()
                .zip(&is_first)
                .filter(|(_, is)| **is == first)
                .map(|(s, _)| s.clone())
                .collect(),
            roots: self.roots.clone(),
            ..Dataset::default()
        };
        let (one, other) = (part(true), part(false));
        if one.samples.is_empty() || other.samples.is_empty() {
            return Err(Error::data(format!(
                "fraction {fraction} of {} sample(s) leaves one part empty ({} and {})",
                self.samples.len(),
                one.samples.len(),
                other.samples.len()
            )));
        }
        Ok((one, other))
    }

    /// Counts, roots, and what was left out, passed over and repeated.
    pub fn describe(&self) -> Value {
        let positives = self.samples.iter().filter(|sample| sample.positive).count();
        json!({
            "schema": { "name": "lesionlens.dataset", "version": 1 },
            "samples": self.samples.len(),
            "positives": positives,
            "negatives": self.samples.len() - positives,
            "roots": self.roots,
            "skipped": Skipped::describe(&self.skipped),
            "passed_over": self.passed_over,
            "repeated_rows": self.repeated_rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PixelFormat, Windowing};

    fn memory(positives: usize, negatives: usize) -> Dataset {
        let mut dataset = Dataset::default();
        let view = PixelView::new(&[9], 1, 1, 1, PixelFormat::Gray8, Windowing::default()).unwrap();
        for label in std::iter::repeat_n(1, positives).chain(std::iter::repeat_n(0, negatives)) {
            dataset.add(&view, label, None).unwrap();
        }
        dataset
    }

    #[test]
    fn stratified_split() {
        let (one, other) = memory(40, 160).split(0.75, 3).unwrap();
        assert_eq!(one.describe()["positives"], 30);
        assert_eq!(one.samples().len(), 150);
        let mut ids: Vec<_> = one.samples().iter().chain(other.samples()).map(|sample| &sample.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 200);
    }

    #[test]
    fn split_seed() {
        let ids = |seed| {
            let (one, _) = memory(20, 20).split(0.5, seed).unwrap();
            one.samples().iter().map(|sample| sample.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
    }

    #[test]
    fn invalid_splits_and_labels() {
        assert!(memory(1, 0).split(0.5, 0).is_err());
        for fraction in [0.0, 1.0, f64::NAN, -1.0] {
            assert!(memory(9, 9).split(fraction, 0).is_err());
        }
        let view = PixelView::new(&[9], 1, 1, 1, PixelFormat::Gray8, Windowing::default()).unwrap();
        assert!(Dataset::default().add(&view, 2, None).unwrap_err().message().contains('2'));
    }
}
