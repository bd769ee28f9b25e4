//! The series below a directory, by what the headers of its files say.

use super::Series;
use super::order::ordered;
use crate::dicom::geometry::{self, Geometry};
use crate::found_files::find_files;
use crate::opened::{Kind, open_and};
use lens_base::{Error, ErrorKind, Result};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What is below a directory.
#[derive(Clone, Debug, Default)]
pub struct FoundSeries {
    /// In the order of the names of their first files, the parts of a series that was split one after the other.
    pub series: Vec<Series>,
    /// What is to be known of them besides the [notes](Series::notes) of each: series that had to be split, files that are
    /// there twice.
    pub notes: Vec<String>,
    /// Files that are no DICOM images: other pictures, reports, indices, notes.
    pub others: Vec<PathBuf>,
}

/// An image file.
pub struct Placed {
    pub path: PathBuf,
    pub geometry: Geometry,
}

/// Finds the DICOM series below a directory. Only headers are read. Files of one Series Instance UID are one series, in
/// whichever folders they are, but those of another size or plane than the others are series of their own, and so is each
/// multi-frame file. A file of an instance that is there already is left out.
///
/// A DICOM file that cannot be read is an error that names it: a volume must not lack a slice without a word. So are positions
/// that are no numbers, and orientations that are none.
pub fn find_series(directory: &Path) -> Result<FoundSeries> {
    let files = find_files(directory)?;
    if let Some(skipped) = files.unreadable.first() {
        return Err(Error::new(ErrorKind::Io, format!("cannot read {}: {}", skipped.path, skipped.reason)));
    }
    let mut found = FoundSeries { others: files.others, ..FoundSeries::default() };
    let mut groups: Vec<Vec<Placed>> = Vec::new();
    let mut numbers: HashMap<Option<String>, usize> = HashMap::new();
    let mut instances = HashSet::new();
    let mut repeated = Vec::new();
    for path in files.images {
        let read = open_and(&path, |kind, file| match kind {
            Kind::Dicom => geometry::read(file),
            _ => Ok(None),
        })?;
        let Some(geometry) = read else {
            found.others.push(path);
            continue;
        };
        if geometry.instance.as_ref().is_some_and(|instance| !instances.insert(instance.clone())) {
            repeated.push(path);
            continue;
        }
        let number = *numbers.entry(geometry.series.clone()).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Vec::new());
        }
        groups[number].push(Placed { path, geometry });
    }
    if let Some(first) = repeated.first() {
        found.notes.push(format!(
            "{} file(s) hold an instance (SOP Instance UID) that another file holds, and were left out, the first {}",
            repeated.len(),
            below(directory, first)
        ));
    }
    for group in groups {
        found.add(directory, group);
    }
    Ok(found)
}

impl FoundSeries {
    /// Files of one series.
    fn add(&mut self, directory: &Path, files: Vec<Placed>) {
        let mut parts: Vec<Vec<Placed>> = Vec::new();
        for file in files {
            match parts.iter_mut().find(|part| goes_with(&part[0].geometry, &file.geometry)) {
                Some(part) => part.push(file),
                None => parts.push(vec![file]),
            }
        }
        if parts.len() > 1 {
            let uid = parts[0][0].geometry.series.clone().unwrap_or_else(|| "without Series Instance UID".into());
            let told = parts.iter().take(NAMED).map(|part| part_of(directory, part)).collect::<Vec<_>>().join("; ");
            let more = match parts.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            self.notes.push(format!(
                "series {uid} has slices that do not go together and is read as {} series: {told}{more}",
                parts.len()
            ));
        }
        self.series.extend(parts.into_iter().map(|part| ordered(directory, part)));
    }
}

/// How many files and places notes name.
pub const NAMED: usize = 3;

/// Whether two files may be slices of one volume.
fn goes_with(one: &Geometry, other: &Geometry) -> bool {
    /// Of the cosines of directions: about half a degree.
    const TOLERANCE: f64 = 0.01;
    let is_parallel = match (one.orientation, other.orientation) {
        (Some((row, column)), Some((other_row, other_column))) => {
            let parts = row.into_iter().chain(column).zip(other_row.into_iter().chain(other_column));
            parts.into_iter().all(|(one, other)| (one - other).abs() <= TOLERANCE)
        }
        // What lacks its plane is said when the slices are put in order.
        _ => true,
    };
    one.frames == 1 && other.frames == 1 && one.size == other.size && is_parallel
}

/// "118 file(s) of 512 x 512 in the plane [1, 0, 0] [0, 1, 0], the first a.dcm"
fn part_of(directory: &Path, part: &[Placed]) -> String {
    let Geometry { size: (width, height), frames, orientation, .. } = &part[0].geometry;
    let plane = orientation.map_or_else(String::new, |(row, column)| format!(" in the plane {row:?} {column:?}"));
    let frames = if *frames > 1 { format!("{frames} frames in ") } else { String::new() };
    format!(
        "{frames}{} file(s) of {width} x {height}{plane}, the first {}",
        part.len(),
        below(directory, &part[0].path)
    )
}

/// A file's name as notes give it.
pub fn below(directory: &Path, path: &Path) -> String {
    path.strip_prefix(directory).unwrap_or(path).display().to_string()
}
