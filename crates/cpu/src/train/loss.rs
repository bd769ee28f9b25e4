//! The loss of a batch and its gradient.

use lens_model::cross_entropy;

/// Binary cross-entropy of logits, averaged over the batch.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Weight of the positive part.
    pub pos_weight: f64,
}

impl Loss {
    /// The loss, and its gradient for each logit.
    pub fn of(&self, logits: &[f32], targets: &[f32]) -> (f64, Vec<f64>) {
        let share = 1.0 / logits.len() as f64;
        let (mut sum, mut gradients) = (0.0, Vec::with_capacity(logits.len()));
        for (logit, target) in logits.iter().zip(targets) {
            let (logit, target) = (f64::from(*logit), f64::from(*target));
            let weight = 1.0 + (self.pos_weight - 1.0) * target;
            // 1 - sigmoid(logit), without overflow for either sign.
            let rest = 1.0 / (1.0 + logit.exp());
            sum += cross_entropy(logit, target, self.pos_weight);
            gradients.push(share * (1.0 - target - weight * rest));
        }
        // f64::max ignores NaN, but the logit itself is a term of the sum.
        (share * sum, gradients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_gradient_match_formula() {
        // -ln sigmoid(x), by a series where exp(-|x|) is negligible beside 1.
        let negative_log_sigmoid = |x: f64| {
            if x > 30.0 {
                (-x).exp()
            } else if x < -30.0 {
                -x
            } else {
                (1.0 + (-x).exp()).ln()
            }
        };
        for (logit, target) in
            [(-90.0, 1.0), (-3.0, 0.0), (-0.0, 0.5), (0.4, 1.0), (5.0, 0.05), (90.0, 0.0), (90.0, 1.0)]
        {
            let (x, y) = (f64::from(logit as f32), f64::from(target as f32));
            let exact = |x: f64| 2.5 * y * negative_log_sigmoid(x) + (1.0 - y) * negative_log_sigmoid(-x);
            // Two equal images, so that a sum instead of a mean would show.
            let (loss, gradients) = Loss { pos_weight: 2.5 }.of(&[x as f32; 2], &[y as f32; 2]);
            assert!((loss - exact(x)).abs() <= 1e-9 * exact(x).max(1e-3), "{x}, {y}: {loss}");
            let slope = (exact(x + 1e-5) - exact(x - 1e-5)) / 2e-5;
            for gradient in gradients {
                assert!((2.0 * gradient - slope).abs() < 1e-8 * slope.abs().max(1.0), "{x}, {y}: {gradient}");
            }
        }
        assert!(Loss { pos_weight: 1.0 }.of(&[f32::NAN, 1.0], &[0.0, 1.0]).0.is_nan());
    }
}
