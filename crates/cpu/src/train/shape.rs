//! Shapes of batches.

/// Images x rows x columns x channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TensorShape {
    /// Images.
    pub images: usize,
    /// Height of each image.
    pub height: usize,
    /// Width of each image.
    pub width: usize,
    /// Channels of each pixel.
    pub channels: usize,
}

impl TensorShape {
    /// Pixels of one image.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Pixels of all images.
    pub fn rows(self) -> usize {
        self.images * self.pixels()
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        self.rows() * self.channels
    }

    /// The same with `channels` channels.
    pub fn with_channels(self, channels: usize) -> Self {
        TensorShape { channels, ..self }
    }
}
