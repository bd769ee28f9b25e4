//! Finding the labelled images of a directory, without decoding them.

use super::dataset::{DatasetOptions, NotUsed, Sample, Skipped};
use super::labels::TABLE;
use super::{folders, labels};
use lens_base::{Error, Result};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory that was read, for reports.
#[derive(Clone, Debug, Serialize)]
pub struct Root {
    pub path: PathBuf,
    pub layout: &'static str,
    pub samples: usize,
    pub positive_class: String,
    pub negative_classes: Vec<String>,
}

/// What was found.
pub struct Found {
    pub samples: Vec<Sample>,
    pub skipped: Vec<Skipped>,
    /// Files of class folders, and beside them, that are no images.
    pub passed_over: NotUsed,
    /// Rows of a table that name an image again, with the same label.
    pub repeated_rows: NotUsed,
    pub root: Root,
}

/// Finds the images of a directory with labels.csv, or with a folder per class.
pub fn scan(root: &Path, options: &DatasetOptions) -> Result<Found> {
    let metadata = fs::metadata(root).map_err(|error| Error::io("open data set", root, &error))?;
    if !metadata.is_dir() {
        return Err(Error::io("open data set", root, &std::io::Error::from(std::io::ErrorKind::NotADirectory)));
    }
    let found = match root.join(TABLE).is_file() {
        true => labels::scan(root, options),
        false => folders::scan(root, options),
    }?;
    if found.samples.is_empty() {
        let not_used = |count: usize, what: &str, first: Option<&str>| match count {
            0 => String::new(),
            count => format!(" ({count} {what}, the first {})", first.unwrap_or_default()),
        };
        let skipped = found.skipped.first().map(|skipped| &*skipped.path);
        let others = &found.passed_over;
        return Err(Error::data(format!(
            "{} has no images{}{}",
            root.display(),
            not_used(found.skipped.len(), "unreadable file(s) skipped", skipped),
            not_used(others.count, "file(s) that are no images passed over", others.files.first().map(String::as_str))
        )));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OnUnreadable;
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
        let root = directory(&[("labels.csv", "patch_filename,stenoza_label\na.png,maybe\n"), ("images/a.png", "")]);
        let error = scan(root.path(), &DatasetOptions::default()).err().unwrap();
        assert!(error.message().contains("line 2") && error.message().contains("maybe"), "{error}");
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

    #[test]
    fn images_in_folders_of_patients() {
        let dicom = &format!("{}DICM", "\0".repeat(128));
        let png = "\u{89}PNG";
        let root = directory(&[
            ("neg/1.png", ""),
            ("neg/p1/2.IMA", dicom),
            ("neg/p1/deep/er/3.MR", dicom),
            ("neg/p1/dicomdir", dicom),
            ("neg/p1/BMI.txt", "BMI 24, and more text"),
            ("neg/__MACOSX/1.png", ""),
            ("neg/Thumbs.db", ""),
            ("pos/4.dicom", dicom),
            ("pos/5.WEBP", ""),
            ("pos/notes.txt", png),
            ("__MACOSX/pos/4.dicom", dicom),
            ("read me.txt", ""),
            (".DS_Store", ""),
        ]);
        let found = scan(root.path(), &DatasetOptions::default()).unwrap();
        let expected = [
            ("neg/1.png", false),
            ("neg/p1/2.IMA", false),
            ("neg/p1/deep/er/3.MR", false),
            ("pos/4.dicom", true),
            ("pos/5.WEBP", true),
        ];
        assert_eq!(ids(&found), expected);
        assert_eq!(found.passed_over.count, 4);
        assert_eq!(found.passed_over.files, ["read me.txt", "neg/p1/BMI.txt", "neg/p1/dicomdir", "pos/notes.txt"]);
    }

    #[test]
    fn what_was_not_used_is_told() {
        let files: Vec<(String, &str)> = (0..30).map(|index| (format!("a/{index:02}.txt"), "")).collect();
        let mut files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (&**name, *content)).collect();
        files.extend([("a/1.png", ""), ("b/2.png", "")]);
        let root = directory(&files);
        let mut dataset = crate::Dataset::default();
        dataset.extend(root.path(), &DatasetOptions::default()).unwrap();
        let passed_over = &dataset.describe()["passed_over"];
        assert_eq!((&passed_over["count"], passed_over["files"].as_array().unwrap().len()), (&30.into(), 20));
        let expected = "30 files that are no images were passed over (a/00.txt, a/01.txt, a/02.txt, a/03.txt, \
                        a/04.txt and 25 more)";
        assert_eq!(dataset.warning().unwrap(), expected);
        assert_eq!(dataset.describe()["skipped"]["count"], 0);
        let empty = directory(&[("one/x.txt", ""), ("two/y.txt", "")]);
        let error = scan(empty.path(), &DatasetOptions::default()).err().unwrap();
        assert!(error.message().contains("2 file(s) that are no images passed over, the first one/x.txt"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_nowhere() {
        let root = directory(&[("one/1.png", ""), ("two/2.png", "")]);
        shell(root.path(), "ln -s /no/such.png one/3.png && ln -s . two/circle");
        let mut options = DatasetOptions::default();
        let error = scan(root.path(), &options).err().unwrap();
        assert!(error.kind() == ErrorKind::Io && error.message().contains("one/3.png"), "{error}");
        options.on_unreadable = OnUnreadable::Skip;
        let found = scan(root.path(), &options).unwrap();
        assert_eq!((found.samples.len(), found.skipped.len()), (2, 2));
    }

    fn table(rows: &str) -> Result<Found> {
        let root = directory(&[("labels.csv", rows), ("images/a.png", ""), ("images/sub/B.png", "")]);
        scan(root.path(), &DatasetOptions::default())
    }

    #[test]
    fn words_as_labels() {
        for (label, positive) in
            [("True", true), ("YES", true), ("1.0", true), ("false", false), ("No", false), ("0", false)]
        {
            let found = table(&format!("patch_filename;stenoza_label\r\na.png;{label}\r\n")).unwrap();
            assert_eq!(ids(&found), [("a.png", positive)], "{label}");
        }
        for label in ["2", "", "t", "NaN", "-1"] {
            let error = table(&format!("patch_filename,stenoza_label\na.png,{label}\n")).err().unwrap();
            assert!(error.message().contains(&format!("line 2 (a.png) has the label \"{label}\"")), "{error}");
        }
    }

    #[test]
    fn repeated_and_contradictory_rows() {
        let found = table("patch_filename,stenoza_label\na.png,1\nsub/B.png,0\na.png,1\na.png,True\n").unwrap();
        assert_eq!(ids(&found), [("a.png", true), ("sub/B.png", false)]);
        assert_eq!(
            (found.repeated_rows.count, &*found.repeated_rows.files),
            (2, &["a.png".into(), "a.png".into()][..])
        );
        let error = table("patch_filename,stenoza_label\na.png,1\nsub/B.png,0\na.png,0\n").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.message().contains("lines 2 and 4 name a.png with different labels"), "{error}");
        let frames = "patch_filename,stenoza_label,frame\na.png,1,0\na.png,0,1\na.png,0,1\n";
        assert_eq!(table(frames).unwrap().repeated_rows.files, ["a.png#1"]);
        let error = table("patch_filename,stenoza_label,frame\na.png,1,\na.png,0,0\n").err().unwrap();
        assert!(error.message().contains("lines 2 and 3 name a.png#0"), "{error}");
    }

    #[test]
    fn names_that_are_nearly_right() {
        for (name, says) in [
            ("sub\\B.png", "there is sub/B.png: write / for \\"),
            ("A.PNG", "there is a.png, and names must be the same to the letter"),
            ("SUB/b", "cannot read"),
            ("sub/b", "there is B.png, and names must be the same to the letter"),
            ("c.png", "No such file"),
        ] {
            let error = table(&format!("patch_filename,stenoza_label\n{name},1\n")).err().unwrap();
            assert!(error.kind() == ErrorKind::Io && error.message().contains(says), "{name}: {error}");
        }
    }
}
