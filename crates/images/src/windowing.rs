//! From stored values of gray pixels to 0..1: rescaling, then a window or a lookup table, then perhaps inversion.

use super::pixels::PixelFormat;
use lens_base::options::Choice;
use lens_base::{Error, Result};

/// How a window turns rescaled values into 0..1, by VOI LUT Function (0028,1056) of PS3.3 C.11.2.1.2 and C.11.2.1.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum WindowFunction {
    /// A line over width - 1 from half a unit below the center; for floats the same as LINEAR_EXACT.
    #[default]
    Linear,
    /// A line over the width around the center.
    LinearExact,
    /// 1 / (1 + exp(-4 x (value - center) / width)).
    Sigmoid,
}

/// How stored values become 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windowing {
    /// Low bits of a 16-bit sample that carry the value; 0: all.
    pub bits_stored: u32,
    /// Rescale slope.
    pub slope: f64,
    /// Rescale intercept.
    pub intercept: f64,
    /// Window center, in rescaled units.
    pub center: f64,
    /// Window width; 0: the full stored range.
    pub width: f64,
    /// What the window does.
    pub function: WindowFunction,
    /// Whether bright means low (MONOCHROME1), applied after windowing.
    pub invert: bool,
}

impl Default for Windowing {
    fn default() -> Self {
        Windowing {
            bits_stored: 0,
            slope: 1.0,
            intercept: 0.0,
            center: 0.0,
            width: 0.0,
            function: WindowFunction::Linear,
            invert: false,
        }
    }
}

/// A table from rescaled values to what is seen, in the place of a window (PS3.3 C.11.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lut<'a> {
    /// The rescaled value of the first entry; those below it get the first entry, those beyond the last the last.
    pub first: i32,
    /// One entry for each whole rescaled value; values between are rounded down.
    pub values: &'a [u16],
    /// 2^bits - 1, 1 to 16 bits, becomes 1.
    pub bits: u32,
}

impl Lut<'_> {
    /// Most entries of a table, as DICOM's have.
    pub const MOST_ENTRIES: usize = 65_536;

    /// Refuses tables that make no sense.
    pub fn check(&self) -> Result<()> {
        if !(1..=Lut::MOST_ENTRIES).contains(&self.values.len()) {
            return Err(Error::argument(format!(
                "the lookup table has {} entries; it must have 1 to {}",
                self.values.len(),
                Lut::MOST_ENTRIES
            )));
        }
        if !(1..=16).contains(&self.bits) {
            return Err(Error::argument(format!("the lookup table has {} bits; they must be 1 to 16", self.bits)));
        }
        match self.values.iter().position(|value| u32::from(*value) >> self.bits != 0) {
            Some(index) => Err(Error::argument(format!(
                "entry {index} of the lookup table, {}, does not fit its {} bits",
                self.values[index], self.bits
            ))),
            None => Ok(()),
        }
    }

    /// The entry of a rescaled value.
    fn entry(&self, rescaled: f64) -> u16 {
        /// Whole values that a slope made a little smaller stay what they are.
        const ROUNDING: f64 = 1e-6;
        let index = (rescaled - f64::from(self.first) + ROUNDING).clamp(0.0, (self.values.len() - 1) as f64);
        self.values[index as usize]
    }
}

/// A [`Lut`] that owns its entries.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupTable {
    /// The input value of the first entry.
    pub first: i32,
    /// One entry for each input value.
    pub values: Vec<u16>,
    /// Bits of the entries.
    pub bits: u32,
}

impl LookupTable {
    /// A view of it.
    pub fn view(&self) -> Lut<'_> {
        Lut { first: self.first, values: &self.values, bits: self.bits }
    }

    /// The entry of a value; values beyond an end have that end's.
    pub fn look_up(&self, value: i32) -> u16 {
        let index = (i64::from(value) - i64::from(self.first)).clamp(0, self.values.len() as i64 - 1);
        self.values[index as usize]
    }
}

/// Refuses what a format cannot have.
pub fn check_windowing(format: PixelFormat, windowing: &Windowing, lut: Option<&Lut>) -> Result<()> {
    let most_bits = match format {
        PixelFormat::Gray16 | PixelFormat::GrayS16 => 16,
        PixelFormat::GrayF32 => 0,
        _ => 8,
    };
    let bits = windowing.bits_stored;
    let fits = match format {
        PixelFormat::Gray16 | PixelFormat::GrayS16 => bits <= most_bits,
        _ => bits == 0 || bits == most_bits,
    };
    if !fits {
        return Err(Error::argument(format!(
            "bits_stored {bits} does not fit {format}: {}",
            match most_bits {
                16 => "it must be 1 to 16, or 0 for all",
                0 => "it must be 0",
                _ => "it must be 8, or 0",
            }
        )));
    }
    for (name, value) in [
        ("rescale_slope", windowing.slope),
        ("rescale_intercept", windowing.intercept),
        ("window_center", windowing.center),
        ("window_width", windowing.width),
    ] {
        if !value.is_finite() {
            return Err(Error::argument(format!("{name} is {value}; it must be finite")));
        }
    }
    if windowing.slope == 0.0 {
        return Err(Error::argument("rescale_slope is 0; it must not be"));
    }
    let (width, function) = (windowing.width, windowing.function);
    if format.colour_order().is_some()
        && (width != 0.0
            || function != WindowFunction::Linear
            || lut.is_some()
            || windowing.invert
            || windowing.slope != 1.0
            || windowing.intercept != 0.0)
    {
        return Err(Error::argument(format!(
            "{format} has no window, lookup table, rescaling or inversion: leave window_width, rescale_slope, \
             rescale_intercept and invert at 0"
        )));
    }
    if let Some(lut) = lut {
        lut.check()?;
        if width != 0.0 {
            return Err(Error::argument(format!(
                "window_width is {width}, but there is a lookup table, which takes the place of a window: it must be 0"
            )));
        }
    }
    // DICOM's LINEAR function divides by width - 1.
    let is_exact = format == PixelFormat::GrayF32 || function != WindowFunction::Linear;
    if width < 0.0 || (!is_exact && width > 0.0 && width < 1.0) {
        return Err(Error::argument(format!(
            "window_width {width} must be at least 1 (above 0 for floats, LINEAR_EXACT and SIGMOID), or 0 for the full \
             stored range"
        )));
    }
    if width == 0.0 && function == WindowFunction::Sigmoid {
        return Err(Error::argument("window_width is 0; a sigmoid needs one above 0"));
    }
    Ok(())
}

/// The least and the most that the stored bits can hold.
pub fn stored_range(format: PixelFormat, windowing: &Windowing) -> (f64, f64) {
    let bits = match (format, windowing.bits_stored) {
        (PixelFormat::Gray16 | PixelFormat::GrayS16, 0) => 16,
        (PixelFormat::Gray16 | PixelFormat::GrayS16, bits) => bits,
        (PixelFormat::GrayF32, _) => return (0.0, 1.0),
        _ => 8,
    };
    match format {
        PixelFormat::GrayS16 => (-f64::from(1u32 << (bits - 1)), f64::from((1u32 << (bits - 1)) - 1)),
        _ => (0.0, f64::from((1u32 << bits) - 1)),
    }
}

/// A part of the rescaled values.
#[derive(Clone, Copy)]
pub struct Interval {
    low: f64,
    /// Distance to its other end.
    span: f64,
}

impl Interval {
    /// What the stored bits can hold; a negative slope keeps its meaning. Floats are not rescaled.
    pub fn stored(format: PixelFormat, windowing: &Windowing) -> Self {
        let (lowest, highest) = stored_range(format, windowing);
        if format == PixelFormat::GrayF32 {
            return Interval { low: lowest, span: highest - lowest };
        }
        let ends = [lowest, highest].map(|stored| stored * windowing.slope + windowing.intercept);
        Interval { low: ends[0].min(ends[1]), span: (ends[1] - ends[0]).abs() }
    }

    /// What becomes 0 to 1 along a line; of a sigmoid, the line that touches it at its center.
    pub fn window(format: PixelFormat, windowing: &Windowing) -> Self {
        let Windowing { center, width, function, .. } = *windowing;
        if width == 0.0 {
            Interval::stored(format, windowing)
        } else if format == PixelFormat::GrayF32 || function != WindowFunction::Linear {
            Interval { low: center - width / 2.0, span: width }
        } else {
            // PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5), clipped.
            Interval { low: center - 0.5 - (width - 1.0) / 2.0, span: width - 1.0 }
        }
    }

    /// What the entries of a table are for.
    pub fn of_table(lut: &Lut) -> Self {
        Interval { low: lut.first.into(), span: (lut.values.len() - 1) as f64 }
    }

    /// Its two ends.
    pub fn ends(self) -> (f64, f64) {
        (self.low, self.low + self.span)
    }
}

/// How rescaled values become 0..1.
enum Curve<'a> {
    Line(Interval),
    Sigmoid { center: f64, width: f64 },
    Table(Lut<'a>),
}

/// A stored value to 0..1: rescaled, along a curve, perhaps turned round.
pub struct Scale<'a> {
    slope: f64,
    intercept: f64,
    curve: Curve<'a>,
    invert: bool,
}

impl<'a> Scale<'a> {
    /// Of what was checked.
    pub fn new(format: PixelFormat, windowing: &Windowing, lut: Option<Lut<'a>>) -> Self {
        let Windowing { slope, intercept, center, width, invert, .. } = *windowing;
        let curve = match (lut, windowing.function) {
            (Some(lut), _) => Curve::Table(lut),
            (None, WindowFunction::Sigmoid) => Curve::Sigmoid { center, width },
            (None, _) => Curve::Line(Interval::window(format, windowing)),
        };
        Scale { slope, intercept, curve, invert }
    }

    /// What is seen of a stored value.
    pub fn apply(&self, stored: f64) -> f32 {
        let rescaled = stored * self.slope + self.intercept;
        let value = match &self.curve {
            Curve::Line(Interval { low, span }) if *span > 0.0 => ((rescaled - low) / span).clamp(0.0, 1.0),
            // A window of width 1 is a threshold.
            Curve::Line(Interval { low, .. }) => f64::from(rescaled > *low),
            Curve::Sigmoid { center, width } => 1.0 / (1.0 + (-4.0 * (rescaled - center) / width).exp()),
            Curve::Table(lut) => f64::from(lut.entry(rescaled)) / f64::from((1u32 << lut.bits) - 1),
        };
        (if self.invert { 1.0 - value } else { value }) as f32
    }
}
