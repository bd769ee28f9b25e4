//! Lossless JPEG of 2 to 16 bits.

#![no_main]

libfuzzer_sys::fuzz_target!(init: lens_fuzz::begin(), |coded: &[u8]| lens_fuzz::jpeg(coded, lens_fuzz::Process::Lossless));
