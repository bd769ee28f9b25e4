//! Images: pixels, decoders, DICOM, data sets, augmentation, and the batches that engines read. Knows nothing of networks
//! or of C.

#![deny(unsafe_code)]

mod augment;
mod batch;
mod buffer;
mod colours;
mod dataset;
mod deep_gray;
mod dicom;
mod extent;
mod file_info;
mod folders;
mod found_files;
mod image_file;
mod jpeg;
mod jpeg_picture;
mod labels;
mod loader;
mod nifti;
mod opened;
mod ordered;
mod orientation;
mod picture;
mod pixels;
mod png;
mod preprocessing;
mod preset;
mod raster;
mod read_options;
mod resampled;
mod sampler;
mod scan;
mod series;
mod table;
mod tiff;
mod windowing;

pub use augment::{Augmentation, flipped, rotated};
pub use batch::{Batch, ImageView, Images};
pub use dataset::{Dataset, DatasetOptions, NotUsed, OnUnreadable, Sample, Skipped, fingerprint, image_id};
pub use file_info::FileInfo;
pub use found_files::{FoundFiles, find_files};
pub use image_file::ImageFile;
pub use jpeg::jpeg_frame;
pub use loader::{EpochBatches, ImageStore, Loaded, for_each_image};
pub use pixels::{CheckedView, LONGEST_SIDE, MOST_PIXELS, PixelFormat, PixelView, check_all_values};
pub use png::{encode_png, write_png};
pub use preprocessing::Preprocessing;
pub use preset::WindowPreset;
pub use raster::{Raster, RowResampler};
pub use read_options::{Display, ReadOptions};
pub use resampled::ResampledView;
pub use sampler::{Sampling, epoch_order};
pub use series::{FoundSeries, Series, Slice, find_series};
pub use table::open_table;
pub use windowing::{LookupTable, Lut, WindowFunction, Windowing};
