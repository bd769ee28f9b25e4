//! How fast an exponential moving average of a network follows it.

/// Counts steps; the numbers themselves are the engine's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    decay: f64,
    steps: u64,
}

impl Average {
    /// Before the first step.
    pub fn new(decay: f64) -> Self {
        Average { decay, steps: 0 }
    }

    /// By which share the average moves towards the parameters after one more step. The first steps count more, so that the
    /// start is soon forgotten: the decay is at most (1 + steps) / (10 + steps), as in TensorFlow's moving averages.
    pub fn next_share(&mut self) -> f64 {
        self.steps += 1;
        1.0 - self.decay.min((1 + self.steps) as f64 / (10 + self.steps) as f64)
    }

    /// Steps taken in.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Goes on from there.
    pub fn restore(&mut self, steps: u64) {
        self.steps = steps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_of_the_first_steps() {
        let mut average = Average::new(0.25);
        // The decay of the first two steps is 2/11, and 3/12 = 0.25; from then on the decay in the options.
        for decay in [2.0 / 11.0, 0.25, 0.25] {
            assert!((average.next_share() - (1.0 - decay)).abs() < 1e-12);
        }
        assert_eq!(average.steps(), 3);
    }
}
