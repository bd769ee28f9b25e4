//! Shapes of images.

/// Images x rows x columns x channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub images: usize,
    /// Of each.
    pub height: usize,
    /// Of each.
    pub width: usize,
    /// Numbers of each pixel.
    pub channels: usize,
}

impl Shape {
    /// Of one image.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Of all images.
    pub fn rows(self) -> usize {
        self.images * self.pixels()
    }

    /// Numbers in all.
    pub fn len(self) -> usize {
        self.rows() * self.channels
    }

    /// The same pixels with so many channels.
    pub fn with(self, channels: usize) -> Self {
        Shape { channels, ..self }
    }
}
