//! Images as strided views.

use crate::batch::Batch;
use crate::error_norms::{max_relative_error, to_f64};
use crate::subject::Subject;
use lens_engine::Network;
use lens_images::{ImageView, Images};

pub fn gray_equals_rgb(subject: &Subject, network: &dyn Network) {
    let rgb = Batch::golden([3, 40, 56]);
    let (gray, repeated) = (rgb.to_gray(), rgb.to_gray().to_rgb());
    let check = |what: &str, found: &[f32], expected: &[f32]| {
        let error = max_relative_error(found, &to_f64(expected));
        assert!(error < subject.tolerances.outputs, "{subject}, gray: {what} are off by {error:e}");
    };
    let expected = network.logits(&repeated.images()).unwrap();
    check("logits", &network.logits(&gray.images()).unwrap(), &expected);
    let maps = [&gray, &repeated].map(|batch| network.features(&batch.images()).unwrap().values);
    check("feature maps", &maps[0], &maps[1]);
    // The colours matter.
    assert!(max_relative_error(&network.logits(&rgb.images()).unwrap(), &to_f64(&expected)) > 1e-2, "{subject}");
    // In one call with RGB images.
    let mixed =
        Images { views: vec![rgb.images().views[0], gray.images().views[1], rgb.images().views[2]], ..rgb.images() };
    let of_colours = network.logits(&rgb.images()).unwrap();
    check("logits among colours", &network.logits(&mixed).unwrap(), &[of_colours[0], expected[1], of_colours[2]]);
}

/// Parts of larger images, which overlap and end where their memory ends; what lies between their rows is NaN.
pub fn strided_images(subject: &Subject, network: &dyn Network) {
    let (height, width) = (48, 40);
    let whole = Batch::golden([1, 70, 81]);
    for whole in [whole.to_gray(), whole] {
        let channels = whole.channels;
        let corners = [(0, 0), (3, 5), (whole.height - height, whole.width - width)];
        let row_step = whole.width * channels;
        let start = |(y, x): (usize, usize)| y * row_step + x * channels;
        let view = |corner| ImageView { memory: &whole.values, offset: start(corner), row_step, channels };
        let tiles = Images { width, height, views: corners.map(view).to_vec() };
        let mut packed = Vec::new();
        tiles.gather(channels, &mut packed);
        let packed = Batch { width, height, channels, values: packed, targets: Vec::new() };
        let expected = network.logits(&packed.images()).unwrap();
        subject.check_same(&format!("tiles of {channels} channels"), &network.logits(&tiles).unwrap(), &expected);
        let maps = [&tiles, &packed.images()].map(|images| network.features(images).unwrap().values);
        subject.check_same(&format!("maps of tiles of {channels} channels"), &maps[0], &maps[1]);
        // Alone, surrounded by NaN.
        let mut memory = vec![f32::NAN; whole.values.len()];
        let at = start(corners[1]);
        for y in 0..height {
            let row = at + y * row_step..at + y * row_step + width * channels;
            memory[row.clone()].copy_from_slice(&whole.values[row]);
        }
        let view = ImageView { memory: &memory, ..view(corners[1]) };
        let alone = network.logits(&Images { width, height, views: vec![view] }).unwrap();
        subject.check_same(&format!("a tile of {channels} channels among NaN"), &alone, &expected[1..2]);
    }
}
