//! The learner of libtorch, through the table.

use super::engine::Handle;
use super::raw::{checked, json, logits_of, raw_parameters, with_images};
use lens_base::{Error, Result};
use lens_engine::torch_table::RawText;
use lens_engine::{Learner, LearnerSettings, ScalerState, Slot, UpdateStep, Weights};
use lens_images::Images;
use lens_model::TrainingParameters;

/// A learner; the other library keeps its engine alive.
pub struct TorchLearner {
    handle: Handle,
}

impl TorchLearner {
    pub fn new(engine: &Handle, start: &TrainingParameters, settings: &LearnerSettings) -> Result<Self> {
        let (table, engine, settings) = (engine.table, engine.pointer()?, json(settings)?);
        let (values, statistics) = (raw_parameters(&start.values), raw_parameters(&start.statistics));
        // SAFETY: a live engine, text and numbers that outlive the call, and room for the handle.
        let make =
            |learner| unsafe { (table.learner_new)(engine, RawText::of(&settings), values, statistics, learner) };
        Ok(TorchLearner { handle: Handle::new(table, table.learner_free, make)? })
    }

    fn checked(&self, code: i32) -> Result<()> {
        checked(self.handle.table, code)
    }
}

impl Learner for TorchLearner {
    fn begin(&mut self, head_only: bool) -> Result<()> {
        // SAFETY: a live learner, here and below.
        self.checked(unsafe { (self.handle.table.learner_begin)(self.handle.pointer()?, i32::from(head_only)) })
    }

    fn accumulate(&mut self, images: &Images, targets: &[f32], pos_weight: f64, share: f64) -> Result<f64> {
        if images.len() != targets.len() {
            let (images, targets) = (images.len(), targets.len());
            return Err(Error::argument(format!("{images} images and {targets} targets; there must be as many")));
        }
        let (table, mut loss) = (self.handle.table, 0.0);
        with_images(images, |raw| {
            // SAFETY: images and targets, as many, outlive the call; room for a number.
            checked(table, unsafe {
                (table.learner_accumulate)(
                    self.handle.pointer()?,
                    raw,
                    targets.as_ptr(),
                    pos_weight,
                    share,
                    &raw mut loss,
                )
            })
        })?;
        Ok(loss)
    }

    fn abandon(&mut self) -> Result<()> {
        // SAFETY: a live learner.
        self.checked(unsafe { (self.handle.table.learner_abandon)(self.handle.pointer()?) })
    }

    fn update(&mut self, step: &UpdateStep) -> Result<bool> {
        let (step, mut applied) = (json(step)?, 0);
        // SAFETY: text that outlives the call, and room for a number.
        self.checked(unsafe {
            (self.handle.table.learner_update)(self.handle.pointer()?, RawText::of(&step), &raw mut applied)
        })?;
        Ok(applied != 0)
    }

    fn update_average(&mut self, share: f64) -> Result<()> {
        // SAFETY: a live learner.
        self.checked(unsafe { (self.handle.table.learner_update_average)(self.handle.pointer()?, share) })
    }

    fn logits(&mut self, images: &Images, weights: Weights) -> Result<Vec<f32>> {
        let (table, pointer) = (self.handle.table, self.handle.pointer()?);
        let average = i32::from(weights == Weights::Average);
        // SAFETY: images that outlive the call, and room for one number for each.
        logits_of(table, images, |raw, logits| unsafe { (table.learner_logits)(pointer, raw, average, logits) })
    }

    fn read(&self, slot: Slot, values: &mut [f32]) -> Result<()> {
        let read = self.handle.table.learner_read;
        // SAFETY: `values` is writable.
        self.checked(unsafe { read(self.handle.pointer()?, slot as u32, values.as_mut_ptr(), values.len()) })
    }

    fn write(&mut self, slot: Slot, values: &[f32]) -> Result<()> {
        let write = self.handle.table.learner_write;
        // SAFETY: `values` is readable.
        self.checked(unsafe { write(self.handle.pointer()?, slot as u32, values.as_ptr(), values.len()) })
    }

    fn scaler(&self) -> Result<Option<ScalerState>> {
        let (mut present, mut scale, mut good_steps) = (0, 0.0, 0);
        // SAFETY: room for three numbers.
        self.checked(unsafe {
            (self.handle.table.learner_scaler)(
                self.handle.pointer()?,
                &raw mut present,
                &raw mut scale,
                &raw mut good_steps,
            )
        })?;
        Ok((present != 0).then_some(ScalerState { scale, good_steps }))
    }

    fn set_scaler(&mut self, ScalerState { scale, good_steps }: ScalerState) -> Result<()> {
        // SAFETY: a live learner.
        self.checked(unsafe { (self.handle.table.learner_set_scaler)(self.handle.pointer()?, scale, good_steps) })
    }

    fn is_finite(&self) -> Result<bool> {
        let mut finite = 0;
        // SAFETY: room for a number.
        self.checked(unsafe { (self.handle.table.learner_is_finite)(self.handle.pointer()?, &raw mut finite) })?;
        Ok(finite != 0)
    }
}
