//! Frames, decoded ahead of the work on them.

use crate::view::catalogue::ImageId;
use crate::view::viewer::Viewer;
use lens_base::{Cancel, Result};
use lens_images::{ImageFile, ReadOptions};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, Scope};

/// Decoded frames that wait at most.
const AHEAD: usize = 4;

/// A frame, or why it cannot be had.
pub type Frame = (ImageId, Result<ImageFile>);

/// Decodes images in order on a thread of its own, until it is cancelled or nobody takes them any more.
pub fn decode_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    viewer: &'scope Viewer,
    cancel: &'scope Cancel,
    images: &'scope [ImageId],
    reading: ReadOptions,
) -> std::io::Result<Receiver<Frame>> {
    let (sender, receiver) = sync_channel(AHEAD);
    Builder::new().name("decoder".into()).spawn_scoped(scope, move || {
        for image in images {
            let path = viewer.catalogue.contents().file(*image).path.clone();
            if cancel.is_triggered() || sender.send((*image, ImageFile::load_as(&path, image.frame, &reading))).is_err()
            {
                break;
            }
        }
    })?;
    Ok(receiver)
}
