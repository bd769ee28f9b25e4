//! The same image gives the same output in every batch.

use crate::batch::{Batch, subset};
use crate::subject::Subject;
use lens_engine::Network;

pub fn results_do_not_depend_on_batch(subject: &Subject, network: &dyn Network) {
    for shape in [[9, 32, 32], [5, 47, 66]] {
        let (batch, count) = (Batch::with_even_areas(shape), shape[0]);
        let images = batch.images();
        let (mut alone, mut maps) = (Vec::new(), Vec::new());
        for image in 0..count {
            let one = subset(&images, image..image + 1);
            alone.extend(network.logits(&one).unwrap());
            maps.extend(network.features(&one).unwrap().values);
        }
        subject.check_same(&format!("maps of {shape:?}"), &network.features(&images).unwrap().values, &maps);
        for range in [0..count, 0..2, 1..4, count - 3..count] {
            let found = network.logits(&subset(&images, range.clone())).unwrap();
            subject.check_same(&format!("{range:?} of {shape:?}"), &found, &alone[range]);
        }
    }
}

pub fn concurrent_calls_agree(subject: &Subject, network: &dyn Network) {
    let batch = Batch::with_even_areas([5, 40, 40]);
    let images = &batch.images();
    let expected = &network.logits(images).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..4 {
            scope.spawn(move || {
                for round in 0..4 {
                    let count = 1 + (caller + round) % expected.len();
                    let found = network.logits(&subset(images, 0..count)).unwrap();
                    subject.check_same(&format!("{count} images by caller {caller}"), &found, &expected[..count]);
                }
            });
        }
    });
}
