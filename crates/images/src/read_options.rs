//! How image files are read.

use super::preset::WindowPreset;
use lens_base::options::{Choice, Options};
use lens_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// Which stored values of gray images become 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Choice)]
#[serde(rename_all = "snake_case")]
pub enum Display {
    /// As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the smallest to the
    /// largest value of the frame.
    #[default]
    Viewer,
    /// All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of the frame. So all
    /// frames of integers are shown alike.
    FullRange,
}

/// How image files are read. A model keeps what it was trained with, and files that are read for it are read so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Options)]
pub struct ReadOptions {
    /// Which stored values become 0 to 1.
    #[option(flag = "--display")]
    pub display: Display,
    /// Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the tables;
    /// frames without any take 0. Unused with the full range.
    #[option(flag = "--window N")]
    pub window: u32,
    /// Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and slices
    /// of NIfTI files (by sform or qform) as DICOM images of their plane lie.
    #[option(
        default = true,
        flag = "--no-orientation",
        switch = "Do not turn pictures that say that they lie on their side or are mirrored, nor slices of NIfTI files"
    )]
    pub apply_orientation: bool,
}

impl ReadOptions {
    /// Refuses a window that a frame with so many does not have; those without any have the first.
    pub(super) fn check_window(&self, windows: usize) -> Result<()> {
        if self.display == Display::FullRange || self.window == 0 || (self.window as usize) < windows {
            return Ok(());
        }
        Err(Error::argument(format!("window is {}, but the frame has {windows} window(s)", self.window)))
    }

    /// The window or table that is picked of a frame's; `None`: the frame is seen whole.
    pub(super) fn shown<'a>(&self, presets: &'a [WindowPreset]) -> Result<Option<&'a WindowPreset>> {
        self.check_window(presets.len())?;
        Ok(if self.display == Display::FullRange { None } else { presets.get(self.window as usize) })
    }
}
