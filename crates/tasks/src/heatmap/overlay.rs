//! A coloured heatmap over its image.

use super::color_bar::ColorBar;
use super::colormap::Colormap;
use super::finished::Heatmap;
use super::options::Resolution;
use super::outline::Outline;
use lens_base::options::{Choice, Options};
use lens_base::{Error, Result};
use lens_images::PixelView;

/// Which values get the lowest and the highest colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum OverlayScale {
    /// The heatmap's own lowest and highest value (a constant heatmap gets the lowest colour): shows where, not how
    /// much.
    #[default]
    #[choice(name = "minmax")]
    MinMax,
    /// 0 and 1: shows how much, comparable between images.
    Absolute,
}

/// How to draw an overlay. The defaults are the reference pipeline's.
#[derive(Clone, Debug, Options)]
pub struct OverlayOptions {
    /// Colours of the overlay.
    #[option(flag = "--colormap")]
    pub colormap: Colormap,
    /// Which values get the lowest and the highest colour.
    #[option(
        flag = "--absolute = absolute",
        switch = "Give the lowest colour to 0 and the highest to 1, instead of to the heatmap's lowest and highest value"
    )]
    pub scale: OverlayScale,
    /// Opacity of the colours: 0 shows the image only, 1 the colours only.
    #[option(default = 0.5, minimum = 0, maximum = 1, flag = "--alpha X")]
    pub alpha: f32,
    /// Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the values of the
    /// lowest and the highest colour; without them where the image's shorter side is under 96 pixels.
    #[option(
        flag = "--color-bar",
        switch = "Draw a bar of the colours inside the image at the right edge, half as high as it, with the values of the \
                  lowest and the highest colour; without them where the image's shorter side is under 96 pixels"
    )]
    pub color_bar: bool,
    /// How many of the hottest tiles are outlined; all when there are no more.
    #[option(flag = "--outline N")]
    pub outline_tiles: u32,
    /// Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen there. 0
    /// colours everything.
    #[option(minimum = 0, maximum = 1, flag = "--hide-below X")]
    pub hide_below: f32,
}

/// Rows of the image that are converted at once.
const ROWS_AT_ONCE: usize = 64;

impl Heatmap {
    /// RGBA pixels of the image with the coloured heatmap blended over it, row by row.
    pub fn overlay(&self, image: &PixelView, options: &OverlayOptions) -> Result<Vec<u8>> {
        let mut pixels = Vec::with_capacity(self.values().len() * 4);
        self.overlay_rows(image, options, |_, row| pixels.extend_from_slice(row))?;
        Ok(pixels)
    }

    /// The same, handed out row by row from the top, without a copy of the whole. Nothing is handed out on failure.
    pub fn overlay_rows(
        &self,
        image: &PixelView,
        options: &OverlayOptions,
        mut hand_out: impl FnMut(usize, &[u8]),
    ) -> Result<()> {
        self.check_overlay(image, options)?;
        let image = image.checked().map_err(|error| error.prefixed("image"))?;
        let (low, high) = match options.scale {
            OverlayScale::Absolute => (0.0, 1.0),
            OverlayScale::MinMax => {
                let ends = (f32::MAX, f32::MIN);
                self.values().iter().fold(ends, |(low, high), value| (low.min(*value), high.max(*value)))
            }
        };
        let size = (self.width(), self.height());
        let bar = options.color_bar.then(|| ColorBar::new(size, options.colormap, (low, high))).transpose()?;
        let hottest = self.hottest_tiles(options.outline_tiles as usize).into_iter();
        // The hottest last, so that its frame is over the others.
        let outlines: Vec<Outline> = hottest.rev().map(|index| Outline::new(&self.tiles()[index], size)).collect();
        let colours: [[u8; 3]; 256] = std::array::from_fn(|index| options.colormap.entry(index as u8));
        let gray = image.is_gray();
        let mut row = vec![255; 4 * size.0];
        let mut below = image.rows_to_raster(0..1, gray)?;
        for (y, values) in self.values().chunks_exact(size.0).enumerate() {
            let line = y % ROWS_AT_ONCE;
            if line == 0 {
                below = image.rows_to_raster(y..(y + ROWS_AT_ONCE).min(size.1), gray)?;
            }
            for (x, (pixel, value)) in row.as_chunks_mut::<4>().0.iter_mut().zip(values).enumerate() {
                // A constant heatmap has no hottest point.
                let relative = if high > low { (value - low) / (high - low) } else { 0.0 };
                let colour = colours[Colormap::index(relative)];
                let alpha = if *value < options.hide_below { 0.0 } else { options.alpha };
                for ((over, under), blended) in colour.into_iter().zip(below.rgb(x, line)).zip(pixel) {
                    *blended = (alpha * f32::from(over) + (1.0 - alpha) * under * 255.0).round() as u8;
                }
            }
            outlines.iter().for_each(|outline| outline.paint(y, &mut row));
            bar.iter().for_each(|bar| bar.paint(y, &mut row));
            hand_out(y, &row);
        }
        Ok(())
    }

    fn check_overlay(&self, image: &PixelView, options: &OverlayOptions) -> Result<()> {
        options.check_ranges()?;
        if self.resolution() == Resolution::Tiles {
            return Err(Error::argument(format!(
                "the heatmap has resolution TILES: {} x {} values, one for each tile and none for the pixels between; make \
                 it with resolution IMAGE to draw it over an image, or draw its tiles",
                self.width(),
                self.height()
            )));
        }
        if (image.width(), image.height()) != (self.width(), self.height()) {
            return Err(Error::argument(format!(
                "the image has {} x {} pixels, the heatmap {} x {}: give the image the heatmap was made of",
                image.width(),
                image.height(),
                self.width(),
                self.height()
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Prediction;
    use crate::heatmap::finished::Tile;
    use crate::heatmap::writer::HeatmapWriter;
    use lens_images::{PixelFormat, Windowing};

    fn heatmap(values: Vec<f32>) -> Heatmap {
        let size = (values.len(), 1);
        Heatmap::of_pixels(values, size)
    }

    fn overlay(values: Vec<f32>, image: &[u8], options: &OverlayOptions) -> Result<Vec<u8>> {
        let width = image.len() as u32;
        let view = PixelView::new(image, width, 1, image.len(), PixelFormat::Gray8, Windowing::default()).unwrap();
        heatmap(values).overlay(&view, options)
    }

    #[test]
    fn default_blend() {
        let pixels = overlay(vec![0.2, 0.4], &[100, 200], &OverlayOptions::default()).unwrap();
        // inferno's ends are (0, 0, 3) and (252, 254, 164).
        assert_eq!(pixels, [50, 50, 52, 255, 226, 227, 182, 255]);
    }

    #[test]
    fn absolute_scale() {
        let options = OverlayOptions {
            colormap: Colormap::Gray,
            scale: OverlayScale::Absolute,
            alpha: 1.0,
            ..OverlayOptions::default()
        };
        let pixels = overlay(vec![0.25, 1.0], &[0, 0], &options).unwrap();
        assert_eq!(pixels, [64, 64, 64, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn hidden_values() {
        let options = OverlayOptions { hide_below: 0.3, ..OverlayOptions::default() };
        let pixels = overlay(vec![0.2, 0.4], &[100, 200], &options).unwrap();
        assert_eq!(pixels, [100, 100, 100, 255, 226, 227, 182, 255]);
        let options = OverlayOptions { hide_below: 1.5, ..OverlayOptions::default() };
        assert!(overlay(vec![0.2], &[100], &options).unwrap_err().message().contains("hide_below is 1.5"));
    }

    #[test]
    fn wrong_size_and_alpha() {
        assert!(overlay(vec![0.1, 0.2], &[1, 2, 3], &OverlayOptions::default()).is_err());
        let options = OverlayOptions { alpha: f32::NAN, ..OverlayOptions::default() };
        assert!(overlay(vec![0.1], &[1], &options).unwrap_err().message().contains("NaN"));
    }

    #[test]
    fn overlay_of_a_map_of_tiles() {
        let mut heatmap = heatmap(vec![0.5]);
        heatmap.resolution = Resolution::Tiles;
        let view = PixelView::new(&[0], 1, 1, 1, PixelFormat::Gray8, Windowing::default()).unwrap();
        let error = heatmap.overlay(&view, &OverlayOptions::default()).unwrap_err();
        assert!(error.message().contains("TILES") && error.message().contains("IMAGE"), "{error}");
    }

    /// 640 x 400 pixels with tiles of 40, the third and the eleventh the hottest.
    fn tiled() -> Heatmap {
        let size = (640, 400);
        let mut writer = HeatmapWriter::new(size, size, Resolution::Image).unwrap();
        (0..size.1).for_each(|y| writer.push(&vec![y as f32 / 400.0; size.0]).unwrap());
        let tiles = (0..160).map(|index| {
            let rank_score = [3, 11].iter().position(|hot| *hot == index).map_or(0.0, |rank| 2.0 - rank as f32);
            let (x, y) = ((index % 16 * 40) as f32, (index / 16 * 40) as f32);
            Tile { x, y, width: 40.0, height: 40.0, rank_score, ..Tile::default() }
        });
        writer.finish(tiles.collect(), 16, Prediction::from_logit(0.0, 0.5)).unwrap()
    }

    #[test]
    fn outlined_tiles() {
        let heatmap = tiled();
        let bytes = vec![80; 640 * 400];
        let view = PixelView::new(&bytes, 640, 400, 640, PixelFormat::Gray8, Windowing::default()).unwrap();
        let draw = |outline_tiles| {
            heatmap.overlay(&view, &OverlayOptions { outline_tiles, ..OverlayOptions::default() }).unwrap()
        };
        let plain = draw(0);
        for (count, framed) in [(1, &[3][..]), (2, &[3, 11][..])] {
            let pixels = draw(count);
            for (index, (pixel, plain)) in pixels.as_chunks::<4>().0.iter().zip(plain.as_chunks::<4>().0).enumerate() {
                let (x, y) = (index % 640, index / 640);
                let depth = (x % 40).min(39 - x % 40).min(y % 40).min(39 - y % 40);
                let expected = match depth {
                    _ if !framed.contains(&(y / 40 * 16 + x / 40)) => *plain,
                    0 => [255; 4],
                    1 => [0, 0, 0, 255],
                    _ => *plain,
                };
                assert_eq!(*pixel, expected, "{x} {y}");
            }
        }
    }

    #[test]
    fn color_bar_position() {
        let heatmap = tiled();
        let bytes = vec![80; 640 * 400];
        let view = PixelView::new(&bytes, 640, 400, 640, PixelFormat::Gray8, Windowing::default()).unwrap();
        let plain = heatmap.overlay(&view, &OverlayOptions::default()).unwrap();
        let barred = heatmap.overlay(&view, &OverlayOptions { color_bar: true, ..OverlayOptions::default() }).unwrap();
        let changed: Vec<usize> =
            (0..640 * 400).filter(|index| plain[4 * index..][..4] != barred[4 * index..][..4]).collect();
        assert!(changed.len() > 1000 && changed.iter().all(|index| index % 640 > 540));
    }
}
