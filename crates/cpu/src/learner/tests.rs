use super::*;
use crate::kernels::vector::Instructions;
use lens_base::ErrorKind;
use lens_images::ImageView;

#[test]
fn out_of_memory_is_an_error_and_learner_stays_usable() {
    let settings = LearnerSettings { optimizer: OptimizerKind::Adam, scaler: None, average: false };
    let start = TrainingParameters::zeroed().unwrap();
    let mut learner = CpuLearner::new(Arc::new(Pool::new(3, 3)), Instructions::best(), &start, &settings).unwrap();
    let memory = vec![0.5; 2048 * 2048];
    let of_side = |side: usize, count: usize| {
        let view = ImageView { memory: &memory, offset: 0, row_step: side, channels: 1 };
        Images { width: side, height: side, views: vec![view; count] }
    };
    // The same image repeated until no machine could hold the copies.
    let huge = of_side(2048, 1 << 20);
    learner.begin(false).unwrap();
    let error = learner.accumulate(&huge, &vec![0.0; huge.len()], 1.0, 1.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
    assert_eq!(learner.logits(&huge, Weights::Current).unwrap_err().kind(), ErrorKind::OutOfMemory);
    learner.abandon().unwrap();
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&of_side(32, 2), &[0.0, 1.0], 1.0, 1.0).unwrap();
    // Without weights every logit is 0.
    assert!((loss - std::f64::consts::LN_2).abs() < 1e-6, "{loss}");
}
