//! A directory of a hundred thousand files, as a data set.

use lens_images::{Dataset, DatasetOptions};
use lens_system::resident_memory_bytes;
use std::fs::{File, create_dir, hard_link};

const FILES: usize = 100_000;

#[test]
fn memory_of_100_000_files() {
    let root = tempfile::tempdir().unwrap();
    // Empty files, which no decoder would take, most of them further names of the same: that is quick to make.
    for class in ["healthy", "stenosis"] {
        let folder = root.path().join(class);
        create_dir(&folder).unwrap();
        for number in 0..FILES / 2 {
            // File systems bound how often one file may be named.
            if number % 10_000 == 0 {
                File::create(folder.join(format!("{number:06}.png"))).unwrap();
            } else {
                let first = folder.join(format!("{:06}.png", number / 10_000 * 10_000));
                hard_link(first, folder.join(format!("{number:06}.png"))).unwrap();
            }
        }
    }
    let before = resident_memory_bytes().unwrap();
    let mut dataset = Dataset::default();
    dataset.extend(root.path(), &DatasetOptions::default()).unwrap();
    let held = resident_memory_bytes().unwrap().saturating_sub(before);
    assert_eq!(dataset.samples().len(), FILES);
    assert_eq!(dataset.describe()["positives"], FILES / 2);
    // Names and labels: 14 MB were measured.
    assert!(held < 40 << 20, "{held} bytes");
}
