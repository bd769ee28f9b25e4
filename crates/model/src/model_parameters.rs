//! A model's parameters, in memory while they are used.

use super::layout::LAYOUT;
use super::parameters::Parameters;
use super::start::read_parameters;
use super::weights::{WeightsOptions, read};
use lens_base::{Error, ErrorKind, Result, read_open};
use lens_system::fork::Mutex;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// Parameters of a network, with their hash and the head always in memory.
#[derive(Debug)]
pub struct ModelParameters {
    sha256: String,
    head: (Vec<f32>, f32),
    /// How they are read from the file.
    options: WeightsOptions,
    source: Source,
}

/// Where parameters are while nobody uses them.
#[derive(Debug)]
enum Source {
    Memory(Arc<Parameters>),
    /// In a file, and perhaps in memory. What a fork cut off leaves nothing in memory.
    File(ModelFile, Mutex<Residency>),
}

/// The file of a model. It is kept open, so that another file of the same name is not taken for it.
#[derive(Debug)]
struct ModelFile {
    file: File,
    path: PathBuf,
}

#[derive(Debug, Default)]
struct Residency {
    /// Until they are released.
    kept: Option<Arc<Parameters>>,
    /// While others hold them.
    used: Weak<Parameters>,
}

impl ModelParameters {
    /// Parameters without a file: they stay in memory. `options` say how they were read, if from a file.
    pub fn new(parameters: Parameters, options: WeightsOptions) -> Self {
        let head = (parameters.of(LAYOUT.head_weight).to_vec(), parameters.of(LAYOUT.head_bias)[0]);
        let sha256 = parameters.sha256();
        ModelParameters { sha256, head, options, source: Source::Memory(Arc::new(parameters)) }
    }

    /// Sets the file they were read from.
    pub fn set_source_file(&mut self, file: File, path: &Path) {
        if let Source::Memory(parameters) = &self.source {
            let residency = Residency { kept: Some(Arc::clone(parameters)), used: Weak::new() };
            self.source = Source::File(ModelFile { file, path: path.to_path_buf() }, Mutex::new(residency));
        }
    }

    /// SHA-256 of the parameters.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Weights and bias of the last layer.
    pub fn head(&self) -> (&[f32], f32) {
        (&self.head.0, self.head.1)
    }

    /// All parameters, read again if needed.
    pub fn parameters(&self) -> Result<Arc<Parameters>> {
        let (file, residency) = match &self.source {
            Source::Memory(parameters) => return Ok(Arc::clone(parameters)),
            Source::File(file, residency) => (file, residency),
        };
        // Held while reading, so that concurrent callers do not read twice.
        let mut residency = residency.lock();
        if let Some(parameters) = residency.kept.clone().or_else(|| residency.used.upgrade()) {
            return Ok(parameters);
        }
        let parameters = Arc::new(file.read(&self.options, &self.sha256)?);
        residency.used = Arc::downgrade(&parameters);
        Ok(parameters)
    }

    /// Releases them if they can be read again.
    pub fn release(&self) {
        if let Source::File(_, residency) = &self.source {
            let mut residency = residency.lock();
            if let Some(parameters) = residency.kept.take() {
                residency.used = Arc::downgrade(&parameters);
            }
        }
    }
}

impl ModelFile {
    fn read(&self, options: &WeightsOptions, sha256: &str) -> Result<Parameters> {
        let bytes = read_open(&self.file, &self.path, "read model again")?;
        match read(&bytes).and_then(|state| read_parameters(state, options, None)) {
            Ok(found) if found.parameters.sha256() == sha256 => Ok(found.parameters),
            Err(error) if error.kind() == ErrorKind::OutOfMemory => Err(error),
            _ => {
                let path = self.path.display();
                let message = format!("{path} was changed since the model was loaded from it: load it again");
                Err(Error::new(ErrorKind::Io, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metadata, Model};

    fn saved(seed: u64) -> Vec<u8> {
        Model::new(Parameters::initial(seed).unwrap(), Metadata::default()).to_safetensors().unwrap()
    }

    #[test]
    fn released_parameters_are_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        std::fs::write(&path, saved(4)).unwrap();
        let mut model = Model::parse(&saved(4)).unwrap();
        model.set_source_file(File::open(&path).unwrap(), &path);
        let first = Arc::downgrade(&model.parameters().unwrap());
        assert!(first.upgrade().is_some());
        model.release_parameters();
        assert!(first.upgrade().is_none());
        // Another file of the same name is not read.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, saved(5)).unwrap();
        let again = model.parameters().unwrap();
        assert_eq!(again.all(), Parameters::initial(4).unwrap().all());
        assert!(Arc::ptr_eq(&again, &model.parameters().unwrap()));
        assert_eq!(model.head(), (again.of(LAYOUT.head_weight), again.of(LAYOUT.head_bias)[0]));
    }

    #[test]
    fn changed_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        for changed in [saved(5), b"nothing".to_vec()] {
            std::fs::write(&path, saved(4)).unwrap();
            let mut model = Model::parse(&saved(4)).unwrap();
            model.set_source_file(File::open(&path).unwrap(), &path);
            model.release_parameters();
            std::fs::write(&path, &changed).unwrap();
            let error = model.parameters().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.message().contains("was changed since the model was loaded from it"), "{error}");
            std::fs::write(&path, saved(4)).unwrap();
            assert_eq!(model.parameters().unwrap().sha256(), model.sha256());
        }
    }

    #[test]
    fn parameters_without_file_stay() {
        let model = Model::new(Parameters::initial(4).unwrap(), Metadata::default());
        model.release_parameters();
        assert_eq!(model.parameters().unwrap().sha256(), model.sha256());
    }
}
