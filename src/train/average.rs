//! An exponential moving average of a network's weights and running statistics.

use super::parameters::Parameters;
use crate::error::Result;

/// The average, a network of its own.
#[derive(Debug)]
pub struct Average {
    decay: f64,
    steps: u64,
    parameters: Parameters,
}

impl Average {
    /// Begins at `parameters`.
    pub fn new(decay: f64, parameters: &Parameters) -> Result<Self> {
        Ok(Average { decay, steps: 0, parameters: parameters.copy()? })
    }

    /// Takes in the state after a step. The first steps count more, so that the start is soon forgotten: the decay is at
    /// most (1 + steps) / (10 + steps), as in TensorFlow's moving averages.
    pub fn update(&mut self, parameters: &Parameters) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        let decay = self.decay.min((1 + self.steps) as f64 / (10 + self.steps) as f64);
        let _ = self.parameters.values().shallow_clone().f_lerp_(parameters.values(), 1.0 - decay)?;
        let _ = self.parameters.statistics().shallow_clone().f_lerp_(parameters.statistics(), 1.0 - decay)?;
        Ok(())
    }

    /// The averaged network.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Steps taken in.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Goes on from there.
    pub fn restore(&mut self, steps: u64, parameters: &Parameters) -> Result<()> {
        self.steps = steps;
        self.parameters.assign(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DenseNet;
    use tch::Device;

    #[test]
    fn it_follows_the_weights_and_the_running_statistics() {
        let parameters = Parameters::of(&DenseNet::initial(1, Device::Cpu)).unwrap();
        let _ = parameters.values().shallow_clone().fill_(0.0);
        let _ = parameters.statistics().shallow_clone().fill_(0.0);
        let mut average = Average::new(0.25, &parameters).unwrap();
        let _ = parameters.values().shallow_clone().fill_(1.0);
        let _ = parameters.statistics().shallow_clone().fill_(2.0);
        // The decay of the first two steps is 2/11, and 3/12 = 0.25; from then on what was asked for.
        let mut distance = 1.0;
        for decay in [2.0 / 11.0, 0.25, 0.25, 0.25] {
            average.update(&parameters).unwrap();
            distance *= decay;
            let value = average.parameters().values().double_value(&[7]);
            assert!((value - (1.0 - distance)).abs() < 1e-6, "{value}");
            let statistic = average.parameters().statistics().double_value(&[7]);
            assert!((statistic - 2.0 * (1.0 - distance)).abs() < 1e-6, "{statistic}");
        }
        // The network computes with the average, not with a copy of its start.
        let head = average.parameters().network().parameters().last().unwrap().double_value(&[0]);
        assert!((head - (1.0 - distance)).abs() < 1e-6);
    }
}
