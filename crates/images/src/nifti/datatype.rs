//! What a voxel is.

use lens_base::{Error, ErrorKind, Result};

/// The types that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    UInt8,
    Int8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Float32,
    Float64,
    Rgb24,
    Rgba32,
}

impl Datatype {
    /// The type of a code; others are refused by name.
    pub fn of(code: i64) -> Result<Self> {
        let name = match code {
            2 => return Ok(Datatype::UInt8),
            4 => return Ok(Datatype::Int16),
            8 => return Ok(Datatype::Int32),
            16 => return Ok(Datatype::Float32),
            64 => return Ok(Datatype::Float64),
            128 => return Ok(Datatype::Rgb24),
            256 => return Ok(Datatype::Int8),
            512 => return Ok(Datatype::UInt16),
            768 => return Ok(Datatype::UInt32),
            2304 => return Ok(Datatype::Rgba32),
            1 => "single bits (1)".into(),
            32 => "complex64 (32)".into(),
            1024 => "int64 (1024)".into(),
            1280 => "uint64 (1280)".into(),
            1536 => "float128 (1536)".into(),
            1792 => "complex128 (1792)".into(),
            2048 => "complex256 (2048)".into(),
            other => format!("of the unknown datatype {other}"),
        };
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "its voxels are {name}; this library reads uint8, int8, int16, uint16, int32, uint32, float32, float64, \
                 RGB24 and RGBA32: convert it to one of these"
            ),
        ))
    }

    /// Bytes of a voxel.
    pub fn bytes(self) -> usize {
        match self {
            Datatype::UInt8 | Datatype::Int8 => 1,
            Datatype::Int16 | Datatype::UInt16 => 2,
            Datatype::Rgb24 => 3,
            Datatype::Int32 | Datatype::UInt32 | Datatype::Float32 | Datatype::Rgba32 => 4,
            Datatype::Float64 => 8,
        }
    }
}
