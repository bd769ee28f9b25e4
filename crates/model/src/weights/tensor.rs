//! Tensors as strided views into a file's bytes.

use super::dtype::Dtype;
use half::{bf16, f16};
use lens_base::{Error, Result, zeros};

/// More dimensions are refused; a network's tensors have up to five.
const MAX_DIMENSIONS: usize = 8;
/// More values are not read. With strides of 0 a few bytes can stand for any number of values, so the file's size is no
/// bound.
const MAX_VALUES: usize = 1 << 28;

/// A strided view into bytes of a file; values are copied on request.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorData<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    /// Steps from one index to the next, in elements.
    strides: Vec<usize>,
    /// From the first element on; all elements of the view are within.
    bytes: &'a [u8],
}

/// Offset, shape and strides of a tensor in its storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StridedLayout {
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl StridedLayout {
    /// Fails for values that no tensor can have.
    pub fn new(offset: i64, shape: &[i64], strides: &[i64]) -> Result<Self> {
        if shape.len() != strides.len() || shape.len() > MAX_DIMENSIONS {
            return Err(Error::format(format!(
                "a tensor has {} dimensions and {} strides; they must be as many, and at most {MAX_DIMENSIONS}",
                shape.len(),
                strides.len()
            )));
        }
        let plain = |numbers: &[i64]| numbers.iter().map(|number| usize::try_from(*number).ok()).collect();
        let (Ok(offset), Some(shape), Some(strides)) = (usize::try_from(offset), plain(shape), plain(strides)) else {
            return Err(Error::format(format!(
                "a tensor has the shape {shape:?}, the strides {strides:?} and the offset {offset}; none may be below 0"
            )));
        };
        Ok(StridedLayout { offset, shape, strides })
    }

    /// Row-major from offset 0.
    pub fn contiguous(shape: &[usize]) -> Self {
        StridedLayout { offset: 0, shape: shape.to_vec(), strides: row_major(shape) }
    }

    /// Number of elements, and of elements of the storage up to the last; none if that overflows.
    fn extent(&self) -> Option<(usize, usize)> {
        let count = self.shape.iter().try_fold(1usize, |count, side| count.checked_mul(*side))?;
        if self.shape.contains(&0) {
            return Some((0, 0));
        }
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (side, stride)| {
            (side - 1).checked_mul(*stride).and_then(|reach| last.checked_add(reach))
        })?;
        Some((count, last.checked_add(1)?))
    }
}

impl<'a> TensorData<'a> {
    /// Fails for a view that exceeds its storage.
    pub(super) fn new(dtype: Dtype, layout: &StridedLayout, storage: &'a [u8]) -> Result<Self> {
        let StridedLayout { offset, shape, strides } = layout;
        let available = storage.len() / dtype.size();
        let Some((_, reach)) = layout.extent().filter(|(_, reach)| *reach <= available) else {
            return Err(Error::format(format!(
                "the shape {shape:?} with the strides {strides:?} from {offset} on leaves its storage of {available} \
                 numbers"
            )));
        };
        // An empty tensor may have any offset.
        let bytes = if reach == 0 { &[] } else { &storage[offset * dtype.size()..reach * dtype.size()] };
        Ok(TensorData { dtype, shape: shape.clone(), strides: strides.clone(), bytes })
    }

    /// Element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The part at one index of the first dimension, which must be there.
    pub fn row(&self, index: usize) -> TensorData<'a> {
        let start = index * self.strides[0] * self.dtype.size();
        TensorData {
            dtype: self.dtype,
            shape: self.shape[1..].to_vec(),
            strides: self.strides[1..].to_vec(),
            bytes: &self.bytes[start..],
        }
    }

    /// The values, row-major. Memory is allocated for the whole shape: check it first.
    pub fn values(&self) -> Result<Vec<f32>> {
        let count: usize = self.shape.iter().product();
        if count > MAX_VALUES {
            return Err(Error::format(format!("has {count} values; at most {MAX_VALUES} are read")));
        }
        let mut values = zeros(count, "the values of a tensor")?;
        self.copy_to(&mut values)?;
        Ok(values)
    }

    /// Copies the values, row-major, to as many floats.
    pub fn copy_to(&self, target: &mut [f32]) -> Result<()> {
        if self.shape.iter().product::<usize>() != target.len() {
            return Err(Error::internal(format!("a tensor of shape {:?} for {} numbers", self.shape, target.len())));
        }
        match self.dtype {
            Dtype::Float64 => self.convert(target, |bytes| f64::from_le_bytes(bytes) as f32),
            Dtype::Float32 => self.convert(target, f32::from_le_bytes),
            Dtype::Float16 => self.convert(target, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BFloat16 => self.convert(target, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            other => {
                return Err(Error::format(format!("has the type {}; it must be a real float type", other.name())));
            }
        }
        Ok(())
    }

    /// Converts elements of SIZE bytes.
    fn convert<const SIZE: usize>(&self, target: &mut [f32], to_f32: impl Fn([u8; SIZE]) -> f32) {
        let numbers = self.bytes.as_chunks::<SIZE>().0;
        if self.strides == row_major(&self.shape) {
            target.iter_mut().zip(numbers).for_each(|(target, number)| *target = to_f32(*number));
            return;
        }
        let mut index = vec![0; self.shape.len()];
        let mut position = 0;
        for target in target {
            *target = to_f32(numbers[position]);
            // Advances the last index that is not at its end and resets those after it.
            for dimension in (0..index.len()).rev() {
                if index[dimension] + 1 < self.shape[dimension] {
                    index[dimension] += 1;
                    position += self.strides[dimension];
                    break;
                }
                position -= index[dimension] * self.strides[dimension];
                index[dimension] = 0;
            }
        }
    }
}

/// Strides of a contiguous tensor. Saturating: a shape that overflows is refused elsewhere.
fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for dimension in (1..shape.len()).rev() {
        strides[dimension - 1] = strides[dimension].saturating_mul(shape[dimension].max(1));
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: &[i64], strides: &[i64], offset: i64, storage: &[f32]) -> Result<Vec<f32>> {
        let bytes: Vec<u8> = storage.iter().flat_map(|value| value.to_le_bytes()).collect();
        TensorData::new(Dtype::Float32, &StridedLayout::new(offset, shape, strides)?, &bytes)?.values()
    }

    #[test]
    fn strides_and_offsets() {
        let storage = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(view(&[2, 3], &[3, 1], 0, &storage).unwrap(), storage);
        assert_eq!(view(&[3, 2], &[1, 3], 0, &storage).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(view(&[2, 2], &[0, 2], 1, &storage).unwrap(), [1.0, 3.0, 1.0, 3.0]);
        assert_eq!(view(&[2], &[1], 4, &storage).unwrap(), [4.0, 5.0]);
        assert_eq!(view(&[], &[], 3, &storage).unwrap(), [3.0]);
        // A side of one may have any stride, and an empty tensor any offset.
        assert_eq!(view(&[1, 2], &[i64::MAX, 1], 0, &storage).unwrap(), [0.0, 1.0]);
        assert!(view(&[3, 0], &[1, 1], 99, &storage).unwrap().is_empty());
    }

    #[test]
    fn rows() {
        let bytes: Vec<u8> = (0..6u8).flat_map(|value| f32::from(value).to_le_bytes()).collect();
        let of = |shape: &[i64], strides: &[i64], row| {
            let layout = StridedLayout::new(0, shape, strides).unwrap();
            TensorData::new(Dtype::Float32, &layout, &bytes).unwrap().row(row).values().unwrap()
        };
        assert_eq!(of(&[2, 3], &[3, 1], 1), [3.0, 4.0, 5.0]);
        assert_eq!(of(&[3, 2], &[1, 3], 2), [2.0, 5.0]);
        assert_eq!(of(&[6], &[1], 4), [4.0]);
    }

    #[test]
    fn invalid_views_are_refused() {
        let message =
            |shape: &[i64], strides: &[i64], offset| view(shape, strides, offset, &[0.0; 6]).unwrap_err().to_string();
        for (shape, strides, offset) in [
            (&[2i64, 3][..], &[3i64, 1][..], 1),
            (&[7], &[1], 0),
            (&[2], &[6], 0),
            (&[], &[], 6),
            (&[i64::MAX, i64::MAX], &[1, 1], 0),
            (&[i64::MAX, 4, 4], &[0, 0, 0], 0),
            (&[2], &[i64::MAX], i64::MAX),
        ] {
            assert!(message(shape, strides, offset).contains("leaves its storage of 6 numbers"), "{shape:?}");
        }
        assert!(message(&[-1], &[1], 0).contains("below 0"));
        assert!(message(&[1], &[-1], 0).contains("below 0"));
        assert!(message(&[1], &[1], -1).contains("below 0"));
        assert!(message(&[1, 1], &[1], 0).contains("2 dimensions and 1 strides"));
        assert!(message(&[1; 9], &[1; 9], 0).contains("at most 8"));
        // One element that stands for a thousand million.
        assert!(message(&[1 << 15, 1 << 15], &[0, 0], 0).contains("values; at most"));
    }

    #[test]
    fn float_types_convert_to_f32() {
        let values = |dtype, bytes: &[u8]| {
            let layout = StridedLayout::contiguous(&[bytes.len() / Dtype::size(dtype)]);
            TensorData::new(dtype, &layout, bytes).unwrap().values()
        };
        assert_eq!(values(Dtype::Float64, &0.1f64.to_le_bytes()).unwrap(), [0.1f32]);
        // The smallest subnormal, the largest number and minus infinity of binary16.
        let half = values(Dtype::Float16, &[0x01, 0x00, 0xff, 0x7b, 0x00, 0xfc]).unwrap();
        assert_eq!(half, [2f32.powi(-24), 65504.0, f32::NEG_INFINITY]);
        assert_eq!(values(Dtype::BFloat16, &[0x49, 0x40]).unwrap(), [3.140625]);
        assert!(values(Dtype::Int64, &[0; 8]).unwrap_err().message().contains("has the type int64"));
    }
}
