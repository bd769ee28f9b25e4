//! NIfTI files; their slices along the third axis are frames.

mod datatype;
mod header;
mod lie;
mod stream;
#[cfg(test)]
mod tests;
mod voxels;

use super::file_info::FileInfo;
use super::image_file::ImageFile;
use super::opened::check_frame;
use super::read_options::ReadOptions;
use header::{BYTES_1, Header};
use image::metadata::Orientation;
use lens_base::Result;
use std::fs::File;
use stream::{Stream, decompressed_start};

/// Whether a file that starts with these bytes is NIfTI, compressed or not, or of a kind like it that is refused by name.
pub fn is_nifti(start: &[u8]) -> bool {
    header::is_header(start) || decompressed_start(start, BYTES_1).is_some_and(|start| header::is_header(&start))
}

/// Decodes one slice. Of a file that is not compressed nothing else is read; a compressed one is decompressed up to there.
pub fn decode(file: File, frame: u32, options: &ReadOptions) -> Result<ImageFile> {
    let (header, mut stream) = open(file)?;
    check_frame(frame, header.frames)?;
    let orientation = if options.apply_orientation { orientation(&header)? } else { Orientation::NoTransforms };
    stream.skip_to(header.begin + u64::from(frame) * header.slice_bytes())?;
    let stored = stream.read(header.slice_bytes() as usize)?;
    Ok(voxels::image(stored, &header, options)?.turned(orientation))
}

/// The size of its slices, and how many there are.
pub fn info(file: File) -> Result<FileInfo> {
    let (header, _) = open(file)?;
    FileInfo::of_picture((header.width, header.height), orientation(&header)?, header.frames)
}

fn open(file: File) -> Result<(Header, Stream)> {
    let mut stream = Stream::open(file)?;
    let header = Header::read(&mut stream)?;
    stream.check_length(header.end())?;
    Ok((header, stream))
}

/// How slices are turned to be seen; where the file does not say how its axes lie, not at all.
fn orientation(header: &Header) -> Result<Orientation> {
    header.affine.map_or(Ok(Orientation::NoTransforms), |affine| affine.orientation())
}
