//! `lens_series`: DICOM files of one series, whose slices are in spatial order.

use super::arguments::{optional_text, out, required, text};
use super::generated::lens_read_options;
use super::guard::{guard, release};
use super::image_file::lens_image_file;
use super::options;
use super::status::lens_status;
use super::text::to_host;
use lens_images::{ReadOptions, Series};
use std::ffi::c_char;
use std::path::Path;

/// A DICOM series as a volume: paths and places of its slices, no pixels. Immutable, so thread-safe.
pub struct lens_series(Series);

/// Finds the files of a DICOM series in a directory and those below it, and puts its slices in spatial order: by Image
/// Position (Patient) along the normal of their plane, axial slices from feet to head; without positions by Instance
/// Number. Only headers are read.
///
/// Slices of another size or plane than the others, and multi-frame files, are series of their own, even with the same UID:
/// a UID that has several is refused. Frames of multi-frame files are also had by lens_image_file_load().
///
/// @param directory UTF-8.
/// @param series_uid Series Instance UID; NULL: the directory must hold one series.
/// @param[out] series Receives the series; free it with lens_series_free(). NULL on failure.
/// @return LENS_OK; LENS_ERROR_IO when the directory or a file in it cannot be read; LENS_ERROR_FORMAT when a DICOM file is
///         broken, or its position or plane is none; LENS_ERROR_UNSUPPORTED when its header is coded in a way that this
///         version cannot read; LENS_ERROR_DATA when there are no DICOM images, no such series, or several
///         (the message lists their UIDs and numbers of slices).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_series_open(
    directory: *const c_char,
    series_uid: *const c_char,
    series: *mut *mut lens_series,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let series = unsafe { out("series", series) }?;
        // SAFETY: NULL or a C string by contract.
        let directory = unsafe { text("directory", directory) }?;
        // SAFETY: NULL or a C string by contract.
        let uid = unsafe { optional_text("series_uid", series_uid) }?;
        let opened = Series::open(Path::new(directory), uid)?;
        *series = Box::into_raw(Box::new(lens_series(opened)));
        Ok(())
    })
}

/// How many slices the series has.
///
/// @param[out] slices Receives the number, at least 1; 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_series_get_slices(series: *const lens_series, slices: *mut u32) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let slices = unsafe { out("slices", slices) }?;
        // SAFETY: NULL or a live handle by contract.
        *slices = unsafe { required("series", series) }?.0.slices().len() as u32;
        Ok(())
    })
}

/// Decodes one slice. Each has the window of its own file; without one it is stretched from its smallest to its largest
/// value, unless options say LENS_DISPLAY_FULL_RANGE.
///
/// @param slice From 0, in spatial order.
/// @param options As for lens_image_file_load().
/// @param[out] file Receives the slice, which outlives the series; free it with lens_image_file_free(). NULL on failure.
/// @return As lens_image_file_load(); LENS_ERROR_ARGUMENT when there is no such slice or window.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_series_load(
    series: *const lens_series,
    slice: u32,
    options: *const lens_read_options,
    file: *mut *mut lens_image_file,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let file = unsafe { out("file", file) }?;
        // SAFETY: NULL or a live handle by contract.
        let series = unsafe { required("series", series) }?;
        // SAFETY: NULL or a valid struct by contract.
        let options: ReadOptions = unsafe { options::read(options)?.to_library() }?;
        *file = lens_image_file::to_host(series.0.load(slice, &options)?);
        Ok(())
    })
}

/// The series as JSON: "uid", "description" and "modality" (null where files do not say them), "width", "height"; "slices"
/// in order, each with "path", "frame" (of that file, from 0) and "position_mm" (along the normal of its plane; null where not
/// known); "notes", in words: gaps, repeated or missing positions, files that were left out.
///
/// @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_series_describe(series: *const lens_series, json: *mut *mut c_char) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let series = unsafe { required("series", series) }?;
        *json = to_host(series.0.describe().to_string())?;
        Ok(())
    })
}

/// Frees the series; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_series_free(series: *mut lens_series) {
    release(|| {
        if !series.is_null() {
            // SAFETY: from lens_series_open and freed once, by contract.
            drop(unsafe { Box::from_raw(series) });
        }
    });
}
