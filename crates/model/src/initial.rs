//! Initial weights by torchvision's rule.

use super::layout::{ParameterSpec, Role};
use lens_base::generator;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The initial value of the `index`-th parameter. Convolutions: normal with variance 2 / fan-in (He et al. 2015); norms:
/// 1 and 0; head: uniform within 1 / sqrt(fan-in), bias 0.
pub fn initial_value(spec: &ParameterSpec, index: usize, seed: u64) -> Vec<f32> {
    let mut random = generator(seed, index as u64);
    let count = spec.shape.iter().product::<usize>();
    let fan_in = (spec.shape.iter().skip(1).product::<usize>() as f64).max(1.0);
    match spec.role {
        Role::Convolution => {
            let deviation = (2.0 / fan_in).sqrt();
            (0..count)
                .map(|_| {
                    let normal: f64 = StandardNormal.sample(&mut random);
                    (normal * deviation) as f32
                })
                .collect()
        }
        Role::HeadWeight => {
            let bound = 1.0 / fan_in.sqrt();
            (0..count).map(|_| ((random.random::<f64>() * 2.0 - 1.0) * bound) as f32).collect()
        }
        Role::NormWeight | Role::RunningVariance => vec![1.0; count],
        Role::NormBias | Role::RunningMean | Role::HeadBias => vec![0.0; count],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LAYOUT;

    #[test]
    fn standard_deviations_match_torchvision() {
        for (index, spec) in LAYOUT.parameters().iter().enumerate() {
            let value = initial_value(spec, index, 3);
            let fan_in = spec.shape.iter().skip(1).product::<usize>() as f64;
            let expected = match spec.role {
                Role::Convolution => (2.0 / fan_in).sqrt(),
                // A uniform distribution within b has standard deviation b / sqrt(3).
                Role::HeadWeight => 1.0 / (3.0 * fan_in).sqrt(),
                _ => continue,
            };
            let count = value.len() as f64;
            let mean = value.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
            let squares = value.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
            let found = (squares / (count - 1.0)).sqrt();
            // The relative error of a standard deviation from n values is about 1 / sqrt(2n).
            let tolerance = 5.0 / (2.0 * count).sqrt();
            assert!((found / expected - 1.0).abs() < tolerance, "{} {found} {expected}", spec.name);
        }
    }

    #[test]
    fn seeds() {
        let spec = &LAYOUT.parameters()[0];
        assert_eq!(initial_value(spec, 0, 1), initial_value(spec, 0, 1));
        assert_ne!(initial_value(spec, 0, 1), initial_value(spec, 0, 2));
        assert_ne!(initial_value(spec, 0, 1), initial_value(spec, 1, 1));
    }
}
