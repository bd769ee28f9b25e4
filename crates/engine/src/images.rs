//! Validation of images for the network.

use lens_base::{Error, Result};
use lens_images::Images;
use lens_model::SMALLEST_SIDE;

/// Fails for images that are too small for the network or exceed their memory.
pub fn check_images(images: &Images) -> Result<()> {
    let Images { width, height, views } = images;
    if *width.min(height) < SMALLEST_SIDE {
        return Err(Error::argument(format!(
            "images of {width} x {height} pixels are too small for the network; sides must be at least {SMALLEST_SIDE}"
        )));
    }
    views.iter().try_for_each(|view| view.length(*width, *height).map(drop))
}
