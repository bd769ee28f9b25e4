//! The header of NIfTI-1 and NIfTI-2 files, checked.

use super::datatype::Datatype;
use super::lie::Affine;
use super::stream::Stream;
use crate::pixels::check_size;
use lens_base::{Error, ErrorKind, Result};

/// Bytes of the headers, which are the first number of a file.
pub const BYTES_1: usize = 348;
pub const BYTES_2: usize = 540;
/// Where NIfTI-1 files, NIfTI-2 files and ANALYZE 7.5 files say what they are.
const MAGIC_1: usize = 344;
const MAGIC_2: usize = 4;
const ANALYZE_REGULAR: usize = 38;
/// The four bytes that say whether extensions follow the header; voxels come after them.
const EXTENDER: u64 = 4;

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Single {
        second: bool,
    },
    /// The header of a pair of files.
    Pair,
    Analyze,
}

/// The format, and whether its numbers are in the byte order of big-endian machines; `None`: something else.
fn format(start: &[u8]) -> Option<(Format, bool)> {
    let size = start.first_chunk::<4>()?;
    let (length, big_endian) = match (u32::from_le_bytes(*size) as usize, u32::from_be_bytes(*size) as usize) {
        (length @ (BYTES_1 | BYTES_2), _) => (length, false),
        (_, length @ (BYTES_1 | BYTES_2)) => (length, true),
        _ => return None,
    };
    let format = if length == BYTES_2 {
        match start.get(MAGIC_2..MAGIC_2 + 8)? {
            b"n+2\0\r\n\x1a\n" => Format::Single { second: true },
            b"ni2\0\r\n\x1a\n" => Format::Pair,
            _ => return None,
        }
    } else {
        match start.get(MAGIC_1..MAGIC_1 + 4)? {
            b"n+1\0" => Format::Single { second: false },
            b"ni1\0" => Format::Pair,
            _ if start[ANALYZE_REGULAR] == b'r' => Format::Analyze,
            _ => return None,
        }
    };
    Some((format, big_endian))
}

/// Whether a file that starts with these bytes is NIfTI, or of a kind that is refused by name.
pub fn is_header(start: &[u8]) -> bool {
    format(start).is_some()
}

/// A header, checked.
pub struct Header {
    pub big_endian: bool,
    /// Voxels along the first and the second axis.
    pub width: u32,
    pub height: u32,
    /// The product of the other axes, of which the third is the fastest.
    pub frames: u32,
    pub datatype: Datatype,
    /// Where the first voxel is.
    pub begin: u64,
    /// What stored values are multiplied by, and then added to; 1 and 0 where the file says nothing.
    pub scaling: (f64, f64),
    /// `cal_min` and `cal_max`, after scaling, where the file has a range.
    pub range: Option<(f64, f64)>,
    /// How the axes lie in the patient, where the file says it.
    pub affine: Option<Affine>,
}

/// Fields of a header, at their places in NIfTI-1 and in NIfTI-2.
struct Fields {
    bytes: Vec<u8>,
    big_endian: bool,
    second: bool,
}

impl Fields {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes: [u8; N] = std::array::from_fn(|index| self.bytes[at + index]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn float(&self, first: usize, second: usize) -> f64 {
        if self.second { f64::from_le_bytes(self.take(second)) } else { f32::from_le_bytes(self.take(first)).into() }
    }

    /// Of 16 bits in both.
    fn short(&self, first: usize, second: usize) -> i64 {
        i16::from_le_bytes(self.take(if self.second { second } else { first })).into()
    }

    /// Of 16 bits in the first, and 32 in the second.
    fn code(&self, first: usize, second: usize) -> i64 {
        if self.second { i32::from_le_bytes(self.take(second)).into() } else { self.short(first, second) }
    }

    /// Voxels along axis 1 to 7; of 0, how many axes there are.
    fn dimension(&self, axis: usize) -> i64 {
        if self.second { i64::from_le_bytes(self.take(16 + 8 * axis)) } else { self.short(40 + 2 * axis, 0) }
    }
}

impl Header {
    /// Reads and checks it; the stream is then behind it.
    pub fn read(stream: &mut Stream) -> Result<Self> {
        let mut bytes = stream.read(BYTES_1)?;
        let Some((format, big_endian)) = format(&bytes) else {
            return Err(Error::format("it does not begin as a NIfTI file does"));
        };
        let second = match format {
            Format::Single { second } => second,
            Format::Pair => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "it is the header of a NIfTI pair (.hdr and .img); convert it to a single file (.nii)",
                ));
            }
            Format::Analyze => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "it is the header of an ANALYZE 7.5 pair (.hdr and .img); convert it to NIfTI (.nii)",
                ));
            }
        };
        if second {
            bytes.extend(stream.read(BYTES_2 - BYTES_1)?);
        }
        Header::checked(&Fields { bytes, big_endian, second })
    }

    fn checked(fields: &Fields) -> Result<Self> {
        let axes = fields.dimension(0);
        if !(1..=7).contains(&axes) {
            return Err(Error::format(format!("dim[0] is {axes}; it must be 1 to 7, the number of axes")));
        }
        let mut shape = [1u64; 8];
        for (axis, size) in shape.iter_mut().enumerate().take(axes as usize + 1).skip(1) {
            let voxels = fields.dimension(axis);
            *size = u64::try_from(voxels).ok().filter(|voxels| *voxels > 0).ok_or_else(|| {
                Error::format(format!("dim[{axis}] is {voxels}; it must be 1 or more, the voxels along an axis"))
            })?;
        }
        let side = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        let (width, height) = (side(shape[1]), side(shape[2]));
        check_size(width, height)?;
        let frames = shape[3..].iter().try_fold(1u32, |frames, size| frames.checked_mul(u32::try_from(*size).ok()?));
        let Some(frames) = frames else {
            return Err(Error::format(format!(
                "it has {} slices (dim[3] to dim[{axes}]); at most {} are read",
                shape[3..].iter().map(u64::to_string).collect::<Vec<_>>().join(" x "),
                u32::MAX
            )));
        };
        let datatype = Datatype::of(fields.short(70, 12))?;
        let (bits, expected) = (fields.short(72, 14), 8 * datatype.bytes() as i64);
        if bits != expected {
            return Err(Error::format(format!("bitpix is {bits}; it must be {expected} for {datatype:?}")));
        }
        Ok(Header {
            big_endian: fields.big_endian,
            width,
            height,
            frames,
            datatype,
            begin: begin(fields)?,
            scaling: scaling(fields, datatype)?,
            range: range(fields)?,
            affine: affine(fields),
        })
    }

    /// Bytes of a slice.
    pub fn slice_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * self.datatype.bytes() as u64
    }

    /// The byte after the last voxel.
    pub fn end(&self) -> Option<u64> {
        self.slice_bytes().checked_mul(self.frames.into())?.checked_add(self.begin)
    }
}

/// By sform where the file has one, or else by qform, as nibabel does it.
fn affine(fields: &Fields) -> Option<Affine> {
    let (sform, qform) = (fields.code(254, 348), fields.code(252, 344));
    let row = |row: usize, column: usize| fields.float(280 + 16 * row + 4 * column, 400 + 32 * row + 8 * column);
    let quaternion = |index: usize| fields.float(256 + 4 * index, 352 + 8 * index);
    if sform > 0 {
        Some(Affine::Rows(std::array::from_fn(|place| std::array::from_fn(|column| row(place, column)))))
    } else if qform > 0 {
        Some(Affine::Quaternion { bcd: std::array::from_fn(quaternion), factor: fields.float(76, 104) })
    } else {
        None
    }
}

/// Where the voxels begin.
fn begin(fields: &Fields) -> Result<u64> {
    let least = fields.bytes.len() as u64 + EXTENDER;
    let (offset, said) = if fields.second {
        let offset = i64::from_le_bytes(fields.take(168));
        (u64::try_from(offset).ok(), offset.to_string())
    } else {
        let offset = fields.float(108, 0);
        /// Beyond it, not all whole numbers are floats.
        const MOST: f64 = 9e15;
        let is_whole = offset.fract() == 0.0 && (0.0..MOST).contains(&offset);
        (is_whole.then_some(offset as u64), offset.to_string())
    };
    offset
        .filter(|offset| *offset >= least)
        .ok_or_else(|| Error::format(format!("vox_offset is {said}; it must be a whole number of {least} or more")))
}

fn scaling(fields: &Fields, datatype: Datatype) -> Result<(f64, f64)> {
    let (slope, intercept) = (fields.float(112, 176), fields.float(116, 184));
    if slope == 0.0 || matches!(datatype, Datatype::Rgb24 | Datatype::Rgba32) {
        return Ok((1.0, 0.0));
    }
    for (name, value) in [("scl_slope", slope), ("scl_inter", intercept)] {
        if !value.is_finite() {
            return Err(Error::format(format!(
                "{name} is {value}; it must be finite, and a scl_slope of 0 means that values are not scaled"
            )));
        }
    }
    Ok((slope, intercept))
}

fn range(fields: &Fields) -> Result<Option<(f64, f64)>> {
    let (high, low) = (fields.float(124, 192), fields.float(128, 200));
    for (name, value) in [("cal_min", low), ("cal_max", high)] {
        if !value.is_finite() {
            return Err(Error::format(format!("{name} is {value}; it must be finite, and 0 where there is no range")));
        }
    }
    // Others make no sense; both are 0 where there is none.
    Ok((low < high).then_some((low, high)))
}
