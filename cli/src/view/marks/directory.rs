//! The directory of marked images: a data set that is trained on and compared with.

use super::Mark;
use super::tables::{BoxRow, LabelRow, read_rows, write_rows};
use crate::view::catalogue::{Contents, ImageId};
use crate::view::same::is_same;
use lens_base::{Error, Result, write_atomically};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::copy;
use std::path::{Path, PathBuf};

const IMAGES: &str = "images";
const LABELS: &str = "labels.csv";
const BOXES: &str = "boxes.csv";

/// The image that a mark is of.
pub struct MarkedFile {
    path: PathBuf,
    /// Last part of what the page calls it.
    name: String,
    /// Of the file, where it has several.
    frame: Option<u32>,
}

impl MarkedFile {
    pub fn of(contents: &Contents, image: ImageId) -> Self {
        let file = contents.file(image);
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        MarkedFile { path: file.path.clone(), name, frame: (file.info.frames > 1).then_some(image.frame) }
    }
}

/// The rows of the tables that a mark became.
#[derive(Clone)]
pub struct Saved {
    name: String,
    frame: Option<u32>,
}

impl Saved {
    fn place(&self) -> (&str, u32) {
        (&self.name, self.frame.unwrap_or(0))
    }
}

/// What the directory holds.
pub struct Counts {
    pub images: usize,
    pub labels: usize,
    pub boxes: usize,
}

/// Refuses a directory whose images are looked at: what its tables say of them is not to be written over.
pub fn check_is_not_viewed(directory: &Path, contents: &Contents) -> Result<()> {
    let Ok(canonical) = fs::canonicalize(directory) else { return Ok(()) };
    let inside = |path: &Path| fs::canonicalize(path).is_ok_and(|path| path.starts_with(&canonical));
    match contents.files().iter().find(|file| inside(&file.path)) {
        Some(file) => Err(Error::argument(format!(
            "the marks' directory '{}' holds the image '{}', which is being viewed, and its tables are not written over; \
             start the program with --marks and another directory",
            directory.display(),
            file.name
        ))),
        None => Ok(()),
    }
}

/// Writes images and tables. Rows of what is not marked, and was not marked before by this program, stay; `saved` are those
/// of marks that were.
pub fn save(
    directory: &Path,
    marks: Vec<(ImageId, MarkedFile, Mark)>,
    saved: &mut BTreeMap<ImageId, Saved>,
) -> Result<Counts> {
    let images = directory.join(IMAGES);
    fs::create_dir_all(&images).map_err(|error| Error::io("make directory", &images, &error))?;
    let mut labels: Vec<LabelRow> = read_rows(&directory.join(LABELS))?;
    let mut boxes: Vec<BoxRow> = read_rows(&directory.join(BOXES))?;

    let mut names: HashMap<PathBuf, String> = HashMap::new();
    let mut now = BTreeMap::new();
    let mut rows = Vec::with_capacity(marks.len());
    for (image, file, mark) in marks {
        let name = match (names.get(&file.path), saved.get(&image)) {
            (Some(name), _) => name.clone(),
            (None, Some(before)) if is_same(&file.path, &images.join(&before.name))? => before.name.clone(),
            _ => store(&images, &file)?,
        };
        names.insert(file.path, name.clone());
        let place = Saved { name, frame: file.frame };
        now.insert(image, place.clone());
        rows.push((place, mark));
    }
    // Without a frame, a row is of the frame 0.
    let replaced: HashSet<(&str, u32)> = saved.values().chain(now.values()).map(Saved::place).collect();
    let stays = |name: &str, frame: Option<u32>| !replaced.contains(&(name, frame.unwrap_or(0)));
    labels.retain(|row| stays(&row.patch_filename, row.frame));
    boxes.retain(|row| stays(&row.filename, row.frame));
    for (Saved { name, frame }, mark) in &rows {
        labels.extend(mark.label.map(|label| LabelRow::new(name, label, *frame)));
        boxes.extend(mark.boxes.iter().map(|rectangle| BoxRow::new(name, rectangle, *frame)));
    }
    labels.sort_by(|one, other| one.place().cmp(&other.place()));
    boxes.sort_by(|one, other| one.place().cmp(&other.place()));
    write_rows(&directory.join(LABELS), &labels)?;
    write_rows(&directory.join(BOXES), &boxes)?;
    *saved = now;
    let named = labels.iter().map(|row| &row.patch_filename).chain(boxes.iter().map(|row| &row.filename));
    let images = named.collect::<HashSet<_>>().len();
    Ok(Counts { images, labels: labels.len(), boxes: boxes.len() })
}

/// Copies a file, unless it is there already; of another file that has its name it is told apart by a number.
fn store(images: &Path, file: &MarkedFile) -> Result<String> {
    let path = Path::new(&file.name);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    let numbers = (2..).map(|number| format!("{stem}-{number}{ending}"));
    for name in std::iter::once(file.name.clone()).chain(numbers) {
        let target = images.join(&name);
        if is_same(&file.path, &target)? {
            return Ok(name);
        }
        if target.symlink_metadata().is_err() {
            let mut source = File::open(&file.path).map_err(|error| Error::io("read", &file.path, &error))?;
            write_atomically(&target, |target| copy(&mut source, target).map(drop))?;
            return Ok(name);
        }
    }
    Err(Error::internal(format!("{} has no free name left", file.name)))
}
