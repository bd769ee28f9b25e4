//! NIfTI files, compressed or not: headers, slices, how they lie.

#![no_main]

use lens_fuzz::Kind;

libfuzzer_sys::fuzz_target!(init: lens_fuzz::begin(), |content: &[u8]| lens_fuzz::load_kind(content, Kind::Nifti));
