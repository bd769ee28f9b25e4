//! What the fuzz targets have in common.

use lens_base::{Error, Result};
use lens_codecs::{Accept, Decoded, Size};
use lens_images::{Display, ImageFile, ReadOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Sets what a panic is: one in the project's own code is a finding; those of other decoders are caught by the library, too.
pub fn begin() {
    std::panic::set_hook(Box::new(|panic| {
        let is_ours = panic.location().is_none_or(|place| !place.file().contains("/.cargo/registry/"));
        if is_ours {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Runs what may panic in another's decoder, as `lens_images` does.
fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Decodes a code stream of at most a megapixel, so that many are tried, and checks what comes back.
pub fn decode(coded: &[u8], decode: impl Fn(&[u8], &Accept) -> Result<Decoded>) {
    let accept = |size: Size| {
        if u64::from(size.width) * u64::from(size.height) > 1 << 20 {
            return Err(Error::argument("too large"));
        }
        size.check_density(coded.len())
    };
    if let Some(Ok(decoded)) = contained(|| decode(coded, &accept)) {
        let Size { width, height, components } = decoded.size;
        assert_eq!(decoded.samples.len(), width as usize * height as usize * components as usize);
        assert!((1..=16).contains(&decoded.precision), "{} bits", decoded.precision);
    }
}

/// A file with this content, in memory; the next call overwrites it.
pub fn file(content: &[u8], name: &str) -> PathBuf {
    let path = directory().join(name);
    std::fs::write(&path, content).expect("files can be written to memory");
    path
}

/// A directory in memory, this process's own.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let path = Path::new("/dev/shm").join(format!("lens-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("directories can be made in memory");
        path
    })
}

/// Formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DICOM, with or without the preamble.
    Dicom,
    /// TIFF and BigTIFF.
    Tiff,
    /// PNG, BMP, WebP, JPEG.
    Picture,
    /// NIfTI-1 and NIfTI-2, and whatever gzip has compressed.
    Nifti,
}

/// Decodes a file of one kind; others are passed over.
pub fn load_kind(content: &[u8], kind: Kind) {
    let starts = |magics: &[&[u8]]| magics.iter().any(|magic| content.starts_with(magic));
    let found = if starts(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]) {
        Kind::Tiff
    } else if starts(&[b"\x89PNG", b"BM", b"RIFF", b"\xff\xd8\xff"]) {
        Kind::Picture
    } else if starts(&[b"\x1f\x8b"]) || is_nifti(content) {
        Kind::Nifti
    } else {
        Kind::Dicom
    };
    if found == kind {
        load(content);
    }
}

/// By the header's size and the letters at its end, or, of NIfTI-2, at its beginning.
fn is_nifti(content: &[u8]) -> bool {
    let has = |at: usize, letters: &[u8]| content.get(at..).is_some_and(|rest| rest.starts_with(letters));
    has(344, b"n+1\0") || has(4, b"n+2\0")
}

/// Decodes frames of a file in both ways of showing it, and looks at every pixel.
fn load(content: &[u8]) {
    let path = file(content, "image");
    for display in [Display::Viewer, Display::FullRange] {
        let options = ReadOptions { display, ..ReadOptions::default() };
        let Ok(first) = ImageFile::load_as(&path, 0, &options) else { continue };
        see(&first);
        let last = first.frames() - 1;
        if last > 0
            && let Ok(frame) = ImageFile::load_as(&path, last, &options)
        {
            see(&frame);
        }
        let _ = first.into_linear().map(|linear| see(&linear));
    }
}

fn see(image: &ImageFile) {
    let view = image.view();
    // Converting takes a float for each sample: of larger images, the bytes are enough.
    if view.width() * view.height() <= 1 << 20
        && let Ok(raster) = view.to_raster()
    {
        assert!(raster.samples().iter().all(|sample| (0.0..=1.0).contains(sample)));
    }
}

/// A process of JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Of 8 bits, by cosines.
    Eight,
    /// Of 12 bits, by cosines.
    Twelve,
    /// Lossless, of 2 to 16 bits.
    Lossless,
}

/// Decodes a JPEG stream of one process in both ways; others are passed over.
pub fn jpeg(coded: &[u8], process: Process) {
    use lens_codecs::jpeg::{Colours, Header, decode as decode_jpeg};
    let Ok(Some(header)) = Header::read(coded) else { return };
    let found = match (header.is_lossless(), header.precision) {
        (true, _) => Process::Lossless,
        (false, 12) => Process::Twelve,
        (false, _) => Process::Eight,
    };
    if found == process {
        for colours in [Colours::AsCoded, Colours::Converted] {
            decode(coded, |coded, accept| decode_jpeg(coded, colours, accept));
        }
    }
}
