//! The loss of a batch and its gradient.

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
            // -ln of the probability, and 1 - the probability, without overflow for either sign.
            let surprise = (-logit.abs()).exp().ln_1p() + (-logit).max(0.0);
            let rest = 1.0 / (1.0 + logit.exp());
            sum += (1.0 - target) * logit + weight * surprise;
            gradients.push(share * (1.0 - target - weight * rest));
        }
        // f64::max passes over a NaN, but the sum has the logit itself in it.
        (share * sum, gradients)
    }
}
