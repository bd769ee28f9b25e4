//! How image files are read.

use lens_base::options::Choice;
use lens_base::{Error, Result};

/// Which stored values become 0 to 1, of gray images with more than a few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Display {
    /// As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the smallest to the
    /// largest value of the frame.
    #[default]
    Viewer,
    /// All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of the frame. So all
    /// frames of integers are shown alike.
    FullRange,
}

/// How image files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Which stored values become 0 to 1.
    pub display: Display,
    /// Which of the [presets](crate::ImageFile::presets) of the file is shown, from 0; unused with the full range.
    pub window: u32,
    /// Whether pictures that say that they lie on their side or are mirrored (TIFF and EXIF tag 274) are turned.
    pub apply_orientation: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { display: Display::Viewer, window: 0, apply_orientation: true }
    }
}

impl ReadOptions {
    /// Refuses a window that a frame with so many does not have; those without any have the first.
    pub(super) fn check_window(&self, windows: usize) -> Result<()> {
        if self.display == Display::FullRange || self.window == 0 || (self.window as usize) < windows {
            return Ok(());
        }
        Err(Error::argument(format!("window is {}, but the frame has {windows} window(s)", self.window)))
    }
}
