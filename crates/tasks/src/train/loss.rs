//! The loss: binary cross entropy on logits.

use lens_model::cross_entropy;

/// How wrong logits are.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Weight of positive samples.
    pub pos_weight: f64,
    /// Share of a label that is spread evenly over both classes.
    pub label_smoothing: f64,
}

impl Loss {
    /// The probabilities that images with these labels should be given.
    pub fn targets(&self, labels: &[f32]) -> Vec<f32> {
        let smoothing = self.label_smoothing as f32;
        labels.iter().map(|label| label * (1.0 - smoothing) + smoothing / 2.0).collect()
    }

    /// The mean over images.
    pub fn of(&self, logits: &[f32], labels: &[f32]) -> f64 {
        let targets = self.targets(labels);
        let each = logits.iter().zip(&targets);
        let each = each.map(|(logit, target)| cross_entropy(f64::from(*logit), f64::from(*target), self.pos_weight));
        each.sum::<f64>() / logits.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_positive_weight() {
        let loss =
            |pos_weight, labels: &[f32]| Loss { pos_weight, label_smoothing: 0.0 }.of(&vec![0.0; labels.len()], labels);
        assert!((loss(1.0, &[0.0]) - 2f64.ln()).abs() < 1e-12);
        assert!((loss(3.0, &[1.0, 0.0]) - 2.0 * 2f64.ln()).abs() < 1e-12);
        assert!((Loss { pos_weight: 2.0, label_smoothing: 0.0 }.of(&[-500.0], &[1.0]) - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn label_smoothing() {
        let loss = |label_smoothing| Loss { pos_weight: 1.0, label_smoothing }.of(&[20.0, -20.0], &[1.0, 0.0]);
        assert!(loss(0.0) < 1e-6);
        // A share of 0.1 is spread over both classes, so 0.05 of each label is wrong by 20.
        assert!((loss(0.1) - 1.0).abs() < 1e-5, "{}", loss(0.1));
    }
}
