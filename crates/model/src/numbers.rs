//! A model's numbers, in memory as long as somebody needs them.

use super::layout::LAYOUT;
use super::parameters::Parameters;
use super::start::collected;
use super::weights::{StateDict, check_parameters, densenet_parameters, read};
use lens_base::{Error, ErrorKind, FileBytes, Result};
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// Numbers of one network, and what is always known about them.
#[derive(Debug)]
pub struct Numbers {
    sha256: String,
    head: (Vec<f32>, f32),
    /// Where they can be read again.
    file: OnceCell<ModelFile>,
    held: Mutex<Held>,
}

/// The file that numbers came from. It is kept open: another file that takes its name is not it.
#[derive(Debug)]
struct ModelFile {
    file: File,
    path: PathBuf,
}

#[derive(Debug)]
enum Held {
    Always(Arc<Parameters>),
    /// As long as others hold them.
    WhileUsed(Weak<Parameters>),
}

impl Numbers {
    /// Which stay in memory.
    pub fn new(parameters: Parameters) -> Self {
        let head = (parameters.of(LAYOUT.head_weight).to_vec(), parameters.of(LAYOUT.head_bias)[0]);
        let sha256 = parameters.sha256();
        Numbers { sha256, head, file: OnceCell::new(), held: Mutex::new(Held::Always(Arc::new(parameters))) }
    }

    /// Tells the file that they came from, from which they can be read again.
    pub fn came_from(&self, file: File, path: &Path) {
        self.file.get_or_init(|| ModelFile { file, path: path.to_path_buf() });
    }

    /// SHA-256 of them.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Weights and bias of the last layer.
    pub fn head(&self) -> (&[f32], f32) {
        (&self.head.0, self.head.1)
    }

    /// All of them, read again if they had to be.
    pub fn parameters(&self) -> Result<Arc<Parameters>> {
        // Two that need them at once are not to read them twice.
        let mut held = self.held.lock();
        match &*held {
            Held::Always(parameters) => return Ok(Arc::clone(parameters)),
            Held::WhileUsed(parameters) => {
                if let Some(parameters) = parameters.upgrade() {
                    return Ok(parameters);
                }
            }
        }
        let file = self.file.get().ok_or_else(|| Error::internal("a model's numbers are gone"))?;
        let parameters = Arc::new(file.read(&self.sha256)?);
        *held = Held::WhileUsed(Arc::downgrade(&parameters));
        Ok(parameters)
    }

    /// Lets go of those that can be read again.
    pub fn release(&self) {
        let mut held = self.held.lock();
        if let (Held::Always(parameters), Some(_)) = (&*held, self.file.get()) {
            *held = Held::WhileUsed(Arc::downgrade(parameters));
        }
    }
}

impl ModelFile {
    fn read(&self, sha256: &str) -> Result<Parameters> {
        let bytes = FileBytes::read(&self.file, &self.path, "read model again")?;
        match read(&bytes).and_then(parameters_of) {
            Ok(found) if found.sha256() == sha256 => Ok(found),
            Err(error) if error.kind() == ErrorKind::OutOfMemory => Err(error),
            _ => {
                let path = self.path.display();
                let message = format!("{path} was changed since the model was loaded from it: load it again");
                Err(Error::new(ErrorKind::Io, message))
            }
        }
    }
}

/// The numbers of a whole model.
pub fn parameters_of(state: StateDict) -> Result<Parameters> {
    let (parameters, report) = densenet_parameters(state)?;
    if let Some((name, shape)) = report.dropped.first() {
        return Err(Error::format(format!("{name} is {shape:?}: no model with one output; it can be trained from")));
    }
    check_parameters(&parameters, &report)?;
    collected(&parameters, |_, spec| Err(Error::internal(format!("{} is missing", spec.name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metadata, Model};

    fn saved(seed: u64) -> Vec<u8> {
        Model::new(Parameters::initial(seed).unwrap(), Metadata::default()).to_safetensors().unwrap()
    }

    #[test]
    fn released_numbers_come_back_from_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        std::fs::write(&path, saved(4)).unwrap();
        let model = Model::parse(&saved(4)).unwrap();
        model.came_from(File::open(&path).unwrap(), &path);
        let first = Arc::downgrade(&model.parameters().unwrap());
        assert!(first.upgrade().is_some());
        model.release_parameters();
        assert!(first.upgrade().is_none());
        // Another file of the same name is another file.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, saved(5)).unwrap();
        let again = model.parameters().unwrap();
        assert_eq!(again.all(), Parameters::initial(4).unwrap().all());
        assert!(Arc::ptr_eq(&again, &model.parameters().unwrap()));
        assert_eq!(model.head(), (again.of(LAYOUT.head_weight), again.of(LAYOUT.head_bias)[0]));
    }

    #[test]
    fn a_file_that_was_changed_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        for changed in [saved(5), b"nothing".to_vec()] {
            std::fs::write(&path, saved(4)).unwrap();
            let model = Model::parse(&saved(4)).unwrap();
            model.came_from(File::open(&path).unwrap(), &path);
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
    fn numbers_without_a_file_stay() {
        let model = Model::new(Parameters::initial(4).unwrap(), Metadata::default());
        model.release_parameters();
        assert_eq!(model.parameters().unwrap().sha256(), model.sha256());
    }
}
