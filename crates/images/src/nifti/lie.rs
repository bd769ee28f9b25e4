//! How the axes of a volume lie in the patient, and so how its slices are to be seen.

use image::metadata::Orientation;
use lens_base::{Error, Result};

/// The part of an affine that says which way the axes run. Its rows are right, anterior and superior, its columns the axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Affine {
    /// Of `sform`: `srow_x`, `srow_y` and `srow_z` without their offsets.
    Rows([[f64; 3]; 3]),
    /// Of `qform`: `quatern_b`, `_c` and `_d`, and `pixdim[0]`, which is below 0 where the third axis runs backwards.
    Quaternion { bcd: [f64; 3], factor: f64 },
}

impl Affine {
    /// How a slice, whose columns lie along the first axis and whose rows along the second, is turned to be seen as DICOM
    /// images of the plane nearest to it are: axial from below with anterior above, coronal from the front, sagittal from
    /// the left.
    pub fn orientation(&self) -> Result<Orientation> {
        let directions = self.directions()?;
        /// Right, anterior and superior that belong to the first, second and third axis.
        const PAIRINGS: [[usize; 3]; 6] = [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
        let fit = |pairing: &[usize; 3]| (0..3).map(|axis| directions[axis][pairing[axis]].abs()).sum::<f64>();
        // Of equal ones the first.
        let nearest = PAIRINGS.into_iter().rev().max_by(|one, other| fit(one).total_cmp(&fit(other)));
        let nearest = nearest.unwrap_or(PAIRINGS[0]);
        // From left to right of the picture comes the patient's left, or, seen from the left, posterior: the end of the first
        // or second row. From above to below comes posterior, or inferior.
        let across = if nearest[2] == 0 { 1 } else { 0 };
        let is_transposed = nearest[0] != across;
        let runs_on = |axis: usize| directions[axis][nearest[axis]] < 0.0;
        use Orientation::*;
        Ok(match (is_transposed, runs_on(0), runs_on(1)) {
            (false, true, true) => NoTransforms,
            (false, false, true) => FlipHorizontal,
            (false, false, false) => Rotate180,
            (false, true, false) => FlipVertical,
            // The first axis is seen from above to below, the second from left to right.
            (true, true, true) => Rotate90FlipH,
            (true, true, false) => Rotate90,
            (true, false, false) => Rotate270FlipH,
            (true, false, true) => Rotate270,
        })
    }

    /// The directions of the three axes, of length 1.
    fn directions(&self) -> Result<[[f64; 3]; 3]> {
        match *self {
            Affine::Rows(rows) => {
                let mut directions = [[0.0; 3]; 3];
                for (axis, direction) in directions.iter_mut().enumerate() {
                    let column = rows.map(|row| row[axis]);
                    let length = column.iter().map(|part| part * part).sum::<f64>().sqrt();
                    if !(length > 0.0 && length.is_finite()) {
                        return Err(Error::format(format!(
                            "sform (srow_x, srow_y, srow_z) leads {column:?} along axis {}; it must be finite and not 0, or \
                             sform_code be 0 (as stored, without turning, it can be read)",
                            axis + 1
                        )));
                    }
                    *direction = column.map(|part| part / length);
                }
                Ok(directions)
            }
            Affine::Quaternion { bcd: [b, c, d], factor } => {
                let squares = b * b + c * c + d * d;
                /// Of rounding to floats.
                const MOST: f64 = 1.001;
                if squares.is_nan() || squares > MOST || factor.is_nan() {
                    return Err(Error::format(format!(
                        "qform (quatern_b {b}, quatern_c {c}, quatern_d {d}, pixdim[0] {factor}) is no rotation: the squares \
                         of the first three must add up to at most 1, or qform_code be 0 (as stored, without turning, it \
                         can be read)"
                    )));
                }
                let a = (1.0 - squares).max(0.0).sqrt();
                let third = if factor < 0.0 { -1.0 } else { 1.0 };
                Ok([
                    [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)],
                    [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)],
                    [2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - c * c - b * b]
                        .map(|part| part * third),
                ])
            }
        }
    }
}
