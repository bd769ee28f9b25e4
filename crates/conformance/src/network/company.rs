//! The same image gives the same output in any company.

use crate::batch::{Batch, some};
use crate::subject::Subject;
use lens_engine::Network;

pub fn does_not_matter(subject: &Subject, network: &dyn Network) {
    for shape in [[9, 32, 32], [5, 47, 66]] {
        let (batch, count) = (Batch::with_even_areas(shape), shape[0]);
        let images = batch.images();
        let (mut alone, mut maps) = (Vec::new(), Vec::new());
        for image in 0..count {
            let one = some(&images, image..image + 1);
            alone.extend(network.logits(&one).unwrap());
            maps.extend(network.features(&one).unwrap().values);
        }
        subject.check_same(&format!("maps of {shape:?}"), &network.features(&images).unwrap().values, &maps);
        for range in [0..count, 0..2, 1..4, count - 3..count] {
            let found = network.logits(&some(&images, range.clone())).unwrap();
            subject.check_same(&format!("{range:?} of {shape:?}"), &found, &alone[range]);
        }
    }
}

pub fn is_kept_by_several_threads(subject: &Subject, network: &dyn Network) {
    let batch = Batch::with_even_areas([5, 40, 40]);
    let images = &batch.images();
    let expected = &network.logits(images).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..4 {
            scope.spawn(move || {
                for round in 0..4 {
                    let count = 1 + (caller + round) % expected.len();
                    let found = network.logits(&some(images, 0..count)).unwrap();
                    subject.check_same(&format!("{count} images by caller {caller}"), &found, &expected[..count]);
                }
            });
        }
    });
}
