//! `lens_image_file`: decoded pixels owned by the library, and writing PNG files.

use super::arguments::{out, required, text};
use super::generated::lens_read_options;
use super::guard::{guard, release};
use super::image::{describe, lens_image, view};
use super::options;
use super::status::lens_status;
use lens_images::{ImageFile, ReadOptions, write_png};
use std::ffi::c_char;
use std::path::Path;

/// A decoded image file, for programs without a decoder of their own. Immutable, so thread-safe.
pub struct lens_image_file(ImageFile);

impl lens_image_file {
    pub(super) fn to_host(file: ImageFile) -> *mut lens_image_file {
        Box::into_raw(Box::new(lens_image_file(file)))
    }
}

/// Decodes one frame of an image file: DICOM, NIfTI (.nii, .nii.gz), PNG, JPEG, BMP, WebP or TIFF.
///
/// @param path UTF-8; a regular file.
/// @param frame From 0; the frames of a TIFF file are its pages, those of a NIfTI file its slices along the third axis and then
///        those of further ones; PNG, JPEG, BMP and WebP files have one. For DICOM series see lens_series_open().
/// @param options How it is read; NULL for all defaults. For lens_classify() and the like as the model says it, see
///        lens_model_get_read_options().
/// @param[out] file Receives the file; free it with lens_image_file_free(). NULL on failure.
/// @return LENS_OK; LENS_ERROR_IO when the file cannot be read; LENS_ERROR_FORMAT when it is no image or broken;
///         LENS_ERROR_UNSUPPORTED when it is coded in a way that this version cannot decode;
///         LENS_ERROR_ARGUMENT when there is no such frame or window.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_image_file_load(
    path: *const c_char,
    frame: u32,
    options: *const lens_read_options,
    file: *mut *mut lens_image_file,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let file = unsafe { out("file", file) }?;
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a valid struct by contract.
        let options: ReadOptions = unsafe { options::read(options)?.to_library() }?;
        let loaded = ImageFile::load_as(Path::new(path), frame, &options)?;
        *file = lens_image_file::to_host(loaded);
        Ok(())
    })
}

/// A view of the file's pixels, to hand to lens_classify() and the like.
///
/// @param[out] image Receives the view; valid until the file is freed. All zero on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_image_file_get_view(file: *const lens_image_file, image: *mut lens_image) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let image = unsafe { out("image", image) }?;
        // SAFETY: NULL or a live handle by contract.
        let file = unsafe { required("file", file) }?;
        *image = describe(&file.0.view());
        Ok(())
    })
}

/// How many frames the file on disk has, or slices the series, of which this is one.
///
/// @param[out] frames Receives the number, at least 1; 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_image_file_get_frames(file: *const lens_image_file, frames: *mut u32) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let frames = unsafe { out("frames", frames) }?;
        // SAFETY: NULL or a live handle by contract.
        *frames = unsafe { required("file", file) }?.0.frames();
        Ok(())
    })
}

/// Frees the file; NULL is a no-op. Views of it become invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_image_file_free(file: *mut lens_image_file) {
    release(|| {
        if !file.is_null() {
            // SAFETY: from this library and freed once, by contract.
            drop(unsafe { Box::from_raw(file) });
        }
    });
}

/// Writes an image as a PNG file, atomically (a temporary file in the same directory, then renamed).
///
/// Colour is written as it is, with alpha where there is one; gray as it is seen (rescaled, windowed, inverted), GRAY8
/// with 8 bits, deeper gray with 16.
///
/// @param path UTF-8; an existing file is replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_png_write(path: *const c_char, image: *const lens_image) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a valid struct by contract.
        let image = unsafe { required("image", image) }?;
        // SAFETY: the pixels are as the struct describes, by contract.
        let view = unsafe { view("image", image) }?;
        write_png(Path::new(path), &view)
    })
}
