//! On other architectures there is no network in bytes.

use crate::plan::memory::Span;
use crate::plan::shape::Shape;
use lens_base::Result;
use lens_model::{ActivationRanges, Parameters};
use std::ops::Range;

/// Never made.
pub enum Quantized {}

impl Quantized {
    /// None.
    pub fn pack(_: &ActivationRanges, _: &Parameters) -> Result<Option<Self>> {
        Ok(None)
    }

    pub fn reduce(
        &self,
        _: &Shape,
        _: (usize, usize),
        _: (Span, Span),
        _: (Range<usize>, Range<usize>),
        _: &mut [f32],
    ) {
        match *self {}
    }

    pub fn expand(&self, _: &Shape, _: (usize, usize), _: (Span, Span), _: Range<usize>) {
        match *self {}
    }

    pub fn transition(
        &self,
        _: &Shape,
        _: usize,
        _: (Span, Span, usize),
        _: (Range<usize>, Range<usize>),
        _: &mut [f32],
    ) {
        match *self {}
    }
}
