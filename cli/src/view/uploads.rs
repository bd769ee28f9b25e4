//! Files that are dropped onto the page: they are kept in a directory of this user alone until the server ends.

use super::catalogue::Changes;
use super::errors::Refusal;
use super::json;
use super::models::{Loaded, name_of};
use super::same::is_same;
use super::viewer::{Viewer, blocking};
use axum::body::{Body, BodyDataStream};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures_util::StreamExt;
use lens_base::Error;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

/// Bytes of all files together, and how many there may be.
pub const MOST_BYTES: u64 = 2 << 30;
const MOST_FILES: usize = 20_000;
/// Bytes of a part of a name, which file systems take.
const LONGEST_PART: usize = 200;
/// Parts of a name that are kept: the last ones.
const MOST_PARTS: usize = 16;

/// How the names of model files end.
const MODELS: [&str; 4] = ["safetensors", "pt", "pth", "pt2"];

/// What was received. Thread-safe.
#[derive(Default)]
pub struct Uploads(Mutex<Received>);

#[derive(Default)]
struct Received {
    directory: Option<TempDir>,
    bytes: u64,
    files: usize,
    /// Images by the names that they were sent with.
    images: HashMap<PathBuf, PathBuf>,
}

impl Uploads {
    fn received(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A path for one more file.
    fn place(&self, name: &Path) -> Result<PathBuf, Refusal> {
        let mut received = self.received();
        if received.files >= MOST_FILES {
            return Err(Refusal::too_large(format!(
                "{MOST_FILES} files were sent; start the program with their directory"
            )));
        }
        received.files += 1;
        let number = received.files.to_string();
        let directory = match &mut received.directory {
            Some(directory) => directory,
            none => {
                let mut temporary = tempfile::Builder::new();
                temporary.prefix("lesionlens-view-");
                lens_system::for_this_user_alone(&mut temporary);
                let made = temporary.tempdir();
                none.insert(made.map_err(|error| Error::io("make a directory in", &std::env::temp_dir(), &error))?)
            }
        };
        // A directory for each, so that files of one name do not meet.
        let path = directory.path().join(number).join(name);
        let parent = path.parent().unwrap_or(&path);
        fs::create_dir_all(parent).map_err(|error| Error::io("make", parent, &error))?;
        Ok(path)
    }

    /// Counts bytes that are to be written.
    fn take(&self, bytes: u64) -> Result<(), Refusal> {
        let mut received = self.received();
        if received.bytes.saturating_add(bytes) > MOST_BYTES {
            return Err(too_large());
        }
        received.bytes += bytes;
        Ok(())
    }

    /// The image that was sent with a name before, if it has the same bytes: a directory may be dropped twice.
    fn sent_before(&self, name: &Path, path: &Path) -> Result<Option<PathBuf>, Refusal> {
        let before = self.received().images.get(name).cloned();
        Ok(match before {
            Some(before) if is_same(path, &before)? => Some(before),
            _ => None,
        })
    }

    fn give_back(&self, bytes: u64) {
        self.received().bytes -= bytes;
    }

    /// Removes all files.
    pub fn remove(&self) {
        // What cannot be removed is left to the system, which clears such directories.
        drop(self.received().directory.take());
    }
}

fn too_large() -> Refusal {
    Refusal::too_large(format!(
        "more than {} GiB were sent; start the program with the files' directory",
        MOST_BYTES >> 30
    ))
}

/// A relative path that leads nowhere else, from a name with the directories that a file was dropped with.
fn safe_name(name: &str) -> Result<PathBuf, Refusal> {
    let parts: Vec<String> = name
        .split(['/', '\\'])
        .map(|part| {
            let kept =
                part.trim().chars().map(|letter| if letter.is_control() || letter == ':' { '_' } else { letter });
            let mut kept: String = kept.collect();
            while kept.len() > LONGEST_PART {
                // The end of a name says what it is.
                kept.remove(0);
            }
            kept
        })
        .filter(|part| !part.is_empty() && part != "." && part != "..")
        .collect();
    if parts.is_empty() {
        return Err(Refusal::argument(format!("name is '{name}'; it must be the file's name")));
    }
    Ok(parts[parts.len().saturating_sub(MOST_PARTS)..].iter().collect())
}

/// `POST api/files`
pub async fn receive(
    State(viewer): State<Arc<Viewer>>,
    Query(parameters): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let name = match &parameters[..] {
        [(parameter, name)] if parameter == "name" => safe_name(name)?,
        _ => {
            return Err(Refusal::argument(
                "the address must have the parameter name, with the file's name, and no other",
            ));
        }
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MOST_BYTES) {
        return Err(too_large());
    }
    let path = viewer.uploads.place(&name)?;
    let mut written = 0;
    let stored = write(&viewer.uploads, &path, body.into_data_stream(), &mut written).await;
    let taken = match stored {
        Ok(()) => {
            let (viewer, path) = (Arc::clone(&viewer), path.clone());
            blocking(move || take(&viewer, &path, &name)).await
        }
        Err(refusal) => Err(refusal),
    };
    match taken {
        Ok(Taken::New(answer)) => Ok(answer),
        other => {
            let _ = fs::remove_file(&path);
            viewer.uploads.give_back(written);
            other.map(Taken::answer)
        }
    }
}

async fn write(uploads: &Uploads, path: &Path, mut body: BodyDataStream, written: &mut u64) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| Refusal::from(Error::io("write", path, &error));
    let mut file = File::create_new(path).await.map_err(failed)?;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| Refusal::argument(format!("the file did not arrive whole: {error}")))?;
        uploads.take(bytes.len() as u64)?;
        *written += bytes.len() as u64;
        file.write_all(&bytes).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)
}

/// What became of a file that was received.
enum Taken {
    New(Response),
    Known(Response),
}

impl Taken {
    fn answer(self) -> Response {
        match self {
            Taken::New(answer) | Taken::Known(answer) => answer,
        }
    }
}

/// Takes a file that was received for what it is.
fn take(viewer: &Viewer, path: &Path, name: &Path) -> Result<Taken, Refusal> {
    let ending = name.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if MODELS.contains(&&*ending) {
        let model =
            viewer.models.load(&viewer.context, path, &name_of(name)).map_err(|error| in_words(error, path, name))?;
        return Ok(Taken::New(answer(viewer, &Changes::default(), Some(&model))));
    }
    if let Some(before) = viewer.uploads.sent_before(name, path)? {
        let changed = viewer.catalogue.contents().series_of(&before).into_iter().collect();
        return Ok(Taken::Known(answer(viewer, &Changes { changed, replaced: Vec::new() }, None)));
    }
    let shown = name.to_string_lossy();
    let changes = viewer.catalogue.add(path, &shown).map_err(|error| in_words(error, path, name))?;
    viewer.uploads.received().images.insert(name.to_path_buf(), path.to_path_buf());
    Ok(Taken::New(answer(viewer, &changes, None)))
}

/// An error that names the file as the user does.
fn in_words(error: Error, path: &Path, name: &Path) -> Refusal {
    let message = error.message().replace(&*path.to_string_lossy(), &name.to_string_lossy());
    Error::new(error.kind(), message).into()
}

fn answer(viewer: &Viewer, changes: &Changes, model: Option<&Loaded>) -> Response {
    let contents = viewer.catalogue.contents();
    let series: Vec<Value> = changes
        .changed
        .iter()
        .filter_map(|index| contents.by_index(*index))
        .map(|series| series.describe(&contents))
        .collect();
    json::answer(&json!({
        "series": series,
        "replaced": changes.replaced,
        "model": model.map(Loaded::describe),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for (name, expected) in [
            ("a.dcm", "a.dcm"),
            ("series/1/a.dcm", "series/1/a.dcm"),
            ("../../etc/passwd", "etc/passwd"),
            ("/etc/passwd", "etc/passwd"),
            ("..\\..\\a.png", "a.png"),
            ("C:\\b\\a.png", "C_/b/a.png"),
            ("a/./b//c.png", "a/b/c.png"),
            ("a\u{0}b\n.png", "a_b_.png"),
            (" .. / x ", "x"),
        ] {
            assert_eq!(safe_name(name).unwrap(), Path::new(expected), "{name}");
        }
        let long = format!("{}.dcm", "ä".repeat(500));
        let kept = safe_name(&long).unwrap();
        assert!(kept.to_str().unwrap().len() <= LONGEST_PART && kept.extension().unwrap() == "dcm");
        assert!(safe_name(&"d/".repeat(99)).unwrap().components().count() <= MOST_PARTS);
        for name in ["", "/", "..", "../..", "."] {
            assert!(safe_name(name).is_err(), "{name}");
        }
    }
}
