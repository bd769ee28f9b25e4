//! The maximum or mean of several heatmaps of one size, such as those of a cine's frames.

use super::finished::{Heatmap, Tile};
use crate::classify::Prediction;
use lens_base::options::Choice;
use lens_base::{Error, Result};

/// What is taken over several heatmaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Aggregate {
    /// The highest value of each pixel and tile: keeps findings of single frames.
    Max,
    /// The mean: keeps findings that persist.
    Mean,
}

/// The heatmaps' aggregate, value by value and tile by tile, and the index of the heatmap with the highest probability,
/// the first of equals.
pub fn aggregate(heatmaps: &[&Heatmap], how: Aggregate) -> Result<(Heatmap, usize)> {
    let first = *heatmaps.first().ok_or_else(|| Error::argument("count is 0; there must be at least one heatmap"))?;
    for (index, heatmap) in heatmaps.iter().enumerate() {
        check_alike(first, heatmap, index)?;
    }
    let mut best = 0;
    for (index, heatmap) in heatmaps.iter().enumerate() {
        if heatmap.prediction.logit > heatmaps[best].prediction.logit {
            best = index;
        }
    }
    let count = heatmaps.len() as f64;
    let mean = |value: &dyn Fn(&Heatmap) -> f32| {
        (heatmaps.iter().map(|heatmap| f64::from(value(heatmap))).sum::<f64>() / count) as f32
    };
    let highest =
        |value: &dyn Fn(&Heatmap) -> f32| heatmaps.iter().map(|heatmap| value(heatmap)).fold(f32::MIN, f32::max);
    let taken = |value: &dyn Fn(&Heatmap) -> f32| match how {
        Aggregate::Max => highest(value),
        Aggregate::Mean => mean(value),
    };
    let values: Vec<f32> = (0..first.values.len()).map(|index| taken(&|heatmap| heatmap.values[index])).collect();
    let tiles = (0..first.tiles.len()).map(|index| match how {
        Aggregate::Max => hottest(heatmaps.iter().map(|heatmap| heatmap.tiles[index])),
        Aggregate::Mean => {
            let probability = mean(&|heatmap| heatmap.tiles[index].probability);
            let value = mean(&|heatmap| heatmap.tiles[index].value);
            Tile {
                probability,
                logit: Prediction::from_probability(probability, 0.5).logit,
                value,
                rank_score: value,
                ..first.tiles[index]
            }
        }
    });
    let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
    let prediction = match how {
        Aggregate::Max => heatmaps[best].prediction,
        Aggregate::Mean => {
            let probability = mean(&|heatmap| heatmap.prediction.probability);
            Prediction::from_probability(probability, first.prediction.threshold)
        }
    };
    let heatmap = Heatmap {
        tiles: tiles.collect(),
        mean: (sum / values.len() as f64) as f32,
        maximum: values.iter().copied().fold(f32::MIN, f32::max),
        values,
        prediction,
        width: first.width,
        height: first.height,
        resolution: first.resolution,
        columns: first.columns,
    };
    Ok((heatmap, best))
}

fn hottest(tiles: impl Iterator<Item = Tile>) -> Tile {
    tiles.reduce(|hottest, tile| if tile.rank_score > hottest.rank_score { tile } else { hottest }).unwrap_or_default()
}

fn check_alike(first: &Heatmap, heatmap: &Heatmap, index: usize) -> Result<()> {
    if (heatmap.width, heatmap.height, heatmap.resolution) != (first.width, first.height, first.resolution) {
        let values = |heatmap: &Heatmap| {
            format!("{} x {} values of {}", heatmap.width, heatmap.height, heatmap.resolution.name().to_uppercase())
        };
        return Err(Error::argument(format!(
            "heatmap {index} has {}, heatmap 0 has {}; only heatmaps of the same size can be aggregated",
            values(heatmap),
            values(first)
        )));
    }
    let rectangle = |tile: &Tile| [tile.x, tile.y, tile.width, tile.height];
    if heatmap.columns != first.columns || !heatmap.tiles.iter().map(rectangle).eq(first.tiles.iter().map(rectangle)) {
        return Err(Error::argument(format!(
            "heatmap {index} has {} x {} tiles at other positions than the {} x {} of heatmap 0; only heatmaps made \
             with the same options can be aggregated",
            heatmap.columns,
            heatmap.rows(),
            first.columns,
            first.rows()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heatmap::options::Resolution;
    use crate::heatmap::writer::HeatmapWriter;

    /// Two pixels, two tiles.
    fn heatmap(probabilities: [f32; 2]) -> Heatmap {
        let mut writer = HeatmapWriter::new((2, 1), (2, 1), Resolution::Image).unwrap();
        writer.push(&probabilities).unwrap();
        let tiles = probabilities.iter().enumerate().map(|(index, probability)| {
            let logit = Prediction::from_probability(*probability, 0.5).logit;
            let (probability, value) = (*probability, *probability);
            Tile { x: index as f32, y: 0.0, width: 1.0, height: 1.0, probability, logit, value, rank_score: logit }
        });
        let mean = (probabilities[0] + probabilities[1]) / 2.0;
        writer.finish(tiles.collect(), 2, Prediction::from_probability(mean, 0.25)).unwrap()
    }

    #[test]
    fn aggregation_rules() {
        let heatmaps = [heatmap([0.2, 0.4]), heatmap([0.9, 0.1]), heatmap([0.25, 0.25])];
        let heatmaps: Vec<&Heatmap> = heatmaps.iter().collect();
        let (highest, best) = aggregate(&heatmaps, Aggregate::Max).unwrap();
        assert_eq!((highest.values(), best), (&[0.9, 0.4][..], 1));
        assert_eq!((highest.tiles()[0], highest.tiles()[1]), (heatmaps[1].tiles()[0], heatmaps[0].tiles()[1]));
        assert_eq!((highest.prediction(), highest.maximum()), (heatmaps[1].prediction(), 0.9));
        let (mean, best) = aggregate(&heatmaps, Aggregate::Mean).unwrap();
        assert_eq!(best, 1);
        for (index, expected) in [0.45, 0.25].into_iter().enumerate() {
            assert!((mean.values()[index] - expected).abs() < 1e-6);
            assert!((mean.tiles()[index].probability - expected).abs() < 1e-6);
        }
        assert!((mean.tiles()[0].logit - (0.45f32 / 0.55).ln()).abs() < 1e-5);
        assert!((mean.prediction().probability - 0.35).abs() < 1e-6 && mean.prediction().positive);
        assert!((mean.mean() - 0.35).abs() < 1e-6 && (mean.maximum() - 0.45).abs() < 1e-6);
    }

    #[test]
    fn maps_of_different_geometry() {
        let one = heatmap([0.1, 0.2]);
        assert!(aggregate(&[], Aggregate::Max).unwrap_err().message().contains("count is 0"));
        let mut wider = one.clone();
        wider.width = 3;
        assert!(aggregate(&[&one, &wider], Aggregate::Max).unwrap_err().message().contains("heatmap 1 has 3 x 1"));
        let mut moved = one.clone();
        moved.tiles[1].x = 0.5;
        let error = aggregate(&[&one, &one, &moved], Aggregate::Mean).unwrap_err();
        assert!(error.message().contains("heatmap 2") && error.message().contains("other positions"), "{error}");
    }
}
