//! A folder per class.

use super::dataset::{DatasetOptions, NotUsed, OnUnreadable, Sample, Skipped};
use super::found_files::{find_files, is_litter};
use super::labels::TABLE;
use super::scan::{Found, Root};
use lens_base::{Error, ErrorKind, Result};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Finds the images of a directory with a folder per class, those in folders of theirs (one for each patient, say) too.
pub fn scan(root: &Path, options: &DatasetOptions) -> Result<Found> {
    let (folders, files) = entries(root)?;
    let names: Vec<String> = folders.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let positive_class = match &options.positive_class {
        Some(class) if names.contains(class) && names.len() > 1 => class.clone(),
        None if names.len() == 2 => names[1].clone(),
        positive_class => {
            let expected = match positive_class {
                Some(class) => format!("folders of which one is \"{class}\" (option positive_class)"),
                None => "one folder for each of two classes".into(),
            };
            let there =
                if names.is_empty() { "no folders".into() } else { format!("the folder(s) {}", names.join(", ")) };
            return Err(Error::data(format!("{} has no {TABLE}, and not {expected}, but {there}", root.display())));
        }
    };
    let mut passed_over = NotUsed::default();
    files.iter().for_each(|name| passed_over.add(Path::new(name)));
    let (mut samples, mut skipped, directory) = (Vec::new(), Vec::new(), Arc::from(root));
    for (folder, class) in folders.iter().zip(&names) {
        let found = find_files(&root.join(folder))?;
        if let (OnUnreadable::Fail, Some(Skipped { path, reason })) = (options.on_unreadable, found.unreadable.first())
        {
            return Err(Error::new(ErrorKind::Io, format!("cannot read {path}: {reason}")));
        }
        skipped.extend(found.unreadable);
        let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
        found.others.iter().for_each(|path| passed_over.add(&below(path)));
        samples.extend(
            found.images.iter().map(|path| {
                Sample::file(&directory, &below(path), None, *class == positive_class, options.on_unreadable)
            }),
        );
    }
    let root = Root {
        path: root.to_path_buf(),
        layout: "folder per class",
        samples: samples.len(),
        negative_classes: names.into_iter().filter(|name| *name != positive_class).collect(),
        positive_class,
    };
    Ok(Found { samples, skipped, passed_over, repeated_rows: NotUsed::default(), root })
}

/// Names of a directory's folders and of its files, each in byte order.
fn entries(directory: &Path) -> Result<(Vec<OsString>, Vec<OsString>)> {
    let failed = |error: std::io::Error| Error::io("read directory", directory, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !is_litter(&name) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().partition(|name| directory.join(name).is_dir()))
}
