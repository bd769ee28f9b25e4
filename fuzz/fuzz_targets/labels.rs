//! labels.csv beside an empty directory of images.

#![no_main]

use lens_images::{Dataset, DatasetOptions, OnUnreadable};

libfuzzer_sys::fuzz_target!(init: lens_fuzz::begin(), |content: &[u8]| {
    let root = lens_fuzz::directory();
    let _ = std::fs::create_dir(root.join("images"));
    lens_fuzz::file(content, "labels.csv");
    for on_unreadable in [OnUnreadable::Fail, OnUnreadable::Skip] {
        let options = DatasetOptions { on_unreadable, ..DatasetOptions::default() };
        let mut dataset = Dataset::default();
        if dataset.extend(root, &options).is_ok() {
            // There is no image, so every row that was read is one that was left out.
            assert!(dataset.samples().is_empty() && !dataset.skipped().is_empty());
        }
    }
});
