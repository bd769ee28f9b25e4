//! Heatmaps that were computed, in all the ways in which they are fetched.

use super::descriptions::overlay_options;
use super::errors::Refusal;
use super::frames::{load, png};
use super::json;
use super::npy;
use super::results::{MapData, PredictionData};
use super::viewer::{Viewer, blocking};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use lens_images::{PixelFormat, PixelView, encode_png};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Description {
    #[serde(flatten)]
    event: MapData,
    width: usize,
    height: usize,
    columns: usize,
    rows: usize,
    hottest_tile: usize,
    tiles: Vec<[f32; 8]>,
}

#[derive(Serialize)]
struct All {
    predictions: Vec<PredictionData>,
    maps: Vec<MapData>,
}

/// `GET api/maps/{map}`
pub async fn description(State(viewer): State<Arc<Viewer>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let mapped = viewer.results.mapped(&id)?;
    let described = mapped.describe(&viewer.catalogue.contents());
    let event = described.ok_or_else(|| Refusal::not_found(format!("the image of map '{id}' is gone")))?;
    let heatmap = &mapped.heatmap;
    let tiles: Vec<[f32; 8]> = heatmap
        .tiles()
        .iter()
        .map(|tile| {
            [tile.x, tile.y, tile.width, tile.height, tile.probability, tile.logit, tile.value, tile.rank_score]
        })
        .collect();
    Ok(json::answer(&Description {
        event,
        width: heatmap.width(),
        height: heatmap.height(),
        columns: heatmap.columns(),
        rows: heatmap.rows(),
        hottest_tile: heatmap.hottest_tile(),
        tiles,
    }))
}

/// `GET api/maps/{map}/values`
pub async fn values(
    State(viewer): State<Arc<Viewer>>,
    Path(id): Path<String>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let mapped = viewer.results.mapped(&id)?;
    let mut format = String::new();
    for (name, value) in parameters {
        match &*name {
            "as" if matches!(&*value, "npy" | "png") => format = value,
            "as" => return Err(Refusal::argument(format!("as is '{value}'; it must be npy or png"))),
            _ => return Err(Refusal::argument(format!("there is no parameter '{name}'; there is as"))),
        }
    }
    blocking(move || {
        let heatmap = &mapped.heatmap;
        let (width, height) = (heatmap.width(), heatmap.height());
        let bytes =
            |float: fn(f32) -> [u8; 4]| heatmap.values().iter().flat_map(|value| float(*value)).collect::<Vec<u8>>();
        let plain = |bytes: Vec<u8>| ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response();
        Ok(match &*format {
            "npy" => plain(npy::file(width, height, heatmap.values())?),
            "png" => {
                let bytes = bytes(f32::to_ne_bytes);
                png(encode_png(&PixelView::plain(&bytes, width as u32, height as u32, PixelFormat::GrayF32)?)?)
            }
            _ => plain(bytes(f32::to_le_bytes)),
        })
    })
    .await
}

/// `GET api/maps/{map}/overlay`
pub async fn overlay(
    State(viewer): State<Arc<Viewer>>,
    Path(id): Path<String>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let mapped = viewer.results.mapped(&id)?;
    let options = overlay_options(&parameters)?;
    let path = viewer.catalogue.contents().file(mapped.image).path.clone();
    blocking(move || {
        let image = load(&path, mapped.image.frame, &mapped.model.classifier.preprocessing().reading)?;
        let pixels = mapped.heatmap.overlay(&image.view(), &options)?;
        let (width, height) = (mapped.heatmap.width() as u32, mapped.heatmap.height() as u32);
        Ok(png(encode_png(&PixelView::plain(&pixels, width, height, PixelFormat::Rgba8)?)?))
    })
    .await
}

/// `GET api/predictions`
pub async fn all(State(viewer): State<Arc<Viewer>>) -> Response {
    let (classified, maps) = viewer.results.all();
    let contents = viewer.catalogue.contents();
    json::answer(&All {
        predictions: classified.iter().filter_map(|one| one.describe(&contents)).collect(),
        maps: maps.iter().filter_map(|one| one.describe(&contents)).collect(),
    })
}
