//! DICOM files of one series, read as one image whose frames are its slices in spatial order.

mod found;
mod order;

use super::image_file::ImageFile;
use super::read_options::ReadOptions;
use lens_base::{Error, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub use found::{FoundSeries, find_series};

/// A slice of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its file.
    pub path: PathBuf,
    /// Its frame there.
    pub frame: u32,
    /// Where it lies along the normal of its plane, in mm of the patient's coordinates, towards the head for axial slices;
    /// `None` where its file does not say it, or not in a way that all slices of the series can be compared by.
    pub position: Option<f64>,
}

/// Slices of one series that have one size and lie in parallel: the frames of an image. Holds paths and places, no pixels.
#[derive(Clone, Debug)]
pub struct Series {
    uid: Option<String>,
    description: Option<String>,
    modality: Option<String>,
    size: (u32, u32),
    slices: Vec<Slice>,
    notes: Vec<String>,
}

impl Series {
    /// The series below a directory that has this UID, or the only one there. Where there is none such, or several, the error
    /// names those that are there. What was left out of the directory is in the notes.
    pub fn open(directory: &Path, uid: Option<&str>) -> Result<Self> {
        let FoundSeries { series: all, notes, others } = find_series(directory)?;
        let mut chosen: Vec<&Series> = all.iter().filter(|series| uid.is_none() || series.uid() == uid).collect();
        let shown = directory.display();
        let series = match (&chosen[..], uid) {
            ([_], _) => chosen.remove(0),
            _ if all.is_empty() => return Err(Error::data(format!("{shown} has no DICOM images, and so no series"))),
            ([], Some(uid)) => {
                return Err(Error::data(format!("{shown} has no series {uid}; it has {}", listed(&all))));
            }
            (several, Some(uid)) => {
                let count = several.len();
                let parts = listed(several.iter().copied());
                return Err(Error::data(format!("series {uid} in {shown} is {count} series, not one: {parts}")));
            }
            (several, None) => {
                return Err(Error::data(format!("{shown} has {} series, not one: {}", several.len(), listed(&all))));
            }
        };
        let mut series = series.clone();
        series.notes.extend(notes);
        if !others.is_empty() {
            series.notes.push(format!("{} file(s) that are no DICOM images left out", others.len()));
        }
        Ok(series)
    }

    /// Series Instance UID (0020,000E), where the files have one.
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// Series Description (0008,103E).
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Modality (0008,0060), such as CT.
    pub fn modality(&self) -> Option<&str> {
        self.modality.as_deref()
    }

    /// Pixels in a row of a slice, and rows.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The slices, in the order of their positions, or, where these are not known, of Instance Number (0020,0013) and then of
    /// their names. The frames of a multi-frame file stay in their order. At least one.
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// What is to be known of the slices and their order, in words: gaps, repeated positions, missing positions. Empty where
    /// all is as it should be.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Decodes one slice, as [`ImageFile::load_as`] does it; the image has as many frames as the series has slices. Each slice
    /// has the window of its own file.
    pub fn load(&self, slice: u32, options: &ReadOptions) -> Result<ImageFile> {
        let frames = self.slices.len() as u32;
        if slice >= frames {
            let message = format!("slice is {slice}, but the series ({self}) has slices 0 to {}", frames - 1);
            return Err(Error::argument(message));
        }
        let Slice { path, frame, .. } = &self.slices[slice as usize];
        let mut image = ImageFile::load_as(path, *frame, options)?;
        image.frames = frames;
        Ok(image)
    }

    /// UID, slices and notes, for reports.
    pub fn describe(&self) -> Value {
        let slice = |Slice { path, frame, position }: &Slice| json!({ "path": path.display().to_string(), "frame": frame, "position_mm": position });
        json!({
            "schema": { "name": "lesionlens.series", "version": 1 },
            "uid": self.uid,
            "description": self.description,
            "modality": self.modality,
            "width": self.size.0,
            "height": self.size.1,
            "slices": self.slices.iter().map(slice).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn listed<'a>(series: impl IntoIterator<Item = &'a Series>) -> String {
    series.into_iter().map(Series::to_string).collect::<Vec<_>>().join("; ")
}

/// Modality, description, number of slices, size and UID.
impl std::fmt::Display for Series {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for text in self.modality.iter().chain(&self.description) {
            write!(to, "{text}, ")?;
        }
        let (count, (width, height)) = (self.slices.len(), self.size);
        let slices = if count == 1 { "slice" } else { "slices" };
        let uid = self.uid.as_deref().unwrap_or("no Series Instance UID");
        write!(to, "{count} {slices} of {width} x {height}, {uid}")
    }
}
