//! JPEG-LS.

#![no_main]

libfuzzer_sys::fuzz_target!(init: lens_fuzz::begin(), |coded: &[u8]| lens_fuzz::decode(coded, lens_codecs::jpeg_ls::decode));
