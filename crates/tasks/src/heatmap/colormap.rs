//! Colours, as matplotlib has them: 256 entries, a value v has entry floor(256 v).

use super::inferno::INFERNO;
use lens_base::options::Choice;

/// Colours of an overlay, from low to high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Colormap {
    /// Black, purple, orange, yellow; the reference pipeline's overlays.
    #[default]
    Inferno,
    /// White to dark red; the reference pipeline's sample sheet.
    Reds,
    /// Blue, green, yellow, red.
    Jet,
    /// Black to white.
    Gray,
}

/// Corners of a line: position in 0..1, and value.
type Line = [(f64, f64)];

/// ColorBrewer's nine Reds.
const REDS: [[u8; 3]; 9] = [
    [255, 245, 240],
    [254, 224, 210],
    [252, 187, 161],
    [252, 146, 114],
    [251, 106, 74],
    [239, 59, 44],
    [203, 24, 29],
    [165, 15, 21],
    [103, 0, 13],
];

const JET_RED: &Line = &[(0.0, 0.0), (0.35, 0.0), (0.66, 1.0), (0.89, 1.0), (1.0, 0.5)];
const JET_GREEN: &Line = &[(0.0, 0.0), (0.125, 0.0), (0.375, 1.0), (0.64, 1.0), (0.91, 0.0), (1.0, 0.0)];
const JET_BLUE: &Line = &[(0.0, 0.5), (0.11, 1.0), (0.34, 1.0), (0.65, 0.0), (1.0, 0.0)];

impl Colormap {
    /// The colour of a value of 0..1; values outside get the nearest end.
    pub fn colour(self, value: f32) -> [u8; 3] {
        self.entry(Colormap::index(value) as u8)
    }

    /// Which of the 256 colours that is.
    pub(super) fn index(value: f32) -> usize {
        (value * 256.0).clamp(0.0, 255.0) as usize
    }

    /// One of the 256 colours.
    pub fn entry(self, index: u8) -> [u8; 3] {
        let position = f64::from(index) / 255.0;
        match self {
            Colormap::Inferno => INFERNO[usize::from(index)],
            Colormap::Gray => [index; 3],
            Colormap::Jet => [JET_RED, JET_GREEN, JET_BLUE].map(|line| (along(line, position) * 255.0) as u8),
            Colormap::Reds => std::array::from_fn(|channel| {
                let line: [(f64, f64); 9] =
                    std::array::from_fn(|corner| (corner as f64 / 8.0, f64::from(REDS[corner][channel])));
                along(&line, position) as u8
            }),
        }
    }
}

fn along(line: &Line, position: f64) -> f64 {
    let after = line.iter().position(|(x, _)| *x >= position).unwrap_or(line.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (line[after - 1], line[after]);
    y0 + (y1 - y0) * ((position - x0) / (x1 - x0)).clamp(0.0, 1.0)
}
