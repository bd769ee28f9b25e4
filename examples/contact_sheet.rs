//! One image of what heatmaps found: frames with their known narrowings beside their heatmaps, and the figures.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use font8x8::legacy::BASIC_LEGACY;
use image::imageops::{FilterType, replace, resize};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

const USAGE: &str = "usage: contact_sheet OUT.png --boxes boxes.csv --overlays DIR --images DIR --heatmaps heatmap.json \
                     --evaluation report.json [--json]";

/// Frames on the sheet, spread evenly over all.
const SHOWN: usize = 12;
const COLUMNS: usize = 3;
/// Width and height that a frame is fitted into.
const CELL: u32 = 272;
const GAP: u32 = 16;
const HEADER: u32 = 76;
const CAPTION: u32 = 26;

const PAPER: Rgb<u8> = Rgb([24, 26, 31]);
const INK: Rgb<u8> = Rgb([222, 224, 230]);
const FAINT: Rgb<u8> = Rgb([140, 144, 155]);
const NARROWING: Rgb<u8> = Rgb([120, 230, 90]);
const HOTTEST: Rgb<u8> = Rgb([80, 220, 255]);
const MISSED: Rgb<u8> = Rgb([255, 120, 100]);

type Failure = Box<dyn Error>;

/// A rectangle in pixels of a frame.
#[derive(Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

struct Frame {
    name: String,
    width: f64,
    height: f64,
    hottest: Area,
    probability: f64,
    narrowing: Option<Area>,
}

struct Figures {
    positives: usize,
    hits: usize,
    /// Share of all positions of a tile that would have been hits; `None` without positives.
    chance: Option<f64>,
    accuracy: Option<f64>,
    roc_auc: Option<f64>,
}

#[derive(Default)]
struct Arguments {
    out: PathBuf,
    boxes: PathBuf,
    overlays: PathBuf,
    images: PathBuf,
    heatmaps: PathBuf,
    evaluation: PathBuf,
    json: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let arguments = match Arguments::parse(&words) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("contact_sheet: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match make(&arguments) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("contact_sheet: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn parse(words: &[String]) -> Result<Arguments, String> {
        let mut arguments = Arguments::default();
        let mut left = words.iter();
        while let Some(word) = left.next() {
            let target = match word.as_str() {
                "--json" => {
                    arguments.json = true;
                    continue;
                }
                "--boxes" => &mut arguments.boxes,
                "--overlays" => &mut arguments.overlays,
                "--images" => &mut arguments.images,
                "--heatmaps" => &mut arguments.heatmaps,
                "--evaluation" => &mut arguments.evaluation,
                option if option.starts_with("--") => return Err(format!("\"{option}\" is no option")),
                path if arguments.out.as_os_str().is_empty() => {
                    arguments.out = path.into();
                    continue;
                }
                path => return Err(format!("\"{path}\" is a second output file; there can be one")),
            };
            *target = left.next().ok_or_else(|| format!("{word} needs a path after it"))?.into();
        }
        let needed = [
            ("OUT.png", &arguments.out),
            ("--boxes", &arguments.boxes),
            ("--overlays", &arguments.overlays),
            ("--images", &arguments.images),
            ("--heatmaps", &arguments.heatmaps),
            ("--evaluation", &arguments.evaluation),
        ];
        match needed.iter().find(|(_, path)| path.as_os_str().is_empty()) {
            Some((name, _)) => Err(format!("{name} is missing")),
            None => Ok(arguments),
        }
    }
}

/// Writes the sheet; returns what to print.
fn make(arguments: &Arguments) -> Result<String, Failure> {
    let narrowings = read_boxes(&arguments.boxes)?;
    let frames = read_heatmaps(&arguments.heatmaps, &narrowings)?;
    let figures = Figures::of(&frames, &arguments.evaluation)?;
    let sheet = draw(&frames, &figures, arguments)?;
    write_whole(&sheet, &arguments.out)?;
    if arguments.json {
        return Ok(serde_json::to_string_pretty(&figures.describe(&frames, &arguments.out))?);
    }
    Ok(format!("{}\n{}\n{}", figures.hit_line(), figures.evaluation_line(), arguments.out.display()))
}

fn read_boxes(path: &Path) -> Result<BTreeMap<String, Area>, Failure> {
    let wrong = |error: csv::Error| format!("cannot read the boxes in {}: {error}", path.display());
    let mut boxes = BTreeMap::new();
    let mut table = csv::Reader::from_path(path).map_err(wrong)?;
    let columns = ["filename", "x", "y", "width", "height"];
    if table.headers().map_err(wrong)? != columns.as_slice() {
        return Err(format!("the columns of {} must be {}", path.display(), columns.join(",")).into());
    }
    for row in table.deserialize() {
        let (name, x, y, width, height): (String, f64, f64, f64, f64) = row.map_err(wrong)?;
        if boxes.insert(name.clone(), Area { x, y, width, height }).is_some() {
            return Err(format!("{} has two boxes for {name}; a frame has one at most", path.display()).into());
        }
    }
    Ok(boxes)
}

fn read_heatmaps(path: &Path, narrowings: &BTreeMap<String, Area>) -> Result<Vec<Frame>, Failure> {
    let document = read_json(path)?;
    let heatmaps = document["maps"].as_array().filter(|heatmaps| !heatmaps.is_empty());
    let heatmaps =
        heatmaps.ok_or_else(|| format!("{} lists no \"heatmaps\"; lesionlens heatmap --json does", path.display()))?;
    heatmaps
        .iter()
        .enumerate()
        .map(|(index, heatmap)| {
            let number = |pointer: &str| {
                heatmap
                    .pointer(pointer)
                    .and_then(Value::as_f64)
                    .ok_or_else(|| format!("{}: /heatmaps/{index}{pointer} must be a number", path.display()))
            };
            let name = heatmap["file"].as_str().and_then(|file| Path::new(file).file_name()?.to_str());
            let name = name.ok_or_else(|| format!("{}: /heatmaps/{index}/file must name a file", path.display()))?;
            Ok(Frame {
                name: name.to_owned(),
                width: number("/width")?,
                height: number("/height")?,
                hottest: Area {
                    x: number("/hottest_tile/x")?,
                    y: number("/hottest_tile/y")?,
                    width: number("/hottest_tile/width")?,
                    height: number("/hottest_tile/height")?,
                },
                probability: number("/hottest_tile/probability")?,
                narrowing: narrowings.get(name).copied(),
            })
        })
        .collect()
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text).map_err(|error| format!("{} is no JSON document: {error}", path.display()))?)
}

impl Area {
    fn center(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    fn contains(&self, (x, y): (f64, f64)) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

impl Frame {
    /// Whether the hottest tile holds the narrowing's centre; `None` without a narrowing.
    fn hit(&self) -> Option<bool> {
        self.narrowing.map(|narrowing| self.hottest.contains(narrowing.center()))
    }

    /// How likely a tile of this size, laid anywhere inside the frame, would hold the narrowing's centre.
    fn chance(&self) -> Option<f64> {
        let (x, y) = self.narrowing?.center();
        let share = |center: f64, tile: f64, size: f64| {
            let free = size - tile;
            let first = (center - tile).max(0.0);
            let last = center.min(free);
            if free > 0.0 { ((last - first) / free).clamp(0.0, 1.0) } else { 1.0 }
        };
        Some(share(x, self.hottest.width, self.width) * share(y, self.hottest.height, self.height))
    }
}

impl Figures {
    fn of(frames: &[Frame], evaluation: &Path) -> Result<Figures, Failure> {
        let hits: Vec<bool> = frames.iter().filter_map(Frame::hit).collect();
        let chances: Vec<f64> = frames.iter().filter_map(Frame::chance).collect();
        let report = read_json(evaluation)?;
        let metrics = report["metrics"].as_object();
        let metrics = metrics.ok_or_else(|| format!("{} has no \"metrics\"", evaluation.display()))?;
        let metric = |name: &str| metrics.get(name).and_then(Value::as_f64);
        Ok(Figures {
            positives: hits.len(),
            hits: hits.iter().filter(|hit| **hit).count(),
            chance: (!chances.is_empty()).then(|| chances.iter().sum::<f64>() / chances.len() as f64),
            accuracy: metric("accuracy"),
            roc_auc: metric("roc_auc"),
        })
    }

    fn hit_line(&self) -> String {
        let Some(chance) = self.chance else { return "no frame has a known narrowing".to_owned() };
        let share = 100.0 * self.hits as f64 / self.positives as f64;
        let counts = format!("{} of {} frames", self.hits, self.positives);
        format!("hottest tile on the narrowing: {counts} ({share:.0} %; by chance {:.1} %)", 100.0 * chance)
    }

    fn evaluation_line(&self) -> String {
        let text = |value: Option<f64>| value.map_or("undefined".to_owned(), |value| format!("{value:.3}"));
        format!("evaluation: accuracy {}, ROC AUC {}", text(self.accuracy), text(self.roc_auc))
    }

    fn describe(&self, frames: &[Frame], out: &Path) -> Value {
        let share = (self.positives > 0).then(|| self.hits as f64 / self.positives as f64);
        let each: Vec<Value> = frames
            .iter()
            .map(|frame| json!({"file": frame.name, "probability": frame.probability, "hit": frame.hit()}))
            .collect();
        json!({
            "schema": "lesionlens-contact-sheet/1",
            "sheet": out.to_string_lossy(),
            "hottest_tile": {
                "positives": self.positives, "hits": self.hits, "share": share, "chance": self.chance,
            },
            "metrics": {"accuracy": self.accuracy, "roc_auc": self.roc_auc},
            "frames": each,
        })
    }
}

fn draw(frames: &[Frame], figures: &Figures, arguments: &Arguments) -> Result<RgbImage, Failure> {
    let count = frames.len().min(SHOWN);
    let (columns, rows) = (COLUMNS as u32, count.div_ceil(COLUMNS) as u32);
    let pair = 2 * CELL + 4;
    let mut sheet = RgbImage::from_pixel(GAP + columns * (pair + GAP), HEADER + rows * (CELL + CAPTION + GAP), PAPER);
    write(&mut sheet, GAP, 14, 2, INK, &figures.hit_line());
    write(&mut sheet, GAP, 40, 2, FAINT, &figures.evaluation_line());
    let legend = sheet.width() - GAP - 29 * 16;
    write(&mut sheet, legend, 14, 2, NARROWING, "[] narrowing (known)");
    write(&mut sheet, legend, 40, 2, HOTTEST, "[] hottest tile, probability");
    for shown in 0..count {
        let frame = &frames[shown * frames.len() / count];
        let left = GAP + (shown % COLUMNS) as u32 * (pair + GAP);
        let top = HEADER + (shown / COLUMNS) as u32 * (CELL + CAPTION + GAP);
        let stem = Path::new(&frame.name).file_stem().unwrap_or_default().to_string_lossy();
        let image = open(&arguments.images.join(&frame.name), frame)?;
        let overlay = open(&arguments.overlays.join(format!("{stem}_overlay.png")), frame)?;
        let scale = f64::from(CELL) / frame.width.max(frame.height);
        for (image, left, outline) in [
            (image, left, frame.narrowing.map(|area| (area, NARROWING))),
            (overlay, left + CELL + 4, Some((frame.hottest, HOTTEST))),
        ] {
            let fitted = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
            let (width, height) = (fitted(image.width()), fitted(image.height()));
            replace(&mut sheet, &resize(&image, width, height, FilterType::Triangle), left.into(), top.into());
            if let Some((area, colour)) = outline {
                draw_outline(&mut sheet, (left, top, width, height), area, scale, colour);
            }
        }
        let (verdict, colour) = match frame.hit() {
            Some(true) => ("on it", NARROWING),
            Some(false) => ("elsewhere", MISSED),
            None => ("no narrowing", FAINT),
        };
        write(&mut sheet, left, top + CELL + 6, 2, INK, &format!("{stem:.17}"));
        let probability = format!("{:.2}", frame.probability);
        write(&mut sheet, left + CELL + 4, top + CELL + 6, 2, HOTTEST, &probability);
        write(&mut sheet, left + pair - 16 * verdict.len() as u32, top + CELL + 6, 2, colour, verdict);
    }
    Ok(sheet)
}

fn open(path: &Path, frame: &Frame) -> Result<RgbImage, Failure> {
    let image = image::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?.to_rgb8();
    let (width, height) = image.dimensions();
    if (f64::from(width), f64::from(height)) != (frame.width, frame.height) {
        let expected = format!("but its heatmap is {}x{}", frame.width, frame.height);
        return Err(format!("{} is {width}x{height} pixels, {expected}", path.display()).into());
    }
    Ok(image)
}

/// Outlines an area of a frame that was drawn in `area_drawn` (left, top, width, height).
fn draw_outline(sheet: &mut RgbImage, area_drawn: (u32, u32, u32, u32), area: Area, scale: f64, colour: Rgb<u8>) {
    const LINE: u32 = 2;
    let (left, top, width, height) = area_drawn;
    let inside = |value: f64, size: u32| (value * scale).round().clamp(0.0, f64::from(size - 1)) as u32;
    let (first_x, last_x) = (inside(area.x, width), inside(area.x + area.width, width));
    let (first_y, last_y) = (inside(area.y, height), inside(area.y + area.height, height));
    for y in first_y..=last_y {
        for x in first_x..=last_x {
            let depth = (x - first_x).min(last_x - x).min(y - first_y).min(last_y - y);
            if depth < LINE {
                sheet.put_pixel(left + x, top + y, colour);
            }
        }
    }
}

/// Letters of 8x8 pixels, each `scale` times as large; what the font lacks becomes a question mark.
fn write(sheet: &mut RgbImage, x: u32, y: u32, scale: u32, colour: Rgb<u8>, text: &str) {
    for (index, letter) in text.chars().enumerate() {
        let glyph = BASIC_LEGACY.get(letter as usize).unwrap_or(&BASIC_LEGACY['?' as usize]);
        for row in 0..8 * scale {
            for column in 0..8 * scale {
                let (at_x, at_y) = (x + index as u32 * 8 * scale + column, y + row);
                let set = glyph[(row / scale) as usize] >> (column / scale) & 1 == 1;
                if set && at_x < sheet.width() && at_y < sheet.height() {
                    sheet.put_pixel(at_x, at_y, colour);
                }
            }
        }
    }
}

/// All of the file or nothing.
fn write_whole(sheet: &RgbImage, out: &Path) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| format!("cannot write {}: {error}", out.display());
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|error| cannot(&error))?;
    let workshop =
        tempfile::Builder::new().prefix(".contact-sheet-").tempdir_in(parent).map_err(|error| cannot(&error))?;
    let fresh = workshop.path().join("sheet.png");
    sheet.save_with_format(&fresh, ImageFormat::Png).map_err(|error| cannot(&error))?;
    fs::rename(&fresh, out).map_err(|error| cannot(&error))?;
    Ok(())
}
