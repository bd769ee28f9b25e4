//! labels.csv: a row for each image.

use super::dataset::{DatasetOptions, NotUsed, OnUnreadable, Sample, Skipped, image_id};
use super::scan::{Found, Root};
use super::table::open_table;
use lens_base::{Error, ErrorKind, Result};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The table's name.
pub const TABLE: &str = "labels.csv";

/// Column of frame numbers, unless an option names another.
const FRAME: &str = "frame";

/// Missing files for which the directory is searched for what may have been meant.
const SEARCHED: usize = 20;

/// Finds the images of a directory with labels.csv.
pub fn scan(root: &Path, options: &DatasetOptions) -> Result<Found> {
    let table = root.join(TABLE);
    let broken = |reason: String| Error::format(format!("{}: {reason}", table.display()));
    let mut reader = open_table(&table)?;
    let headers = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
    let column = |name: &str, option: &str| {
        headers.iter().position(|header| header == name).ok_or_else(|| {
            let columns: Vec<&str> = headers.iter().collect();
            broken(format!("no column \"{name}\" (option {option}); the columns are {}", columns.join(", ")))
        })
    };
    let filename_column = column(&options.filename_column, "filename_column")?;
    let label_column = column(&options.label_column, "label_column")?;
    let frame_column = match &options.frame_column {
        Some(name) => Some(column(name, "frame_column")?),
        None => column(FRAME, "frame_column").ok(),
    };
    let directory: Arc<Path> = root.join(&options.image_directory).into();

    let (mut samples, mut skipped, mut classes) = (Vec::new(), Vec::new(), BTreeSet::new());
    let (mut rows, mut repeated_rows) = (HashMap::new(), NotUsed::default());
    for record in reader.records() {
        let record = record.map_err(|error| broken(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let (name, label) = (&record[filename_column], &record[label_column]);
        if name.is_empty() {
            return Err(broken(format!("line {line} has no file name")));
        }
        let positive = match &options.positive_class {
            Some(class) => label == class,
            None => is_positive(label).ok_or_else(|| {
                broken(format!(
                    "line {line} ({name}) has the label \"{label}\"; it must be 0 or 1 (or false or true, no or yes), or \
                     name the positive one in option positive_class"
                ))
            })?,
        };
        let frame = match frame_column.map_or("", |column| &record[column]) {
            "" => None,
            frame => Some(frame.parse::<u32>().map_err(|_| {
                broken(format!(
                    "line {line} ({name}) has the frame \"{frame}\"; it must be a number from 0 on, or empty (option \
                     frame_column)"
                ))
            })?),
        };
        if !classes.contains(label) {
            classes.insert(label.to_string());
        }
        match rows.entry((name.to_string(), frame.unwrap_or(0))) {
            Entry::Vacant(row) => {
                row.insert((line, positive));
            }
            Entry::Occupied(row) if row.get().1 == positive => {
                repeated_rows.add(Path::new(&image_id(name, frame)));
                continue;
            }
            Entry::Occupied(row) => {
                return Err(broken(format!(
                    "lines {} and {line} name {} with different labels; an image must have one",
                    row.get().0,
                    image_id(name, frame)
                )));
            }
        }
        let path = directory.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                samples.push(Sample::file(&directory, Path::new(name), frame, positive, options.on_unreadable));
            }
            other => {
                let reason = match other {
                    Ok(_) => "not a file".to_string(),
                    Err(error) if skipped.len() < SEARCHED => format!("{error}{}", hint(&directory, name)),
                    Err(error) => error.to_string(),
                };
                if options.on_unreadable == OnUnreadable::Fail {
                    let message = format!("{}, line {line}: cannot read {}: {reason}", table.display(), path.display());
                    return Err(Error::new(ErrorKind::Io, message));
                }
                skipped.push(Skipped { path: path.display().to_string(), reason });
            }
        }
    }
    let positive_class = options.positive_class.clone().unwrap_or_else(|| "1".into());
    if options.positive_class.is_some() && !classes.contains(&positive_class) {
        let classes: Vec<String> = classes.into_iter().take(10).collect();
        return Err(broken(format!(
            "no row has the label \"{positive_class}\" (option positive_class); there are {}",
            classes.join(", ")
        )));
    }
    let negative_classes = match options.positive_class {
        Some(_) => classes.into_iter().filter(|class| *class != positive_class).collect(),
        None => vec!["0".into()],
    };
    let root =
        Root { path: root.to_path_buf(), layout: TABLE, samples: samples.len(), positive_class, negative_classes };
    Ok(Found { samples, skipped, passed_over: NotUsed::default(), repeated_rows, root })
}

/// What a label says where no option names the positive one.
fn is_positive(label: &str) -> Option<bool> {
    match (label.parse::<f64>(), &*label.to_ascii_lowercase()) {
        (Ok(0.0), _) | (_, "false" | "no") => Some(false),
        (Ok(1.0), _) | (_, "true" | "yes") => Some(true),
        _ => None,
    }
}

/// What there is instead of a missing file, if it has nearly its name.
fn hint(directory: &Path, name: &str) -> String {
    let slashes = name.replace('\\', "/");
    if slashes != name && directory.join(&slashes).is_file() {
        return format!("; there is {slashes}: write / for \\");
    }
    let path = directory.join(&slashes);
    let (Some(parent), Some(wanted)) = (path.parent(), path.file_name()) else { return String::new() };
    let names = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_near = |found: &std::ffi::OsString| {
        found.eq_ignore_ascii_case(wanted)
            || Path::new(found).file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case(wanted))
    };
    names.filter(is_near).min().map_or_else(String::new, |found| {
        format!("; there is {}, and names must be the same to the letter", found.to_string_lossy())
    })
}
