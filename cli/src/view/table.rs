//! All results as a table.

use super::errors::Refusal;
use super::viewer::Viewer;
use crate::output::csv::bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use csv::WriterBuilder;
use lens_tasks::classify::Prediction;
use serde::Serialize;
use std::sync::Arc;

/// Columns of a map are empty for whole images.
#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    /// Of the file.
    frame: u32,
    model: &'a str,
    kind: &'static str,
    method: Option<&'static str>,
    probability: f32,
    logit: f32,
    positive: u8,
    threshold: f32,
    mean: Option<f32>,
    maximum: Option<f32>,
    hottest_x: Option<f32>,
    hottest_y: Option<f32>,
    hottest_width: Option<f32>,
    hottest_height: Option<f32>,
    hottest_probability: Option<f32>,
}

impl<'a> Row<'a> {
    fn of(file: &'a str, frame: u32, model: &'a str, kind: &'static str, prediction: Prediction) -> Self {
        let Prediction { probability, logit, positive, threshold } = prediction;
        Row {
            file,
            frame,
            model,
            kind,
            method: None,
            probability,
            logit,
            positive: positive.into(),
            threshold,
            mean: None,
            maximum: None,
            hottest_x: None,
            hottest_y: None,
            hottest_width: None,
            hottest_height: None,
            hottest_probability: None,
        }
    }
}

/// `GET api/results.csv`
pub async fn results(State(viewer): State<Arc<Viewer>>) -> Result<Response, Refusal> {
    let (classified, maps) = viewer.results.all();
    let contents = viewer.catalogue.contents();
    let mut rows: Vec<Row> = classified
        .iter()
        .map(|one| {
            let file = &contents.file(one.image).name;
            Row::of(file, one.image.frame, &one.model.name, "classify", one.prediction)
        })
        .collect();
    rows.extend(maps.iter().map(|one| {
        let tile = one.heatmap.tiles().get(one.heatmap.hottest_tile()).copied();
        let file = &contents.file(one.image).name;
        Row {
            method: Some(one.method),
            mean: Some(one.heatmap.mean()),
            maximum: Some(one.heatmap.maximum()),
            hottest_x: tile.map(|tile| tile.x),
            hottest_y: tile.map(|tile| tile.y),
            hottest_width: tile.map(|tile| tile.width),
            hottest_height: tile.map(|tile| tile.height),
            hottest_probability: tile.map(|tile| tile.probability),
            ..Row::of(file, one.image.frame, &one.model.name, "heatmap", one.heatmap.prediction())
        }
    }));
    let bytes = bytes(&WriterBuilder::new(), |table| rows.into_iter().try_for_each(|row| table.serialize(row)))?;
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response())
}
