//! What a reader thinks of images: labels and boxes.

mod directory;
mod tables;

use super::catalogue::{Contents, ImageId};
use super::errors::Refusal;
use super::json;
use super::viewer::{Viewer, blocking};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use directory::{MarkedFile, Saved};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// In pixels of the image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rectangle {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// What is thought of one image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    label: Option<u8>,
    #[serde(default)]
    boxes: Vec<Rectangle>,
}

impl Mark {
    fn is_empty(&self) -> bool {
        self.label.is_none() && self.boxes.is_empty()
    }

    /// Refuses what no table can hold of an image of this size.
    fn check(&self, width: u32, height: u32) -> Result<(), Refusal> {
        if let Some(label) = self.label.filter(|label| *label > 1) {
            return Err(Refusal::argument(format!("label is {label}; it must be 0, 1 or null")));
        }
        for Rectangle { x, y, width: across, height: down } in &self.boxes {
            let (right, bottom) = (x + across, y + down);
            let inside = *x >= 0.0 && *y >= 0.0 && right <= width.into() && bottom <= height.into();
            if !inside || *across <= 0.0 || *down <= 0.0 {
                return Err(Refusal::argument(format!(
                    "the box x {x}, y {y}, width {across}, height {down} must have a size above 0 and lie within the \
                     image's {width} x {height} pixels"
                )));
            }
        }
        Ok(())
    }
}

/// All marks. Thread-safe.
pub struct Marks {
    directory: PathBuf,
    state: Mutex<Made>,
    /// Held while they are saved.
    saving: Mutex<BTreeMap<ImageId, Saved>>,
}

#[derive(Default)]
struct Made {
    marks: BTreeMap<ImageId, Mark>,
    /// Counts changes.
    version: u64,
    saved_version: u64,
}

impl Marks {
    /// None yet, to be saved in a directory.
    pub fn new(directory: PathBuf) -> Self {
        Marks { directory, state: Mutex::default(), saving: Mutex::default() }
    }

    /// Where they are saved.
    pub fn directory(&self) -> String {
        self.directory.display().to_string()
    }

    fn state(&self) -> MutexGuard<'_, Made> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, viewer: &Viewer) -> Result<Response, Refusal> {
        let mut saved = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let (marks, version) = {
            let state = self.state();
            (state.marks.clone(), state.version)
        };
        let marked = {
            let contents = viewer.catalogue.contents();
            directory::check_is_not_viewed(&self.directory, &contents)?;
            marks.into_iter().map(|(image, mark)| (image, MarkedFile::of(&contents, image), mark)).collect()
        };
        let counts = directory::save(&self.directory, marked, &mut saved)?;
        self.state().saved_version = version;
        Ok(json::answer(&json!({
            "directory": self.directory(),
            "images": counts.images,
            "labels": counts.labels,
            "boxes": counts.boxes,
        })))
    }
}

fn described(contents: &Contents, image: ImageId, mark: &Mark) -> Option<Value> {
    let place = contents.place(image)?;
    let (series, frame) = (place.series, place.frame);
    Some(json!({ "series": series, "frame": frame, "label": mark.label, "boxes": mark.boxes }))
}

/// `GET api/marks`
pub async fn all(State(viewer): State<Arc<Viewer>>) -> Response {
    let (marks, saved) = {
        let state = viewer.marks.state();
        (state.marks.clone(), state.version == state.saved_version)
    };
    let contents = viewer.catalogue.contents();
    let described: Vec<Value> = marks.iter().filter_map(|(image, mark)| described(&contents, *image, mark)).collect();
    json::answer(&json!({ "directory": viewer.marks.directory(), "saved": saved, "marks": described }))
}

/// `PUT api/series/{series}/frames/{frame}/mark`
pub async fn put(
    State(viewer): State<Arc<Viewer>>,
    Path((series, frame)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    let mark: Mark = json::read(&body?)?;
    let image = {
        let contents = viewer.catalogue.contents();
        let image = contents.image(&series, &frame)?;
        let info = &contents.file(image).info;
        mark.check(info.width, info.height)?;
        image
    };
    let mut state = viewer.marks.state();
    let before = if mark.is_empty() { state.marks.remove(&image) } else { state.marks.insert(image, mark.clone()) };
    if before.unwrap_or_default() != mark {
        state.version += 1;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST api/marks/save`
pub async fn save(State(viewer): State<Arc<Viewer>>) -> Result<Response, Refusal> {
    blocking(move || viewer.marks.save(&viewer)).await
}
