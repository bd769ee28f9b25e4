//! Gradient scaling for half precision: small gradients are scaled into the range of f16.

use crate::autocast::unscale;
use crate::error::Result;
use lens_engine::ScalerState;
use lens_engine::policy::ScalerSettings;
use tch::{Device, Kind, Tensor};

/// PyTorch's GradScaler: the scale shrinks after a step with gradients that are not finite, and grows after a number of
/// steps without overflow.
#[derive(Debug)]
pub(crate) struct GradScaler {
    settings: ScalerSettings,
    scale: Tensor,
    /// Steps without overflow since the last change.
    growth: Tensor,
}

impl GradScaler {
    /// A scaler at its initial scale.
    pub fn new(settings: ScalerSettings, device: Device) -> Self {
        let scale = Tensor::from_slice(&[settings.initial_scale as f32]).to_device(device);
        GradScaler { settings, scale, growth: Tensor::zeros([1], (Kind::Int, device)) }
    }

    /// The scaled loss.
    pub fn scaled(&self, loss: &Tensor) -> Tensor {
        loss * &self.scale
    }

    /// Unscales gradients in place; false if some are not finite.
    pub fn unscale(&self, gradients: &mut Tensor) -> Result<bool> {
        let mut found = self.scale.zeros_like();
        unscale(gradients, &mut found, &self.scale.reciprocal())?;
        Ok(found.double_value(&[0]) == 0.0)
    }

    /// Updates the scale after a step.
    pub fn update(&mut self, finite: bool) -> Result<()> {
        let found = self.scale.full_like(if finite { 0.0 } else { 1.0 });
        let _ = self.scale.f_internal_amp_update_scale_(
            &self.growth,
            &found,
            self.settings.growth_factor,
            self.settings.backoff_factor,
            i64::from(self.settings.growth_interval),
        )?;
        Ok(())
    }

    /// Scale and steps without overflow.
    pub fn state(&self) -> ScalerState {
        ScalerState {
            scale: self.scale.double_value(&[0]),
            good_steps: u32::try_from(self.growth.int64_value(&[0])).unwrap_or(0),
        }
    }

    /// Sets scale and steps without overflow.
    pub fn restore(&mut self, state: ScalerState) {
        let _ = self.scale.fill_(state.scale);
        let _ = self.growth.fill_(i64::from(state.good_steps));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_backs_off_and_grows() {
        for (settings, after_overflow) in [(ScalerSettings::STANDARD, 32_768.0), (ScalerSettings::AMD, 4096.0 * 0.7)] {
            let mut scaler = GradScaler::new(settings, Device::Cpu);
            assert_eq!(scaler.state().scale, settings.initial_scale);
            scaler.update(false).unwrap();
            let fallen = scaler.state().scale;
            assert!((fallen / after_overflow - 1.0).abs() < 1e-6, "{fallen}");
            for _ in 1..settings.growth_interval {
                scaler.update(true).unwrap();
            }
            assert_eq!(scaler.state(), ScalerState { scale: fallen, good_steps: settings.growth_interval - 1 });
            // A restored scaler continues like the original.
            let mut other = GradScaler::new(settings, Device::Cpu);
            other.restore(scaler.state());
            for scaler in [&mut scaler, &mut other] {
                scaler.update(true).unwrap();
                assert!((scaler.state().scale / fallen / settings.growth_factor - 1.0).abs() < 1e-6);
                assert_eq!(scaler.state().good_steps, 0);
            }
        }
    }

    #[test]
    fn unscale_inverts_scale_and_reports_overflow() {
        let scaler = GradScaler::new(ScalerSettings::STANDARD, Device::Cpu);
        let mut gradients = scaler.scaled(&Tensor::from_slice(&[1.5f32, -2.0]));
        assert_eq!(gradients.double_value(&[0]), 1.5 * 65_536.0);
        assert!(scaler.unscale(&mut gradients).unwrap());
        assert_eq!(Vec::<f32>::try_from(&gradients).unwrap(), [1.5, -2.0]);
        assert!(!scaler.unscale(&mut Tensor::from_slice(&[f32::INFINITY])).unwrap());
    }
}
