//! Slices in spatial order, and what is said of it.

use super::found::{NAMED, Placed, below};
use super::{Series, Slice};
use crate::dicom::geometry::{Geometry, Vector, cross, dot};
use std::path::Path;

/// Positions nearer to each other than this are the same, in mm: far below the thinnest slice, above rounding.
const SAME: f64 = 0.001;

/// How much a distance between slices may differ from the usual one, as a part of it.
const UNEVEN: f64 = 0.1;

/// A slice, and what it is put in order by.
struct Place {
    name: String,
    number: Option<i64>,
    slice: Slice,
}

/// The series of files that go together: slices, or the one file that has several frames.
pub fn ordered(directory: &Path, files: Vec<Placed>) -> Series {
    let Geometry { series: uid, description, modality, size, .. } = files[0].geometry.clone();
    let (slices, notes) = match &files[..] {
        [file] if file.geometry.frames > 1 => frames_of(directory, file),
        _ => slices_of(directory, files),
    };
    Series { uid, description, modality, size, slices, notes }
}

/// The direction in which slices follow each other.
fn normal(geometry: &Geometry) -> Option<Vector> {
    geometry.orientation.map(|(row, column)| cross(row, column))
}

/// The frames of a file, as it has them.
fn frames_of(directory: &Path, file: &Placed) -> (Vec<Slice>, Vec<String>) {
    let Geometry { frames, positions, .. } = &file.geometry;
    let normal = normal(&file.geometry).filter(|_| positions.len() == *frames as usize);
    let position = |frame: u32| normal.map(|normal| dot(positions[frame as usize], normal));
    let slice = |frame| Slice { path: file.path.clone(), frame, position: position(frame) };
    let slices: Vec<Slice> = (0..*frames).map(slice).collect();
    let steps: Vec<f64> = slices.windows(2).filter_map(|pair| Some(pair[1].position? - pair[0].position?)).collect();
    let mut notes = Vec::new();
    let rises = steps.iter().filter(|step| **step > SAME).count();
    let falls = steps.iter().filter(|step| **step < -SAME).count();
    if rises > 0 && falls > 0 {
        let turn = steps.iter().position(|step| if rises >= falls { *step < -SAME } else { *step > SAME });
        let frame = turn.unwrap_or_default();
        notes.push(format!(
            "the frames of {} are not in spatial order and are left as they are: frame {} is at {} mm, frame {} at {} mm",
            below(directory, &file.path),
            frame,
            millimetres(slices[frame].position),
            frame + 1,
            millimetres(slices[frame + 1].position)
        ));
    }
    (slices, notes)
}

fn slices_of(directory: &Path, files: Vec<Placed>) -> (Vec<Slice>, Vec<String>) {
    let mut notes = Vec::new();
    let axis = files.iter().find_map(|file| normal(&file.geometry));
    let position = |geometry: &Geometry| Some(dot(*geometry.positions.first()?, normal(geometry).and(axis)?));
    let mut places: Vec<Place> = files
        .into_iter()
        .map(|Placed { path, geometry }| Place {
            name: below(directory, &path),
            number: geometry.number,
            slice: Slice { path, frame: 0, position: position(&geometry) },
        })
        .collect();
    let without: Vec<&Place> = places.iter().filter(|place| place.slice.position.is_none()).collect();
    if let Some(first) = without.first() {
        if places.len() > 1 {
            notes.push(format!(
                "{} of {} files say no Image Position (Patient) and Image Orientation (Patient), the first {}: slices are in \
                 the order of Instance Number{}",
                without.len(),
                places.len(),
                first.name,
                without_number(&places)
            ));
        }
        places.iter_mut().for_each(|place| place.slice.position = None);
        places.sort_by(by_number);
    } else {
        by_position(&mut places, &mut notes);
    }
    (places.into_iter().map(|place| place.slice).collect(), notes)
}

fn without_number(places: &[Place]) -> String {
    match places.iter().filter(|place| place.number.is_none()).count() {
        0 => String::new(),
        count => format!("; {count} that lack it come last, by name"),
    }
}

/// Those without a number come last, by name.
fn by_number(one: &Place, other: &Place) -> std::cmp::Ordering {
    let key = |place: &Place| (place.number.is_none(), place.number);
    key(one).cmp(&key(other)).then_with(|| one.slice.path.cmp(&other.slice.path))
}

fn by_position(places: &mut [Place], notes: &mut Vec<String>) {
    let at = |place: &Place| place.slice.position.unwrap_or_default();
    places.sort_by(|one, other| at(one).total_cmp(&at(other)));
    let mut runs: Vec<&mut [Place]> = places.chunk_by_mut(|one, other| at(other) - at(one) <= SAME).collect();
    runs.iter_mut().for_each(|run| run.sort_by(by_number));
    notes.extend(repetitions(&runs));
    let steps: Vec<f64> = runs.windows(2).map(|pair| at(&pair[1][0]) - at(&pair[0][0])).collect();
    notes.extend(gaps(&runs, &steps));
}

/// What is said of positions that several slices have.
fn repetitions(runs: &[&mut [Place]]) -> Option<String> {
    let repeated: Vec<&&mut [Place]> = runs.iter().filter(|run| run.len() > 1).collect();
    let first = repeated.first()?;
    const ORDER: &str = "the slices of a position follow each other in the order of Instance Number";
    if runs.len() > 1 && runs.iter().all(|run| run.len() == first.len()) {
        return Some(format!(
            "each of {} positions is there {} times, as with phases, echoes or diffusion weightings; {ORDER}",
            runs.len(),
            first.len()
        ));
    }
    let named = repeated.iter().take(NAMED).map(|run| {
        let position = millimetres(run[0].slice.position);
        format!("{} and {} at {position} mm", run[0].name, run[1].name)
    });
    Some(format!(
        "{} position(s) are there more than once ({}{}); {ORDER}",
        repeated.len(),
        named.collect::<Vec<_>>().join(", "),
        and_more(repeated.len())
    ))
}

/// What is said of distances that are not the usual one, which is the middle one.
fn gaps(runs: &[&mut [Place]], steps: &[f64]) -> Option<String> {
    let mut sorted = steps.to_vec();
    sorted.sort_by(f64::total_cmp);
    if steps.len() < 2 {
        return None;
    }
    let usual = sorted[(steps.len() - 1) / 2];
    let is_uneven = |step: &f64| (step - usual).abs() > usual * UNEVEN;
    let uneven: Vec<(usize, f64)> = steps.iter().copied().enumerate().filter(|(_, step)| is_uneven(step)).collect();
    if uneven.is_empty() {
        return None;
    }
    let named = uneven.iter().take(NAMED).map(|(index, step)| {
        let missing = (step / usual).round() - 1.0;
        let missing = if missing >= 1.0 { format!(", as if {missing} were missing") } else { String::new() };
        let (one, other) = (&runs[*index], &runs[index + 1]);
        format!("{} mm between {} and {}{missing}", millimetres(Some(*step)), one[one.len() - 1].name, other[0].name)
    });
    Some(format!(
        "slices are {} mm apart, but there are {}{}",
        millimetres(Some(usual)),
        named.collect::<Vec<_>>().join("; "),
        and_more(uneven.len())
    ))
}

fn and_more(count: usize) -> String {
    match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

/// To a thousandth, without zeros at the end.
fn millimetres(position: Option<f64>) -> String {
    ((position.unwrap_or_default() * 1000.0).round() / 1000.0).to_string()
}
