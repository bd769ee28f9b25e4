//! JPEG of 12 bits: sequential, progressive, arithmetic-coded.

#![no_main]

libfuzzer_sys::fuzz_target!(init: lens_fuzz::begin(), |coded: &[u8]| lens_fuzz::jpeg(coded, lens_fuzz::Process::Twelve));
