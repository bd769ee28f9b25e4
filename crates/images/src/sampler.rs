//! In which order an epoch takes its samples.

use lens_base::generator;
use rand::RngExt;
use rand::seq::SliceRandom;

/// How an epoch takes its samples; each epoch takes as many as there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// With replacement, each class equally often on average (the weight of a sample is 1 / size of its class).
    Weighted,
    /// Each once, shuffled.
    Shuffled,
}

/// Streams of the seed: one a purpose; epochs count up from here.
const STREAM: u64 = 1 << 32;

/// The samples of an epoch, as indices into `labels`.
pub fn epoch_order(labels: &[bool], sampling: Sampling, seed: u64, epoch: u32) -> Vec<usize> {
    let mut random = generator(seed, STREAM + u64::from(epoch));
    let mut all: Vec<usize> = (0..labels.len()).collect();
    if sampling == Sampling::Shuffled {
        all.shuffle(&mut random);
        return all;
    }
    // Weights 1 / size of class make both classes equally likely, and all samples within a class.
    let (positives, negatives): (Vec<usize>, Vec<usize>) = all.iter().partition(|index| labels[**index]);
    (0..labels.len())
        .map(|_| {
            let class = match (positives.is_empty(), negatives.is_empty()) {
                (true, _) => &negatives,
                (_, true) => &positives,
                _ if random.random::<bool>() => &positives,
                _ => &negatives,
            };
            class[random.random_range(0..class.len())]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_sampling_class_balance() {
        let labels: Vec<bool> = (0..100).map(|index| index < 10).collect();
        let mut counts = vec![0usize; 100];
        for epoch in 0..100 {
            for index in epoch_order(&labels, Sampling::Weighted, 7, epoch) {
                counts[index] += 1;
            }
        }
        let positives: usize = counts[..10].iter().sum();
        // Binomial(10000, 1/2): six standard deviations are 300; each positive is expected 500 times, 6 x 22.
        assert!((4700..5300).contains(&positives), "{positives}");
        assert!(counts[..10].iter().all(|count| (368..632).contains(count)), "{:?}", &counts[..10]);
    }

    #[test]
    fn shuffled_sampling_permutations() {
        let labels = vec![true; 50];
        let first = epoch_order(&labels, Sampling::Shuffled, 7, 0);
        assert_eq!(first, epoch_order(&labels, Sampling::Shuffled, 7, 0));
        assert_ne!(first, epoch_order(&labels, Sampling::Shuffled, 7, 1));
        let mut sorted = first;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }
}
