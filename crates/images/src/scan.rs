//! Finding the labelled images of a directory, without decoding them.

use super::dataset::{DatasetOptions, OnUnreadable, Sample, Skipped};
use super::dicom::{SIGNATURE_BYTES, is_dicom};
use lens_base::{Error, MOST_WHOLE_BYTES, Result, open_regular};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory that was read, for reports.
#[derive(Clone, Debug, Serialize)]
pub struct Root {
    path: PathBuf,
    layout: &'static str,
    samples: usize,
    positive_class: String,
    negative_classes: Vec<String>,
}

/// What was found.
pub struct Found {
    pub samples: Vec<Sample>,
    pub skipped: Vec<Skipped>,
    pub root: Root,
}

const TABLE: &str = "labels.csv";

/// Column of frame numbers, unless an option names another.
const FRAME: &str = "frame";

/// File names that are taken for images in class folders; others (notes, thumbnails' databases) are passed over, but
/// for DICOM files without an extension.
const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "dcm"];

/// The index of a DICOM medium: DICOM, but no image.
const DICOM_INDEX: &str = "DICOMDIR";

/// Finds the images of a directory with labels.csv, or with a folder per class.
pub fn scan(root: &Path, options: &DatasetOptions) -> Result<Found> {
    let metadata = fs::metadata(root).map_err(|error| Error::io("open data set", root, &error))?;
    if !metadata.is_dir() {
        return Err(Error::io("open data set", root, &std::io::Error::from(std::io::ErrorKind::NotADirectory)));
    }
    let found = if root.join(TABLE).is_file() { scan_table(root, options) } else { scan_folders(root, options) }?;
    if found.samples.is_empty() {
        let skipped = match found.skipped.len() {
            0 => String::new(),
            count => format!(" ({count} unreadable file(s) skipped, the first {})", found.skipped[0].path),
        };
        return Err(Error::data(format!("{} has no images{skipped}", root.display())));
    }
    Ok(found)
}

fn scan_table(root: &Path, options: &DatasetOptions) -> Result<Found> {
    let table = root.join(TABLE);
    let broken = |reason: String| Error::format(format!("{}: {reason}", table.display()));
    let file = open_regular(&table, MOST_WHOLE_BYTES).map_err(|error| Error::io("read", &table, &error))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let headers = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
    let column = |name: &str, option: &str| {
        // Spreadsheets put a byte order mark before the first name.
        headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name).ok_or_else(|| {
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
    for record in reader.records() {
        let record = record.map_err(|error| broken(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let (name, label) = (&record[filename_column], &record[label_column]);
        if name.is_empty() {
            return Err(broken(format!("line {line} has no file name")));
        }
        let positive = match &options.positive_class {
            Some(class) => label == class,
            None => match label.parse::<f64>() {
                Ok(0.0) => false,
                Ok(1.0) => true,
                _ => {
                    return Err(broken(format!(
                        "line {line} ({name}) has the label \"{label}\"; it must be 0 or 1, or name the positive one in \
                         option positive_class"
                    )));
                }
            },
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
        let path = directory.join(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                samples.push(Sample::file(&directory, Path::new(name), frame, positive, options.on_unreadable));
            }
            other => {
                let reason = match other {
                    Ok(_) => "not a file".to_string(),
                    Err(error) => error.to_string(),
                };
                if options.on_unreadable == OnUnreadable::Fail {
                    let message = format!("{}, line {line}: cannot read {}: {reason}", table.display(), path.display());
                    return Err(Error::new(lens_base::ErrorKind::Io, message));
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
    Ok(Found { samples, skipped, root })
}

/// Names of a directory's entries in byte order, hidden ones left out.
fn entries(directory: &Path) -> Result<Vec<OsString>> {
    let failed = |error: std::io::Error| Error::io("read directory", directory, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a file of a directory is taken for an image: by its extension, or, as DICOM files often have none, by how it
/// begins.
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    // Names that are unique identifiers end in a dot and a number.
    if extension.bytes().all(|byte| byte.is_ascii_digit()) && path.file_name() != Some(OsStr::new(DICOM_INDEX)) {
        let mut start = Vec::with_capacity(SIGNATURE_BYTES);
        return open_regular(path, u64::MAX)
            .and_then(|file| file.take(SIGNATURE_BYTES as u64).read_to_end(&mut start))
            .is_ok_and(|_| is_dicom(&start));
    }
    EXTENSIONS.contains(&extension.as_str())
}

fn scan_folders(root: &Path, options: &DatasetOptions) -> Result<Found> {
    let folders: Vec<OsString> = entries(root)?.into_iter().filter(|name| root.join(name).is_dir()).collect();
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
    let (mut samples, directory) = (Vec::new(), Arc::from(root));
    for (folder, class) in folders.iter().zip(&names) {
        let path = root.join(folder);
        for name in entries(&path)?.into_iter().filter(|name| is_image(&path.join(name))) {
            let name = Path::new(folder).join(name);
            samples.push(Sample::file(&directory, &name, None, *class == positive_class, options.on_unreadable));
        }
    }
    let root = Root {
        path: root.to_path_buf(),
        layout: "folder per class",
        samples: samples.len(),
        negative_classes: names.into_iter().filter(|name| *name != positive_class).collect(),
        positive_class,
    };
    Ok(Found { samples, skipped: Vec::new(), root })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::ErrorKind;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn ids(found: &Found) -> Vec<(&str, bool)> {
        found.samples.iter().map(|sample| (&*sample.id, sample.positive)).collect()
    }

    #[test]
    fn reference_layout() {
        let root = directory(&[
            ("labels.csv", "\u{feff}patch_filename,stenoza_label\na.png,1\n b.png , 0\n"),
            ("images/a.png", ""),
            ("images/b.png", ""),
        ]);
        let found = scan(root.path(), &DatasetOptions::default()).unwrap();
        assert_eq!(ids(&found), [("a.png", true), ("b.png", false)]);
    }

    #[test]
    fn other_columns_and_class_names() {
        let root = directory(&[
            ("labels.csv", "x,file,finding\n1,a.png,lesion\n2,b.png,normal\n"),
            ("a.png", ""),
            ("b.png", ""),
        ]);
        let mut options = DatasetOptions {
            filename_column: "file".into(),
            label_column: "finding".into(),
            image_directory: ".".into(),
            positive_class: Some("lesion".into()),
            ..DatasetOptions::default()
        };
        assert_eq!(ids(&scan(root.path(), &options).unwrap()), [("a.png", true), ("b.png", false)]);
        options.positive_class = Some("tumour".into());
        let error = scan(root.path(), &options).err().unwrap();
        assert!(error.message().contains("tumour") && error.message().contains("lesion, normal"), "{error}");
        options.label_column = "label".into();
        let error = scan(root.path(), &options).err().unwrap();
        assert!(error.message().contains("\"label\"") && error.message().contains("x, file, finding"), "{error}");
    }

    #[test]
    fn missing_file() {
        let root =
            directory(&[("labels.csv", "patch_filename,stenoza_label\na.png,1\ngone.png,0\n"), ("images/a.png", "")]);
        let mut options = DatasetOptions::default();
        let error = scan(root.path(), &options).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("line 3") && error.message().contains("gone.png"), "{error}");
        options.on_unreadable = OnUnreadable::Skip;
        let found = scan(root.path(), &options).unwrap();
        assert_eq!((found.samples.len(), found.skipped.len()), (1, 1));
        assert!(found.skipped[0].path.ends_with("gone.png"));
    }

    #[test]
    fn invalid_label_line() {
        let root = directory(&[("labels.csv", "patch_filename,stenoza_label\na.png,yes\n"), ("images/a.png", "")]);
        let error = scan(root.path(), &DatasetOptions::default()).err().unwrap();
        assert!(error.message().contains("line 2") && error.message().contains("yes"), "{error}");
    }

    #[test]
    fn folder_per_class() {
        let root = directory(&[
            ("healthy/1.PNG", ""),
            ("stenosis/2.jpg", ""),
            ("stenosis/notes.txt", ""),
            (".hidden/3.png", ""),
        ]);
        let found = scan(root.path(), &DatasetOptions::default()).unwrap();
        assert_eq!(ids(&found), [("healthy/1.PNG", false), ("stenosis/2.jpg", true)]);
        let options = DatasetOptions { positive_class: Some("healthy".into()), ..DatasetOptions::default() };
        assert_eq!(ids(&scan(root.path(), &options).unwrap()), [("healthy/1.PNG", true), ("stenosis/2.jpg", false)]);
    }

    #[test]
    fn directory_without_data_set() {
        let root = directory(&[("one/1.png", ""), ("two/2.png", ""), ("three/3.png", "")]);
        let error = scan(root.path(), &DatasetOptions::default()).err().unwrap();
        assert!(error.message().contains("one, three, two"), "{error}");
        let empty = directory(&[("one/x.txt", ""), ("two/y.txt", "")]);
        assert_eq!(scan(empty.path(), &DatasetOptions::default()).err().unwrap().kind(), ErrorKind::Data);
        assert_eq!(scan(Path::new("/no/such"), &DatasetOptions::default()).err().unwrap().kind(), ErrorKind::Io);
    }

    fn described(found: &Found) -> Vec<(&str, PathBuf)> {
        found.samples.iter().map(|sample| (&*sample.id, sample.path().unwrap())).collect()
    }

    #[test]
    fn frame_column() {
        let root = directory(&[
            ("labels.csv", "patch_filename,stenoza_label,frame\ncine.dcm,0,0\ncine.dcm,1,41\na/b.png,1,\n"),
            ("images/cine.dcm", ""),
            ("images/a/b.png", ""),
        ]);
        let found = scan(root.path(), &DatasetOptions::default()).unwrap();
        let images = root.path().join("images");
        let expected = [
            ("cine.dcm#0", images.join("cine.dcm")),
            ("cine.dcm#41", images.join("cine.dcm")),
            ("a/b.png", images.join("a/b.png")),
        ];
        assert_eq!(described(&found), expected);
        let options = DatasetOptions { frame_column: Some("number".into()), ..DatasetOptions::default() };
        let error = scan(root.path(), &options).err().unwrap();
        assert!(error.message().contains("\"number\" (option frame_column)"), "{error}");
        fs::write(root.path().join("labels.csv"), "patch_filename,stenoza_label,frame\ncine.dcm,0,-1\n").unwrap();
        let error = scan(root.path(), &DatasetOptions::default()).err().unwrap();
        assert!(error.message().contains("line 2") && error.message().contains("\"-1\""), "{error}");
    }

    #[test]
    fn missing_frame_column() {
        let root = directory(&[("labels.csv", "patch_filename,stenoza_label\na.dcm,1\n"), ("images/a.dcm", "")]);
        let found = scan(root.path(), &DatasetOptions::default()).unwrap();
        assert_eq!(described(&found), [("a.dcm", root.path().join("images/a.dcm"))]);
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_and_names_not_utf8() {
        let root = directory(&[
            ("labels.csv", "patch_filename,stenoza_label\na.png,1\n"),
            ("elsewhere.png", ""),
            ("images/x", ""),
        ]);
        shell(root.path(), "ln -s ../elsewhere.png images/a.png");
        assert_eq!(scan(root.path(), &DatasetOptions::default()).unwrap().samples.len(), 1);
        let folders = directory(&[("one/1.png", ""), ("two/2.png", "")]);
        shell(&folders.path().join("one"), r"mv 1.png $(printf '\377.png')");
        let found = scan(folders.path(), &DatasetOptions::default()).unwrap();
        let paths = found.samples.iter().map(|sample| sample.path().unwrap());
        assert!(paths.clone().any(|path| path.to_str().is_none()));
        paths.for_each(|path| assert!(path.exists(), "{}", path.display()));
    }

    fn shell(directory: &Path, command: &str) {
        let status = std::process::Command::new("sh").args(["-c", command]).current_dir(directory).status();
        assert!(status.unwrap().success(), "{command}");
    }

    #[test]
    fn dicom_files_without_extension() {
        let dicom = &format!("{}DICM", "\0".repeat(128));
        let root = directory(&[
            ("healthy/1.2.840.7", dicom),
            ("healthy/DICOMDIR", dicom),
            ("healthy/README", "text"),
            ("stenosis/IM000001", dicom),
            ("stenosis/b.DCM", ""),
        ]);
        let found = scan(root.path(), &DatasetOptions::default()).unwrap();
        assert_eq!(ids(&found), [("healthy/1.2.840.7", false), ("stenosis/IM000001", true), ("stenosis/b.DCM", true)]);
    }
}
