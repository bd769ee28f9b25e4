//! Images that are looked at one after the other.

use super::contents::{Contents, File, ImageId};
use crate::view::errors::Refusal;
use lens_base::Error;
use lens_images::FileInfo;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a series consists of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Dicom,
    Image,
}

/// What files of one series have in common: unique identifier, width and height.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String, u32, u32);

impl Key {
    /// `None`: the file is a series of its own.
    pub fn of(info: &FileInfo) -> Option<Self> {
        let identifier = info.series.clone().filter(|_| info.is_dicom && info.frames == 1)?;
        Some(Key(identifier, info.width, info.height))
    }
}

/// Where a file stands in its series: by Instance Number, files without one last, then by name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesOrder<'a>(bool, Option<i64>, &'a str);

impl<'a> SeriesOrder<'a> {
    pub fn of(info: &FileInfo, name: &'a str) -> Self {
        SeriesOrder(info.instance_number.is_none(), info.instance_number, name)
    }
}

/// What adding a file did.
#[derive(Default)]
pub struct Changes {
    /// Indices of series that are new or have more frames.
    pub changed: Vec<usize>,
    /// Identifiers of series that are there no more.
    pub replaced: Vec<String>,
}

/// A series.
pub struct Series {
    pub id: String,
    pub name: String,
    pub images: Vec<ImageId>,
    kind: Kind,
    error: Option<String>,
    /// Whether somebody may know frames of it by their numbers.
    asked_for: AtomicBool,
}

fn id_of(index: usize) -> String {
    format!("s{}", index + 1)
}

impl Series {
    /// The frames of a file.
    pub fn new(index: usize, images: Vec<ImageId>, file: &File) -> Self {
        let (kind, name) = (file.kind(), file.name.clone());
        Series { id: id_of(index), name, images, kind, error: None, asked_for: AtomicBool::new(false) }
    }

    /// A file that cannot be read.
    pub fn unreadable(index: usize, name: String, error: &Error) -> Self {
        Series {
            id: id_of(index),
            name,
            images: Vec::new(),
            kind: Kind::Image,
            error: Some(error.message().to_string()),
            asked_for: AtomicBool::new(false),
        }
    }

    /// Makes it another one.
    pub fn renumber(&mut self, index: usize) {
        self.id = id_of(index);
        self.asked_for = AtomicBool::new(false);
    }

    pub fn was_asked_for(&self) -> bool {
        self.asked_for.load(Ordering::Relaxed)
    }

    pub fn ask(&self) {
        self.asked_for.store(true, Ordering::Relaxed);
    }

    /// The answer to a frame that it does not have.
    pub fn no_frame(&self, frame: &str) -> Refusal {
        let there = match self.images.len() {
            0 => "no frames".to_string(),
            count => format!("frames 0 to {}", count - 1),
        };
        Refusal::not_found(format!("series {} has {there}, not '{frame}'", self.id))
    }

    /// As the interface describes it.
    pub fn describe(&self, contents: &Contents) -> Value {
        let mut files: Vec<&str> = Vec::new();
        for image in &self.images {
            let name = &*contents.file(*image).name;
            if files.last() != Some(&name) {
                files.push(name);
            }
        }
        if self.error.is_some() {
            files.push(&self.name);
        }
        let labels = self.images.iter().filter_map(|image| contents.label(*image));
        let boxes = self.images.iter().enumerate().flat_map(|(frame, image)| {
            contents.boxes(*image).iter().map(move |area| {
                json!({ "frame": frame, "x": area.x, "y": area.y, "width": area.width, "height": area.height })
            })
        });
        let info = self.images.first().map(|image| &contents.file(*image).info);
        json!({
            "id": self.id,
            "name": self.name,
            "files": files,
            "frames": self.images.len(),
            "width": info.map_or(0, |info| info.width),
            "height": info.map_or(0, |info| info.height),
            "kind": self.kind,
            "modality": info.and_then(|info| info.modality.as_deref()),
            "rate": info.and_then(|info| info.rate),
            "label": labels.max().map(u8::from),
            "boxes": boxes.collect::<Vec<Value>>(),
            "error": self.error,
        })
    }
}
