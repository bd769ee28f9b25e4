//! Files and series, and where each image stands.

use super::names;
use super::reader::ReadFile;
use super::series::{Changes, Key, Kind, Series, SeriesOrder};
use super::tables::Table;
use crate::view::errors::Refusal;
use lens_images::FileInfo;
use lens_tasks::evaluate::Area;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A frame of a file. It stays what it is when its series grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId {
    file: usize,
    /// Frame of the file.
    pub frame: u32,
}

/// A file that is shown.
pub struct File {
    pub path: PathBuf,
    /// Short, and no other file's.
    pub name: String,
    pub info: FileInfo,
    table: Option<Arc<Table>>,
    /// Index of its series.
    pub(super) series: usize,
}

/// All of them.
#[derive(Default)]
pub struct Contents {
    files: Vec<File>,
    /// In the order they came; those that were replaced are `None`.
    series: Vec<Option<Series>>,
    /// Series that more files may join.
    open: HashMap<Key, usize>,
    names: HashSet<String>,
}

/// Where an image stands.
pub struct Place<'a> {
    pub series: &'a str,
    /// Frame of the series.
    pub frame: usize,
}

impl Contents {
    /// Adds the files of the command line. Those that cannot be read become series without frames.
    pub fn add_all(&mut self, read: Vec<ReadFile>) {
        let paths: Vec<&Path> = read.iter().map(|file| &*file.path).collect();
        let names = names::distinct(&paths, &self.names);
        for (file, name) in read.into_iter().zip(names) {
            self.add_named(file, name);
        }
    }

    /// Adds one file; `shown`: the path that it is named after.
    pub fn add(&mut self, read: ReadFile, shown: &str) -> Changes {
        let name = names::distinct(&[Path::new(shown)], &self.names).pop().unwrap_or_default();
        self.add_named(read, name)
    }

    fn add_named(&mut self, read: ReadFile, name: String) -> Changes {
        self.names.insert(name.clone());
        let ReadFile { path, info, table } = read;
        let info = match info {
            Ok(info) => info,
            Err(error) => {
                self.series.push(Some(Series::unreadable(self.series.len(), name, &error)));
                return Changes::default();
            }
        };
        let key = Key::of(&info);
        let id = self.files.len();
        self.files.push(File { path, name, info, table, series: self.series.len() });
        match key.and_then(|key| self.open.get(&key).copied()) {
            Some(index) => self.join(index, id),
            None => {
                if let Some(key) = Key::of(&self.files[id].info) {
                    self.open.insert(key, self.series.len());
                }
                let frames = (0..self.files[id].info.frames).map(|frame| ImageId { file: id, frame });
                let series = Series::new(self.series.len(), frames.collect(), &self.files[id]);
                self.series.push(Some(series));
                self.rename(self.series.len() - 1);
                Changes { changed: vec![self.files[id].series], replaced: Vec::new() }
            }
        }
    }

    /// Puts a file of one frame where it belongs in a series. Where frames that somebody asked for would get other numbers,
    /// the series becomes another one.
    fn join(&mut self, index: usize, file: usize) -> Changes {
        let Some(series) = &mut self.series[index] else { return Changes::default() };
        let order = |file: usize| SeriesOrder::of(&self.files[file].info, &self.files[file].name);
        let at = series.images.partition_point(|image| order(image.file) < order(file));
        let moves_others = at < series.images.len() && series.was_asked_for();
        series.images.insert(at, ImageId { file, frame: 0 });
        if !moves_others {
            self.files[file].series = index;
            self.rename(index);
            return Changes { changed: vec![index], replaced: Vec::new() };
        }
        let new = self.series.len();
        let Some(mut series) = self.series[index].take() else { return Changes::default() };
        let replaced = series.id.clone();
        series.renumber(new);
        for image in &series.images {
            self.files[image.file].series = new;
        }
        if let Some(key) = Key::of(&self.files[file].info) {
            self.open.insert(key, new);
        }
        self.series.push(Some(series));
        self.rename(new);
        Changes { changed: vec![new], replaced: vec![replaced] }
    }

    /// Series of several files are called what their files say, the others what their file is called.
    fn rename(&mut self, index: usize) {
        let Some(series) = &self.series[index] else { return };
        let Some(first) = series.images.first().map(|image| &self.files[image.file]) else { return };
        let is_of_files = series.images.last().is_some_and(|last| last.file != series.images[0].file);
        let description = first.info.series_description.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let name = match description {
            Some(description) if is_of_files => {
                let is_taken =
                    |name: &str| self.series.iter().flatten().any(|other| other.id != series.id && other.name == name);
                if is_taken(description) { format!("{description} ({})", first.name) } else { description.to_string() }
            }
            _ => first.name.clone(),
        };
        if let Some(series) = &mut self.series[index] {
            series.name = name;
        }
    }

    /// All series that are there, in their order.
    pub fn all(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().flatten()
    }

    /// One by its index.
    pub fn by_index(&self, index: usize) -> Option<&Series> {
        self.series.get(index)?.as_ref()
    }

    /// One by its identifier. From now on its frames keep their numbers.
    pub fn series(&self, id: &str) -> Result<&Series, Refusal> {
        let series = self.all().find(|series| series.id == id);
        let series = series.ok_or_else(|| Refusal::not_found(format!("there is no series '{id}'")))?;
        series.ask();
        Ok(series)
    }

    /// A frame of a series.
    pub fn image(&self, series: &str, frame: &str) -> Result<ImageId, Refusal> {
        let series = self.series(series)?;
        let number: Option<usize> = frame.parse().ok();
        number.and_then(|number| series.images.get(number)).copied().ok_or_else(|| series.no_frame(frame))
    }

    /// The file that an image is of.
    pub fn file(&self, image: ImageId) -> &File {
        &self.files[image.file]
    }

    /// All files that could be read.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Where an image stands now.
    pub fn place(&self, image: ImageId) -> Option<Place<'_>> {
        let series = self.by_index(self.files.get(image.file)?.series)?;
        // Of a series that is one file, frames have the file's numbers.
        let is_same = |frame: &usize| series.images.get(*frame) == Some(&image);
        let searched = || series.images.iter().position(|other| *other == image);
        let frame = Some(image.frame as usize).filter(is_same).or_else(searched)?;
        Some(Place { series: &series.id, frame })
    }

    /// Index of the series that a file is in.
    pub fn series_of(&self, path: &Path) -> Option<usize> {
        self.files.iter().find(|file| file.path == path).map(|file| file.series)
    }

    /// What tables say: the label of an image.
    pub fn label(&self, image: ImageId) -> Option<bool> {
        let file = self.file(image);
        file.table.as_ref()?.label(&file.path, image.frame)
    }

    /// What tables say: boxes of an image.
    pub fn boxes(&self, image: ImageId) -> &[Area] {
        let file = self.file(image);
        file.table.as_ref().map_or(&[], |table| table.boxes(&file.path, image.frame))
    }
}

impl File {
    /// As the interface calls it.
    pub fn kind(&self) -> Kind {
        if self.info.is_dicom { Kind::Dicom } else { Kind::Image }
    }
}
