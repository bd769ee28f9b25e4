//! Images with boxes around their findings.

use lens_base::{Error, Result};
use lens_images::{ImageFile, ReadOptions, image_id, open_table};
use serde::Deserialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

/// A rectangle in pixels of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// Larger by `margin` on all sides.
    pub fn dilated(self, margin: f64) -> Self {
        Area {
            x: self.x - margin,
            y: self.y - margin,
            width: self.width + 2.0 * margin,
            height: self.height + 2.0 * margin,
        }
    }

    /// Whether it contains a point.
    pub fn holds(&self, x: f64, y: f64) -> bool {
        (self.x..=self.x + self.width).contains(&x) && (self.y..=self.y + self.height).contains(&y)
    }
}

/// A frame of an image file with its boxes.
#[derive(Clone, Debug)]
pub struct BoxedImage {
    /// The file's name in the table, with the frame where the table names one, as in `a.dcm#5`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The frame, from 0.
    pub frame: u32,
    /// The image's boxes, at least one.
    pub boxes: Vec<Area>,
}

#[derive(Deserialize)]
struct Row {
    filename: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    frame: Option<String>,
}

/// Reads boxes.csv of a directory whose images/ holds the files: one row per box, with the columns filename, x, y, width
/// and height in pixels and, where files have several frames, frame, from 0 (empty: 0). Columns are separated as
/// [`open_table`] says. Images come in the order of their first row; none is opened.
///
/// A table that is missing is an I/O error, one that is broken or empty a format error.
pub fn read_boxes(directory: &Path) -> Result<Vec<BoxedImage>> {
    let table = directory.join("boxes.csv");
    let mut reader = open_table(&table)?;
    let broken = |reason: String| Error::format(format!("{}: {reason}", table.display()));
    let mut images: Vec<BoxedImage> = Vec::new();
    let mut places: HashMap<(String, u32), usize> = HashMap::new();
    for (index, row) in reader.deserialize().enumerate() {
        let row: Row = row.map_err(|error| broken(error.to_string()))?;
        let area = Area { x: row.x, y: row.y, width: row.width, height: row.height };
        let finite = [row.x, row.y, row.width, row.height].iter().all(|value| value.is_finite());
        if !finite || row.width <= 0.0 || row.height <= 0.0 {
            return Err(broken(format!(
                "row {} has the box {} {} {} {}; x and y must be finite, width and height above 0",
                index + 1,
                row.x,
                row.y,
                row.width,
                row.height
            )));
        }
        let frame = row.frame.as_deref().map(str::parse::<u32>).transpose().map_err(|_| {
            broken(format!(
                "row {} ({}) has the frame \"{}\"; it must be a number from 0 on, or empty",
                index + 1,
                row.filename,
                row.frame.as_deref().unwrap_or_default()
            ))
        })?;
        match places.entry((row.filename, frame.unwrap_or(0))) {
            Entry::Occupied(place) => images[*place.get()].boxes.push(area),
            Entry::Vacant(place) => {
                let (filename, number) = place.key();
                let (name, path) = (image_id(filename, frame), directory.join("images").join(filename));
                images.push(BoxedImage { name, path, frame: *number, boxes: vec![area] });
                place.insert(images.len() - 1);
            }
        }
    }
    if images.is_empty() {
        return Err(broken("it has no rows; each must be a box: filename, x, y, width, height".into()));
    }
    Ok(images)
}

impl BoxedImage {
    /// Decodes the frame; refuses boxes that exceed it.
    pub fn load(&self, reading: &ReadOptions) -> Result<ImageFile> {
        let image = ImageFile::load_as(&self.path, self.frame, reading)?;
        let view = image.view();
        let (width, height) = (view.width() as f64, view.height() as f64);
        for area in &self.boxes {
            let outside = area.x < 0.0 || area.y < 0.0 || area.x + area.width > width || area.y + area.height > height;
            if outside {
                return Err(Error::data(format!(
                    "{}: the box x {} y {} width {} height {} exceeds its {width} x {height} pixels",
                    self.name, area.x, area.y, area.width, area.height
                )));
            }
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<BoxedImage>> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("boxes.csv"), text).unwrap();
        read_boxes(directory.path())
    }

    #[test]
    fn boxes_grouped_by_image() {
        let images = read("filename,x,y,width,height\nb.png,1,2,3,4\na.png,5,6,7,8\nb.png,0.5,0,1,1\n").unwrap();
        assert_eq!(images.iter().map(|image| &*image.name).collect::<Vec<_>>(), ["b.png", "a.png"]);
        assert_eq!(images[0].boxes[1], Area { x: 0.5, y: 0.0, width: 1.0, height: 1.0 });
    }

    #[test]
    fn boxes_of_frames() {
        let table =
            "filename,frame,x,y,width,height\na.dcm,5,1,2,3,4\na.dcm,,1,2,3,4\na.dcm,5,2,2,3,4\na.dcm,0,3,2,3,4\n";
        let images = read(table).unwrap();
        let plain = |image: &BoxedImage| (image.name.clone(), image.frame, image.boxes.len());
        let expected = [("a.dcm#5".to_string(), 5, 2), ("a.dcm".to_string(), 0, 2)];
        assert_eq!(images.iter().map(plain).collect::<Vec<_>>(), expected);
        assert!(images.iter().all(|image| image.path.ends_with("images/a.dcm")));
        for frame in ["-1", "1.5", "x"] {
            let table = format!("filename,x,y,width,height,frame\na.dcm,1,2,3,4,{frame}\n");
            let error = read(&table).unwrap_err();
            assert!(error.message().contains(&format!("row 1 (a.dcm) has the frame \"{frame}\"")), "{error}");
        }
    }

    #[test]
    fn box_tables_of_spreadsheets() {
        let images = read("\u{feff}filename;x;y;width;height\r\na.png;1,5;2;3;4\r\n");
        assert!(images.unwrap_err().message().contains("line: 2"));
        let images = read("\u{feff}filename;x;y;width;height\r\na.png;1.5;2;3;4\r\n").unwrap();
        assert_eq!(images[0].boxes[0], Area { x: 1.5, y: 2.0, width: 3.0, height: 4.0 });
    }

    #[test]
    fn invalid_box_tables() {
        assert!(read("filename,x,y,width,height\n").unwrap_err().message().contains("no rows"));
        assert!(read("filename,x,y,width\na,1,2,3\n").unwrap_err().message().contains("height"));
        assert!(read("filename,x,y,width,height\na,1,2,3,0\n").unwrap_err().message().contains("row 1"));
        assert!(read("filename,x,y,width,height\na,1,2,NaN,1\n").unwrap_err().message().contains("NaN"));
    }
}
