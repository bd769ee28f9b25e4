//! Element types of tensors.

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Dtype {
    Float64,
    Float32,
    Float16,
    BFloat16,
    Complex64,
    Complex128,
    Int64,
    Int32,
    Int16,
    Int8,
    UInt64,
    UInt32,
    UInt16,
    UInt8,
    Bool,
}

/// Every type with PyTorch's name, its size in bytes, and its storage class in PyTorch files.
const TYPES: [(Dtype, &str, usize, Option<&str>); 15] = [
    (Dtype::Float64, "float64", 8, Some("DoubleStorage")),
    (Dtype::Float32, "float32", 4, Some("FloatStorage")),
    (Dtype::Float16, "float16", 2, Some("HalfStorage")),
    (Dtype::BFloat16, "bfloat16", 2, Some("BFloat16Storage")),
    (Dtype::Complex64, "complex64", 8, Some("ComplexFloatStorage")),
    (Dtype::Complex128, "complex128", 16, Some("ComplexDoubleStorage")),
    (Dtype::Int64, "int64", 8, Some("LongStorage")),
    (Dtype::Int32, "int32", 4, Some("IntStorage")),
    (Dtype::Int16, "int16", 2, Some("ShortStorage")),
    (Dtype::Int8, "int8", 1, Some("CharStorage")),
    (Dtype::UInt64, "uint64", 8, None),
    (Dtype::UInt32, "uint32", 4, None),
    (Dtype::UInt16, "uint16", 2, None),
    (Dtype::UInt8, "uint8", 1, Some("ByteStorage")),
    (Dtype::Bool, "bool", 1, Some("BoolStorage")),
];

impl Dtype {
    fn row(self) -> &'static (Dtype, &'static str, usize, Option<&'static str>) {
        TYPES.iter().find(|row| row.0 == self).expect("the table has every type")
    }

    /// PyTorch's name: "float32".
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        self.row().2
    }

    /// From PyTorch's name: "float32".
    pub(super) fn named(name: &str) -> Option<Dtype> {
        TYPES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// From the storage class of a PyTorch file: "FloatStorage".
    pub(super) fn of_storage(class: &str) -> Option<Dtype> {
        TYPES.iter().find(|row| row.3 == Some(class)).map(|row| row.0)
    }
}

impl TryFrom<safetensors::Dtype> for Dtype {
    type Error = ();

    fn try_from(dtype: safetensors::Dtype) -> Result<Self, ()> {
        use safetensors::Dtype as File;
        Ok(match dtype {
            File::F64 => Dtype::Float64,
            File::F32 => Dtype::Float32,
            File::F16 => Dtype::Float16,
            File::BF16 => Dtype::BFloat16,
            File::C64 => Dtype::Complex64,
            File::I64 => Dtype::Int64,
            File::I32 => Dtype::Int32,
            File::I16 => Dtype::Int16,
            File::I8 => Dtype::Int8,
            File::U64 => Dtype::UInt64,
            File::U32 => Dtype::UInt32,
            File::U16 => Dtype::UInt16,
            File::U8 => Dtype::UInt8,
            File::BOOL => Dtype::Bool,
            _ => return Err(()),
        })
    }
}
