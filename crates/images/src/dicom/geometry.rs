//! Where a file's frames lie in the patient, for series that are read as one image.

use super::attributes::Attributes;
use super::elements::{Element, Elements, Scope};
use super::source::Source;
use super::value::named;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use lens_base::{Error, Result};
use std::fs::File;

/// A point or a direction in the patient's coordinates: left, posterior and head are positive; points in mm.
pub type Vector = [f64; 3];

/// What a file says of its place in a series.
#[derive(Clone, Debug, Default)]
pub struct Geometry {
    /// Series Instance UID (0020,000E).
    pub series: Option<String>,
    /// SOP Instance UID (0008,0018).
    pub instance: Option<String>,
    /// Instance Number (0020,0013).
    pub number: Option<i64>,
    /// Series Description (0008,103E).
    pub description: Option<String>,
    /// Modality (0008,0060).
    pub modality: Option<String>,
    /// Columns and rows.
    pub size: (u32, u32),
    pub frames: u32,
    /// The directions of rows and columns, Image Orientation (Patient) (0020,0037); of several frames, of the first.
    pub orientation: Option<(Vector, Vector)>,
    /// Of each frame, Image Position (Patient) (0020,0032), the center of its first pixel; of several frames, those that say it.
    pub positions: Vec<Vector>,
}

const OF_THE_DATA_SET: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::SERIES_INSTANCE_UID,
    tags::SOP_INSTANCE_UID,
    tags::INSTANCE_NUMBER,
    tags::SERIES_DESCRIPTION,
    tags::MODALITY,
    tags::COLUMNS,
    tags::ROWS,
    tags::NUMBER_OF_FRAMES,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::IMAGE_POSITION_PATIENT,
];

const OF_A_PLANE: &[Tag] = &[tags::IMAGE_ORIENTATION_PATIENT, tags::IMAGE_POSITION_PATIENT];

/// Most frames whose positions are kept.
const MOST_POSITIONS: usize = 1 << 20;

/// What reading a file found.
#[derive(Default)]
struct Found {
    data_set: Attributes,
    orientation: Option<(Vector, Vector)>,
    positions: Vec<Vector>,
}

impl Found {
    /// Reads up to the pixel data; whether there are any.
    fn read(&mut self, elements: &mut Elements, scope: Scope) -> Result<bool> {
        while let Some(element) = elements.next(scope)? {
            match element.tag {
                tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA => return Ok(true),
                tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE | tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE => {
                    elements.items(element, scope, |elements, _, item| self.read_groups(elements, item))?;
                }
                _ => self.data_set.take(elements, element, scope, OF_THE_DATA_SET)?,
            }
        }
        Ok(false)
    }

    fn read_groups(&mut self, elements: &mut Elements, scope: Scope) -> Result<()> {
        while let Some(element) = elements.next(scope)? {
            match element.tag {
                tags::PLANE_POSITION_SEQUENCE | tags::PLANE_ORIENTATION_SEQUENCE => {
                    self.read_plane(elements, element, scope)?;
                }
                _ => elements.skip(element, scope)?,
            }
        }
        Ok(())
    }

    fn read_plane(&mut self, elements: &mut Elements, element: Element, scope: Scope) -> Result<()> {
        elements.items(element, scope, |elements, number, item| {
            if number > 0 {
                return elements.pass(item);
            }
            let mut plane = Attributes::default();
            while let Some(element) = elements.next(item)? {
                plane.take(elements, element, item, OF_A_PLANE)?;
            }
            if self.orientation.is_none() {
                self.orientation = orientation(&plane)?;
            }
            if self.positions.len() < MOST_POSITIONS {
                self.positions.extend(position(&plane)?);
            }
            Ok(())
        })
    }
}

/// Reads it; `None`: the file is no image, such as a report.
pub fn read(file: File) -> Result<Option<Geometry>> {
    let mut source = Source::open(file)?;
    let (mut elements, scope) = Elements::new(&mut source)?;
    let mut found = Found::default();
    let has_pixels = found.read(&mut elements, scope)?;
    let data_set = &found.data_set;
    let Some(rows) = data_set.whole(tags::ROWS)?.filter(|_| has_pixels) else {
        return match data_set.get(tags::ROWS) {
            Some(_) => Err(Error::format("it has no pixel data (7FE0,0010): it may be truncated")),
            None => Ok(None),
        };
    };
    let columns = data_set.whole(tags::COLUMNS)?.unwrap_or_default();
    let text = |tag: Tag| data_set.get(tag).and_then(|value| data_set.decoded_text(value));
    let mut positions = found.positions;
    if positions.is_empty() {
        positions.extend(position(data_set)?);
    }
    Ok(Some(Geometry {
        series: data_set.text(tags::SERIES_INSTANCE_UID),
        instance: data_set.text(tags::SOP_INSTANCE_UID),
        number: data_set.text(tags::INSTANCE_NUMBER).and_then(|number| number.parse().ok()),
        description: text(tags::SERIES_DESCRIPTION),
        modality: data_set.text(tags::MODALITY),
        size: (columns, rows),
        frames: data_set.whole(tags::NUMBER_OF_FRAMES)?.unwrap_or(1).max(1),
        orientation: found.orientation.map_or_else(|| orientation(data_set), |orientation| Ok(Some(orientation)))?,
        positions,
    }))
}

/// `None`: it says none.
fn position(attributes: &Attributes) -> Result<Option<Vector>> {
    numbers::<3>(attributes, tags::IMAGE_POSITION_PATIENT)
}

fn orientation(attributes: &Attributes) -> Result<Option<(Vector, Vector)>> {
    let tag = tags::IMAGE_ORIENTATION_PATIENT;
    let Some([a, b, c, d, e, f]) = numbers::<6>(attributes, tag)? else {
        return Ok(None);
    };
    let (row, column) = ([a, b, c], [d, e, f]);
    /// Writers round to a few decimals.
    const TOLERANCE: f64 = 0.01;
    let is_one = |vector: Vector| (dot(vector, vector) - 1.0).abs() <= TOLERANCE;
    if !(is_one(row) && is_one(column) && dot(row, column).abs() <= TOLERANCE) {
        return Err(Error::format(format!(
            "{} is {row:?} and {column:?}; they must be of length 1 and at right angles",
            named(tag)
        )));
    }
    Ok(Some((row, column)))
}

fn numbers<const N: usize>(attributes: &Attributes, tag: Tag) -> Result<Option<[f64; N]>> {
    let values = attributes.numbers(tag)?;
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    let numbers: Vec<f64> = values.iter().copied().flatten().collect();
    match <[f64; N]>::try_from(numbers) {
        Ok(numbers) if values.len() == N => Ok(Some(numbers)),
        _ => Err(Error::format(format!(
            "{} is {:?}; it must be {N} numbers",
            named(tag),
            attributes.text(tag).unwrap_or_default()
        ))),
    }
}

/// The scalar product.
pub fn dot(one: Vector, other: Vector) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// The vector product: the direction in which slices of rows and columns along these follow each other.
pub fn cross(row: Vector, column: Vector) -> Vector {
    std::array::from_fn(|axis| {
        let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
        row[next] * column[last] - row[last] * column[next]
    })
}
