//! What a job is to do.

use crate::view::catalogue::ImageId;
use crate::view::descriptions::{heatmap_options, key};
use crate::view::errors::Refusal;
use crate::view::json;
use crate::view::models::Loaded;
use crate::view::viewer::Viewer;
use axum::body::Bytes;
use lens_tasks::heatmap::HeatmapOptions;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// What is computed of each image.
pub enum Task {
    Classify,
    Heatmap {
        options: Box<HeatmapOptions>,
        /// As they were asked for.
        asked: Map<String, Value>,
        /// The same for options that mean the same.
        key: String,
    },
}

/// A job.
pub struct Request {
    pub model: Arc<Loaded>,
    pub task: Task,
    /// Each once, in the order asked for.
    pub images: Vec<ImageId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    kind: String,
    model: String,
    items: Vec<Item>,
    #[serde(default)]
    options: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    series: String,
    frames: Option<Vec<usize>>,
}

impl Request {
    /// From the body of a request, checked.
    pub fn read(viewer: &Viewer, body: &Bytes) -> Result<Self, Refusal> {
        let Document { kind, model, items, options: asked } = json::read(body)?;
        let task = match &*kind {
            "classify" if asked.is_empty() => Task::Classify,
            "classify" => return Err(Refusal::argument("options are given, but the kind classify has none")),
            "heatmap" => {
                let options = Box::new(heatmap_options(&asked)?);
                let key = key(&options);
                Task::Heatmap { options, asked, key }
            }
            other => return Err(Refusal::argument(format!("kind is '{other}'; it must be classify or heatmap"))),
        };
        let model = viewer.models.get(&model)?;
        let contents = viewer.catalogue.contents();
        let (mut images, mut seen) = (Vec::new(), HashSet::new());
        for Item { series, frames } in items {
            let series = contents.series(&series)?;
            match frames {
                None => images.extend(&series.images),
                Some(frames) => {
                    for frame in frames {
                        let image = series.images.get(frame);
                        images.push(*image.ok_or_else(|| series.no_frame(&frame.to_string()))?);
                    }
                }
            }
        }
        images.retain(|image| seen.insert(*image));
        if images.is_empty() {
            return Err(Refusal::argument("items name no frames; name a series that has some"));
        }
        Ok(Request { model, task, images })
    }
}
