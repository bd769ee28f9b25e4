//! Frames as they are stored, and small pictures of them.

use super::errors::Refusal;
use super::json;
use super::viewer::{Viewer, blocking};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use lens_base::{Error, ErrorKind};
use lens_images::{ImageFile, PixelFormat, PixelView, Raster, ReadOptions, WindowPreset, encode_png, jpeg_frame};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Holds the description of the frame whose samples are the body.
const DESCRIPTION: HeaderName = HeaderName::from_static("lens-frame");

/// Sides of thumbnails.
const SMALLEST: usize = 16;
const USUAL: usize = 128;
const LARGEST: usize = 512;

/// What is to be known to show a frame.
#[derive(Serialize)]
struct Description {
    series: String,
    frame: usize,
    file: String,
    file_frame: u32,
    width: usize,
    height: usize,
    format: String,
    encoding: &'static str,
    slope: f64,
    intercept: f64,
    range: (f64, f64),
    window: (f64, f64),
    invert: bool,
    presets: Vec<Preset>,
}

#[derive(Serialize)]
struct Preset {
    name: String,
    window: (f64, f64),
}

impl Preset {
    /// `None`: a curve or a table.
    fn of(preset: &WindowPreset) -> Option<Self> {
        Some(Preset { name: preset.name.clone(), window: preset.line()? })
    }
}

/// A frame that a request names.
struct Asked {
    series: String,
    frame: usize,
    name: String,
    path: PathBuf,
    file_frame: u32,
}

impl Asked {
    fn of(viewer: &Viewer, series: String, frame: &str) -> Result<Self, Refusal> {
        let contents = viewer.catalogue.contents();
        let image = contents.image(&series, frame)?;
        let file = contents.file(image);
        let (name, path, file_frame) = (file.name.clone(), file.path.clone(), image.frame);
        Ok(Asked { series, frame: frame.parse().unwrap_or_default(), name, path, file_frame })
    }

    fn load(&self) -> Result<ImageFile, Refusal> {
        load(&self.path, self.file_frame, &ReadOptions::default())
    }

    /// The frame as a line shows it, and as it is in the file where a browser decodes that.
    fn to_show(&self) -> Result<(ImageFile, Option<Vec<u8>>), Refusal> {
        let image = self.load()?;
        let jpeg =
            if image.view().is_linear() { jpeg_frame(&self.path, self.file_frame).map_err(unreadable)? } else { None };
        Ok((image.into_linear().map_err(unreadable)?, jpeg))
    }

    fn describe(self, image: &ImageFile, encoding: &'static str) -> Description {
        let view = image.view();
        let windowing = view.windowing();
        Description {
            series: self.series,
            frame: self.frame,
            file: self.name,
            file_frame: self.file_frame,
            width: view.width(),
            height: view.height(),
            format: view.format().to_string(),
            encoding,
            slope: windowing.slope,
            intercept: windowing.intercept,
            range: view.stored_ends(),
            window: view.window_ends(),
            invert: windowing.invert,
            presets: image.presets().iter().filter_map(Preset::of).collect(),
        }
    }
}

/// A frame of a file; what is wrong with it is not the request's fault.
pub fn load(path: &std::path::Path, frame: u32, reading: &ReadOptions) -> Result<ImageFile, Refusal> {
    ImageFile::load_as(path, frame, reading).map_err(unreadable)
}

fn unreadable(error: Error) -> Refusal {
    match error.kind() {
        // The file has fewer frames, or other values, than it says.
        ErrorKind::Argument => Error::format(error.message()).into(),
        _ => error.into(),
    }
}

/// `GET api/series/{series}/frames/{frame}`
pub async fn description(
    State(viewer): State<Arc<Viewer>>,
    Path((series, frame)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let asked = Asked::of(&viewer, series, &frame)?;
    blocking(move || {
        let (image, jpeg) = asked.to_show()?;
        let encoding = if jpeg.is_some() { "jpeg" } else { "stored" };
        Ok(json::answer(&asked.describe(&image, encoding)))
    })
    .await
}

/// `GET api/series/{series}/frames/{frame}/pixels`
pub async fn pixels(
    State(viewer): State<Arc<Viewer>>,
    Path((series, frame)): Path<(String, String)>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let asked = Asked::of(&viewer, series, &frame)?;
    let mut stored = false;
    for (name, value) in parameters {
        match (&*name, &*value) {
            ("stored", "") => stored = true,
            ("stored", value) => return Err(Refusal::argument(format!("stored is '{value}'; it takes no value"))),
            (name, _) => return Err(Refusal::argument(format!("there is no parameter '{name}'; there is stored"))),
        }
    }
    blocking(move || {
        let (image, jpeg) = asked.to_show()?;
        let jpeg = jpeg.filter(|_| !stored);
        let (encoding, media_type) =
            if jpeg.is_some() { ("jpeg", "image/jpeg") } else { ("stored", "application/octet-stream") };
        let description = json::ascii(&asked.describe(&image, encoding));
        let bytes = jpeg.unwrap_or_else(|| little_endian(&image.view()));
        Ok(([(CONTENT_TYPE, media_type.to_string()), (DESCRIPTION, description)], bytes).into_response())
    })
    .await
}

/// The samples without padding.
fn little_endian(view: &PixelView) -> Vec<u8> {
    let mut bytes: Vec<u8> = view.rows().flatten().copied().collect();
    let sample = match view.format() {
        PixelFormat::Gray16 | PixelFormat::GrayS16 => 2,
        PixelFormat::GrayF32 => 4,
        _ => 1,
    };
    if cfg!(target_endian = "big") && sample > 1 {
        bytes.chunks_exact_mut(sample).for_each(<[u8]>::reverse);
    }
    bytes
}

/// `GET api/series/{series}/frames/{frame}/thumbnail`
pub async fn thumbnail(
    State(viewer): State<Arc<Viewer>>,
    Path((series, frame)): Path<(String, String)>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let asked = Asked::of(&viewer, series, &frame)?;
    let mut size = USUAL;
    for (name, value) in parameters {
        if name != "size" {
            return Err(Refusal::argument(format!("there is no parameter '{name}'; there is size")));
        }
        let number = value.parse().ok().filter(|number| (SMALLEST..=LARGEST).contains(number));
        let expected = || Refusal::argument(format!("size is '{value}'; it must be {SMALLEST} to {LARGEST}"));
        size = number.ok_or_else(expected)?;
    }
    blocking(move || {
        let image = asked.load()?;
        Ok(png(small(&image.view().to_raster().map_err(unreadable)?, size)?))
    })
    .await
}

/// A picture whose longer side has at most `size` pixels, as a PNG of 8 bits.
fn small(raster: &Raster, size: usize) -> lens_base::Result<Vec<u8>> {
    let (width, height) = (raster.width(), raster.height());
    let longest = width.max(height);
    let side = |side: usize| if longest <= size { side } else { (side * size / longest).max(1) };
    let resized = raster.resized(side(width), side(height))?;
    let bytes: Vec<u8> = resized.samples().iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    let format = if resized.channels() == 1 { PixelFormat::Gray8 } else { PixelFormat::Rgb8 };
    encode_png(&PixelView::plain(&bytes, resized.width() as u32, resized.height() as u32, format)?)
}

/// A PNG as an answer.
pub fn png(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "image/png")], bytes).into_response()
}
