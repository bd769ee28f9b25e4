//! Int8 convolutions on other architectures: there are none.

use crate::plan::memory::Span;
use crate::plan::shape::NetworkShape;
use lens_base::Result;
use lens_model::{ActivationRanges, Parameters};
use std::ops::Range;

/// Has no values.
pub enum QuantizedWeights {}

impl QuantizedWeights {
    /// Always none.
    pub fn pack(_: &ActivationRanges, _: &Parameters) -> Result<Option<Self>> {
        Ok(None)
    }

    pub fn conv1x1(
        &self,
        _: &NetworkShape,
        _: (usize, usize),
        _: (Span, Span),
        _: (Range<usize>, Range<usize>),
        _: &mut [f32],
    ) {
        match *self {}
    }

    pub fn conv3x3(&self, _: &NetworkShape, _: (usize, usize), _: (Span, Span), _: Range<usize>) {
        match *self {}
    }

    pub fn transition(
        &self,
        _: &NetworkShape,
        _: usize,
        _: (Span, Span, usize),
        _: (Range<usize>, Range<usize>),
        _: &mut [f32],
    ) {
        match *self {}
    }
}
