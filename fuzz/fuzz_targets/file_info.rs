//! What files of any kind say of themselves.

#![no_main]

libfuzzer_sys::fuzz_target!(init: lens_fuzz::begin(), |content: &[u8]| {
    if let Ok(info) = lens_images::FileInfo::read(&lens_fuzz::file(content, "image")) {
        assert!(info.width > 0 && info.height > 0 && info.frames > 0 && (1..=8).contains(&info.orientation));
        assert!(info.rate.is_none_or(|rate| rate > 0.0 && rate <= 240.0), "{:?}", info.rate);
    }
});
