//! `lens_dataset`.

use super::arguments::{optional_text, out, required, text};
use super::generated::lens_dataset_options;
use super::guard::{guard, release};
use super::image::{lens_image, view};
use super::options;
use super::status::lens_status;
use super::text::to_host;
use lens_base::{Error, ErrorKind, Result};
use lens_images::{Dataset, DatasetOptions};
use lens_system::fork::Mutex;
use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

/// Labelled images: files that are read when needed, and pixels that were handed over. Thread-safe; a running call
/// works on the samples that were there when it began. In the child of a fork() that came while another thread was adding to
/// it, it is lost: calls return LENS_ERROR_DATA.
pub struct lens_dataset(Mutex<Option<Arc<Dataset>>>);

/// In the child of a fork, for a data set that another thread was adding to.
fn lost() -> Error {
    let message =
        "dataset: another thread was adding to it when this process was forked, so it is lost here: make it anew";
    Error::new(ErrorKind::Data, message)
}

impl lens_dataset {
    pub(super) fn snapshot(&self) -> Result<Arc<Dataset>> {
        self.0.lock().clone().ok_or_else(lost)
    }

    fn to_host(dataset: Dataset) -> *mut lens_dataset {
        Box::into_raw(Box::new(lens_dataset(Mutex::new(Some(Arc::new(dataset))))))
    }
}

/// The library's options.
///
/// # Safety
/// `options` is NULL or a valid struct as large as its `struct_size`, its strings NULL or C strings.
unsafe fn read_options(options: *const lens_dataset_options) -> Result<DatasetOptions> {
    // SAFETY: as promised by the caller.
    unsafe { options::read(options)?.to_library() }
}

/// Makes an empty data set, for lens_dataset_add() and lens_dataset_extend().
///
/// @param[out] dataset Receives the data set; free it with lens_dataset_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_new(dataset: *mut *mut lens_dataset) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let dataset = unsafe { out("dataset", dataset) }?;
        *dataset = lens_dataset::to_host(Dataset::default());
        Ok(())
    })
}

/// Opens a directory of labelled images without decoding them: one that holds labels.csv and images/, or one folder
/// per class. Images are DICOM, NIfTI, PNG, JPEG, BMP, WebP or TIFF files; the frames of NIfTI files are slices. In class
/// folders and the folders below them they are found by their endings (dcm, nii, nii.gz, png, jpg, jpeg, bmp, webp, tif,
/// tiff) or, whatever their names are, by their first bytes.
/// Files that are no images are passed over and counted; lens_dataset_describe() says how many, and names some.
///
/// labels.csv is UTF-8; its columns are separated by commas, semicolons or tabs. A row that names an image (and frame)
/// again with the same label is passed over and counted; with another label it is an error.
///
/// @param path The root directory, UTF-8.
/// @param options NULL for all defaults.
/// @param[out] dataset Receives the data set; free it with lens_dataset_free(). NULL on failure.
/// @return LENS_OK; LENS_ERROR_IO when a directory or file cannot be read; LENS_ERROR_FORMAT when labels.csv lacks a
///         column, is not UTF-8, has a label that is neither 0 nor 1 nor a word for them, or two for one image (the
///         message names the lines); LENS_ERROR_DATA when there is
///         neither labels.csv nor class folders, or nothing in them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_open(
    path: *const c_char,
    options: *const lens_dataset_options,
    dataset: *mut *mut lens_dataset,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let dataset = unsafe { out("dataset", dataset) }?;
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a valid struct by contract.
        let options = unsafe { read_options(options) }?;
        let mut opened = Dataset::default();
        opened.extend(Path::new(path), &options)?;
        *dataset = lens_dataset::to_host(opened);
        Ok(())
    })
}

/// Adds another root directory to a data set. On failure the data set is as before.
///
/// @param path As for lens_dataset_open().
/// @param options As for lens_dataset_open().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_extend(
    dataset: *mut lens_dataset,
    path: *const c_char,
    options: *const lens_dataset_options,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let dataset = unsafe { required("dataset", dataset) }?;
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a valid struct by contract.
        let options = unsafe { read_options(options) }?;
        let mut current = dataset.0.lock();
        Arc::make_mut(current.as_mut().ok_or_else(lost)?).extend(Path::new(path), &options)
    })
}

/// Adds one image; its pixels are copied.
///
/// @param image The pixels.
/// @param label 0 (negative) or 1 (positive).
/// @param id A name for reports, UTF-8; NULL: "sample 0", "sample 1", ...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_add(
    dataset: *mut lens_dataset,
    image: *const lens_image,
    label: i32,
    id: *const c_char,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let dataset = unsafe { required("dataset", dataset) }?;
        // SAFETY: NULL or a valid struct by contract.
        let image = unsafe { required("image", image) }?;
        // SAFETY: the pixels are as the struct describes, by contract.
        let view = unsafe { view("image", image) }?;
        // SAFETY: NULL or a C string by contract.
        let id = unsafe { optional_text("id", id) }?;
        if id == Some("") {
            return Err(Error::argument("id is empty; leave it NULL to have one made"));
        }
        let mut current = dataset.0.lock();
        Arc::make_mut(current.as_mut().ok_or_else(lost)?).add(&view, label, id)
    })
}

/// Splits a data set into two new ones, class by class, so that both have about the same share of positives.
///
/// @param fraction Share of the samples that go into first, above 0 and below 1.
/// @param seed The same seed gives the same split.
/// @param[out] first Receives a data set; free it with lens_dataset_free(). NULL on failure.
/// @param[out] second Receives the rest; free it with lens_dataset_free(). NULL on failure.
/// @return LENS_ERROR_DATA when one part would be empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_split(
    dataset: *const lens_dataset,
    fraction: f64,
    seed: u64,
    first: *mut *mut lens_dataset,
    second: *mut *mut lens_dataset,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let first = unsafe { out("first", first) };
        // SAFETY: as above.
        let second = unsafe { out("second", second) };
        let (first, second) = (first?, second?);
        // SAFETY: NULL or a live handle by contract.
        let dataset = unsafe { required("dataset", dataset) }?;
        let (one, other) = dataset.snapshot()?.split(fraction, seed)?;
        *first = lens_dataset::to_host(one);
        *second = lens_dataset::to_host(other);
        Ok(())
    })
}

/// Counts of samples and labels, roots, and what was not used, as JSON: "skipped" (unreadable files, and why),
/// "passed_over" (files of class folders that are no images) and "repeated_rows" (of labels.csv), each with "count" and
/// the first 20 "files".
///
/// @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_describe(dataset: *const lens_dataset, json: *mut *mut c_char) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let dataset = unsafe { required("dataset", dataset) }?;
        *json = to_host(dataset.snapshot()?.describe().to_string())?;
        Ok(())
    })
}

/// Frees the data set; NULL is a no-op. Running calls go on with what they took of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_free(dataset: *mut lens_dataset) {
    release(|| {
        if !dataset.is_null() {
            // SAFETY: from this library and freed once, by contract.
            drop(unsafe { Box::from_raw(dataset) });
        }
    });
}
