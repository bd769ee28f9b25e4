//! Invalid images.

use crate::batch::{Batch, subset};
use crate::subject::Subject;
use lens_engine::Network;
use lens_images::{ImageView, Images};
use lens_model::{LAYOUT, SMALLEST_SIDE};

pub fn invalid_images_are_errors(subject: &Subject, network: &dyn Network) {
    let batch = Batch::golden([2, 40, 40]);
    let good = subset(&batch.images(), 0..1);
    let view = good.views[0];
    let end = batch.values.len();
    let changed = |view| Images { views: vec![good.views[0], view], ..good };
    for (what, images) in [
        ("too narrow", Images { width: SMALLEST_SIDE - 1, ..good.clone() }),
        ("too low", Images { height: SMALLEST_SIDE - 1, ..good.clone() }),
        ("two channels", changed(ImageView { channels: 2, ..view })),
        ("rows that overlap", changed(ImageView { row_step: 119, ..view })),
        ("memory that ends", changed(ImageView { offset: end / 2 + 1, ..view })),
        ("an offset beyond memory", changed(ImageView { offset: end + 1, ..view })),
        ("an offset beyond all", changed(ImageView { offset: usize::MAX, ..view })),
        ("a row step beyond all", changed(ImageView { row_step: usize::MAX, ..view })),
    ] {
        assert!(network.logits(&images).is_err(), "{subject}, {what}: logits");
        assert!(network.features(&images).is_err(), "{subject}, {what}: features");
        let mut maxima = vec![0.0; LAYOUT.parameters().len()];
        assert!(network.observe(&images, &mut maxima).is_err(), "{subject}, {what}: observe");
    }
    assert!(network.logits(&good).is_ok(), "{subject}");
    assert!(network.observe(&good, &mut [0.0; 3]).is_err(), "{subject}: room for 3 ranges");
}
