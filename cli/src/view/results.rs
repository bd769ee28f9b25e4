//! What was computed: predictions, all of them, and heatmaps, as many as memory is set aside for.

use super::catalogue::{Contents, ImageId};
use super::errors::Refusal;
use super::models::Loaded;
use lens_tasks::classify::Prediction;
use lens_tasks::heatmap::Heatmap;
use serde::Serialize;
use serde_json::{Map as Object, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of heatmaps that are kept.
const MOST_BYTES: usize = 512 << 20;

/// The data of a `prediction` event.
#[derive(Serialize)]
pub struct PredictionData {
    series: String,
    frame: usize,
    model: String,
    #[serde(flatten)]
    prediction: Prediction,
    seconds: f64,
}

/// The data of a `map` event.
#[derive(Serialize)]
pub struct MapData {
    map: String,
    series: String,
    frame: usize,
    model: String,
    options: Object<String, Value>,
    mean: f32,
    maximum: f32,
    prediction: Prediction,
    seconds: f64,
}

/// A whole image's class.
pub struct Classified {
    pub image: ImageId,
    pub model: Arc<Loaded>,
    pub prediction: Prediction,
    pub seconds: f64,
}

impl Classified {
    /// `None`: the image is not there any more.
    pub fn describe(&self, contents: &Contents) -> Option<PredictionData> {
        let place = contents.place(self.image)?;
        Some(PredictionData {
            series: place.series.to_string(),
            frame: place.frame,
            model: self.model.id.clone(),
            prediction: self.prediction,
            seconds: self.seconds,
        })
    }
}

/// A heatmap.
pub struct Mapped {
    pub id: String,
    pub image: ImageId,
    pub model: Arc<Loaded>,
    /// As they were asked for.
    pub options: Object<String, Value>,
    pub method: &'static str,
    pub heatmap: Arc<Heatmap>,
    pub seconds: f64,
}

impl Mapped {
    /// `None`: the image is not there any more.
    pub fn describe(&self, contents: &Contents) -> Option<MapData> {
        let place = contents.place(self.image)?;
        Some(MapData {
            map: self.id.clone(),
            series: place.series.to_string(),
            frame: place.frame,
            model: self.model.id.clone(),
            options: self.options.clone(),
            mean: self.heatmap.mean(),
            maximum: self.heatmap.maximum(),
            prediction: self.heatmap.prediction(),
            seconds: self.seconds,
        })
    }

    fn bytes(&self) -> usize {
        size_of_val(self.heatmap.values()) + size_of_val(self.heatmap.tiles())
    }
}

/// What belongs together: model, image, and for heatmaps how they were made.
type ClassifiedKey = (String, ImageId);
type MappedKey = (String, ImageId, String);

struct Kept {
    mapped: Arc<Mapped>,
    key: MappedKey,
    /// When it was asked for last; higher is later.
    used: u64,
}

/// All results. Thread-safe.
#[derive(Default)]
pub struct Results(Mutex<Store>);

#[derive(Default)]
struct Store {
    classified: HashMap<ClassifiedKey, Arc<Classified>>,
    maps: HashMap<String, Kept>,
    known: HashMap<MappedKey, String>,
    bytes: usize,
    clock: u64,
    last_id: u64,
}

impl Store {
    fn touch(&mut self, id: &str) -> Option<Arc<Mapped>> {
        self.clock += 1;
        let kept = self.maps.get_mut(id)?;
        kept.used = self.clock;
        Some(Arc::clone(&kept.mapped))
    }

    fn forget_oldest(&mut self) {
        let oldest = self.maps.iter().min_by_key(|(_, kept)| kept.used).map(|(id, _)| id.clone());
        if let Some(kept) = oldest.and_then(|id| self.maps.remove(&id)) {
            self.bytes -= kept.mapped.bytes();
            self.known.remove(&kept.key);
        }
    }
}

impl Results {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn classified(&self, model: &Loaded, image: ImageId) -> Option<Arc<Classified>> {
        self.store().classified.get(&(model.id.clone(), image)).cloned()
    }

    pub fn keep_classified(&self, classified: Classified) -> Arc<Classified> {
        let key = (classified.model.id.clone(), classified.image);
        let classified = Arc::new(classified);
        self.store().classified.insert(key, Arc::clone(&classified));
        classified
    }

    /// A heatmap that is known already, now with the options as they are asked for.
    pub fn known(
        &self,
        model: &Loaded,
        image: ImageId,
        key: &str,
        asked: &Object<String, Value>,
    ) -> Option<Arc<Mapped>> {
        let mut store = self.store();
        let id = store.known.get(&(model.id.clone(), image, key.to_string()))?.clone();
        let mapped = store.touch(&id)?;
        if mapped.options == *asked {
            return Some(mapped);
        }
        let Mapped { id, image, model, method, heatmap, seconds, .. } = &*mapped;
        let renamed = Arc::new(Mapped {
            id: id.clone(),
            image: *image,
            model: Arc::clone(model),
            options: asked.clone(),
            method,
            heatmap: Arc::clone(heatmap),
            seconds: *seconds,
        });
        if let Some(kept) = store.maps.get_mut(id) {
            kept.mapped = Arc::clone(&renamed);
        }
        Some(renamed)
    }

    /// Keeps a heatmap, with an identifier of its own; others are forgotten for it.
    pub fn keep_mapped(&self, mut mapped: Mapped, key: &str) -> Arc<Mapped> {
        let mut store = self.store();
        store.last_id += 1;
        store.clock += 1;
        mapped.id = format!("h{}", store.last_id);
        let key = (mapped.model.id.clone(), mapped.image, key.to_string());
        let (id, used) = (mapped.id.clone(), store.clock);
        let mapped = Arc::new(mapped);
        store.bytes += mapped.bytes();
        store.known.insert(key.clone(), id.clone());
        store.maps.insert(id, Kept { mapped: Arc::clone(&mapped), key, used });
        while store.bytes > MOST_BYTES && store.maps.len() > 1 {
            store.forget_oldest();
        }
        mapped
    }

    /// A heatmap by its identifier.
    pub fn mapped(&self, id: &str) -> Result<Arc<Mapped>, Refusal> {
        let mapped = self.store().touch(id);
        mapped
            .ok_or_else(|| Refusal::not_found(format!("there is no map '{id}', or it was forgotten; ask for it again")))
    }

    /// All predictions, and all heatmaps, by image and model.
    pub fn all(&self) -> (Vec<Arc<Classified>>, Vec<Arc<Mapped>>) {
        let store = self.store();
        let mut classified: Vec<_> = store.classified.values().cloned().collect();
        classified.sort_by(|one, other| (one.image, &one.model.id).cmp(&(other.image, &other.model.id)));
        let mut maps: Vec<_> = store.maps.values().map(|kept| Arc::clone(&kept.mapped)).collect();
        maps.sort_by(|one, other| (one.image, &one.model.id, &one.id).cmp(&(other.image, &other.model.id, &other.id)));
        (classified, maps)
    }
}
