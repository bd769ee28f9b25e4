//! An optimiser's step in one pass over its buffers.

use super::kernels::{InstructionSet, adam};
use crate::error::{Error, Result};
use crate::runtime::parallel::{floats, floats_mut, for_each_job, parts, split_rows};
use tch::Tensor;

/// One step of Adam (Kingma and Ba 2015) in PyTorch's form: with m and v the moments of the gradient g,
/// m += (1 - beta1) (g - m), v += (1 - beta2) (g^2 - v), and values -= learning rate * m' / (sqrt(v') + epsilon), where
/// m' and v' are m / (1 - beta1^step) and v / (1 - beta2^step).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Of the first moment.
    pub beta1: f64,
    /// Of the second moment.
    pub beta2: f64,
    /// Keeps the denominator from being 0.
    pub epsilon: f64,
    /// Step length.
    pub learning_rate: f64,
    /// From 1.
    pub step: i32,
}

impl AdamStep {
    /// Takes it, on four dense single-precision buffers of equal length on the CPU.
    pub fn take(
        &self,
        set: InstructionSet,
        values: &mut Tensor,
        gradients: &Tensor,
        first_moment: &mut Tensor,
        second_moment: &mut Tensor,
    ) -> Result<()> {
        let gradients = floats(gradients)?;
        let parts = parts(gradients.len());
        let [values, first_moment, second_moment] = [values, first_moment, second_moment].map(floats_mut);
        let (values, first_moment, second_moment) = (values?, first_moment?, second_moment?);
        let counts = [values.len(), first_moment.len(), second_moment.len()];
        if counts != [gradients.len(); 3] {
            return Err(Error::internal(format!("buffers of {counts:?} for {} gradients", gradients.len())));
        }
        let [values, first_moment, second_moment] =
            [values, first_moment, second_moment].map(|buffer| split_rows(buffer, 1, &parts));
        let shares = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        let step_size = (self.learning_rate / (1.0 - self.beta1.powi(self.step))) as f32;
        let correction = (1.0 - self.beta2.powi(self.step)).sqrt().recip() as f32;
        let mut jobs: Vec<_> = parts.iter().zip(values).zip(first_moment.into_iter().zip(second_moment)).collect();
        for_each_job(&mut jobs, |((part, values), (first_moment, second_moment))| {
            let gradients = &gradients[part.start..part.end];
            let epsilon = self.epsilon as f32;
            adam(set, values, gradients, first_moment, second_moment, shares, correction, epsilon, step_size);
            Ok(())
        })
    }
}
