//! Models whose file brings the network compiled: TorchScript programs and AOTInductor packages.

use super::artifact::Metadata;
use super::densenet::{DenseNet, SMALLEST_SIDE};
use super::layout::LAYOUT;
use super::script::METADATA_NAME;
use super::weights::{self, Archive, ArchiveKind, METADATA_KEY};
use crate::data::generator;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, LogLevel, Precision, Program, Script, SharedTensor, catch, float_bytes};
use rand::RngExt;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use tch::{Device, Tensor};

/// Where a package has the weights, as lens_model_save() writes them, for everything that it does not compute.
const WEIGHTS_ENTRY: &str = "extra/lesionlens.safetensors";
/// Where it says which graphs it has.
const GRAPHS_ENTRY: &str = "extra/lesionlens.graphs.json";
/// Version of that record.
const GRAPHS_VERSION: u32 = 1;

/// A network compiled beforehand.
#[derive(Debug)]
pub struct Compiled {
    /// What it is called in reports.
    pub engine: &'static str,
    graphs: Vec<(Sides, Program)>,
}

/// The images that a graph takes; `None`: of any size.
type Sides = Option<(usize, usize)>;

impl Compiled {
    /// The program for images of this size.
    pub fn program(&self, height: usize, width: usize) -> Option<&Program> {
        let takes = |sides: &Sides| sides.is_none_or(|sides| sides == (height, width));
        self.graphs.iter().find_map(|(sides, program)| takes(sides).then_some(program))
    }
}

/// What such a file holds.
pub struct Opened {
    /// The network, for what is not compiled.
    pub network: DenseNet<SharedTensor>,
    /// Everything but the weights.
    pub metadata: Metadata,
    /// The compiled network, unless it cannot be used.
    pub compiled: Option<Compiled>,
}

/// Reads a file that brings the network compiled; none when it is another one.
pub fn open(context: &Context, path: &Path, bytes: &[u8]) -> Result<Option<Opened>> {
    if !weights::is_archive(bytes) {
        return Ok(None);
    }
    let archive = Archive::open(bytes)?;
    match archive.kind() {
        ArchiveKind::TorchScript => open_script(context, bytes).map(Some),
        ArchiveKind::AotInductor => open_package(context, path, archive).map(Some),
        _ => Ok(None),
    }
}

fn open_script(context: &Context, bytes: &[u8]) -> Result<Opened> {
    let script = Script::read(bytes, METADATA_NAME)
        .map_err(|error| Error::format(format!("is a TorchScript program that cannot be read: {}", error.message())))?;
    let tensors = script.tensors.iter().filter(|(_, tensor)| tensor.is_floating_point());
    let tensors = tensors.map(|(name, tensor)| Ok((name.as_str(), tensor.size(), float_bytes(tensor)?)));
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    let views = tensors.iter().map(|(name, size, bytes)| {
        let shape = size.iter().map(|side| *side as usize).collect();
        TensorView::new(Dtype::F32, shape, bytes).map(|view| (*name, view))
    });
    let metadata =
        (!script.metadata.is_empty()).then(|| HashMap::from([(METADATA_KEY.to_string(), script.metadata.clone())]));
    let plain = views
        .collect::<std::result::Result<Vec<_>, _>>()
        .and_then(|views| safetensors::serialize(views, metadata))
        .map_err(|error| Error::internal(format!("cannot lay out its weights: {error}")))?;
    let (network, metadata) = super::artifact::parse(&plain, context.device()).map_err(|error| {
        error.prefixed("a TorchScript program (a frozen one has its weights built in and cannot be read)")
    })?;
    let tolerance = if script.quantised { ROUNDED } else { EXACT };
    let compiled = usable(context, "TorchScript program", || {
        if script.quantised && context.device() != Device::Cpu {
            return Err(Error::new(ErrorKind::Unsupported, "libtorch computes with its 8-bit weights on the CPU only"));
        }
        let program = script.into_program(context.device())?;
        check(&program, &network, CHECK_SIDES, tolerance)?;
        Ok(Compiled { engine: "torchscript", graphs: vec![(None, program)] })
    });
    Ok(Opened { network, metadata, compiled })
}

/// What lesionlens-export says about the graphs of a package.
#[derive(Deserialize)]
struct GraphsRecord {
    version: u32,
    /// "cpu" or "cuda".
    device: String,
    precision: Precision,
    graphs: Vec<GraphRecord>,
}

#[derive(Deserialize)]
struct GraphRecord {
    name: String,
    /// Height and width of its images; none: any.
    sides: Sides,
}

fn open_package(context: &Context, path: &Path, mut archive: Archive) -> Result<Opened> {
    for entry in [WEIGHTS_ENTRY, GRAPHS_ENTRY] {
        if !archive.has(entry) {
            return Err(Error::format(format!(
                "is an AOTInductor package without {entry}: make it with lesionlens-export"
            )));
        }
    }
    let broken = |reason: String| Error::format(format!("its entry {GRAPHS_ENTRY} is broken: {reason}"));
    let record: GraphsRecord =
        serde_json::from_slice(archive.entry(GRAPHS_ENTRY)?).map_err(|error| broken(error.to_string()))?;
    if record.version > GRAPHS_VERSION {
        return Err(broken(format!("it has version {}; this library reads up to {GRAPHS_VERSION}", record.version)));
    }
    let too_small = |record: &&GraphRecord| record.sides.is_some_and(|(h, w)| h.min(w) < SMALLEST_SIDE);
    if let Some(record) = record.graphs.iter().find(too_small) {
        return Err(broken(format!("graph {} takes images of less than {SMALLEST_SIDE} pixels", record.name)));
    }
    let (network, metadata) = super::artifact::parse(archive.entry(WEIGHTS_ENTRY)?, context.device())?;
    let compiled = usable(context, "AOTInductor package", || {
        let here = if context.device() == Device::Cpu { "cpu" } else { "cuda" };
        if record.device != here {
            return Err(Error::format(format!(
                "it was made for {}, and this context computes on {here}",
                record.device
            )));
        }
        // One for each thread that may wait on the CPU; calls take turns on a GPU.
        let runners = if context.device() == Device::Cpu { 2 } else { 1 };
        let tolerance = if record.precision == Precision::F32 { EXACT } else { ROUNDED };
        let mut graphs = Vec::new();
        for graph in record.graphs {
            let program = Program::of_package(path, &graph.name, runners, context.device())?;
            check(&program, &network, graph.sides.unwrap_or(CHECK_SIDES), tolerance)
                .map_err(|error| error.prefixed(&format!("graph {}", graph.name)))?;
            graphs.push((graph.sides, program));
        }
        Ok(Compiled { engine: "aoti", graphs })
    });
    Ok(Opened { network, metadata, compiled })
}

/// The compiled network, or none with the reason in the log.
fn usable(context: &Context, what: &str, make: impl FnOnce() -> Result<Compiled>) -> Option<Compiled> {
    let choice = &context.policy().compiled_graph;
    if !choice.value {
        context.log(LogLevel::Info, &format!("the {what} is not used: {}", choice.reason));
        return None;
    }
    let made = catch(make);
    if let Err(error) = &made {
        let message = format!("the {what} is not used, its weights are: {}", error.message());
        context.log(LogLevel::Warning, &message);
    }
    made.ok()
}

/// Height and width of what a graph for any size is checked with.
const CHECK_SIDES: (usize, usize) = (64, 64);
/// Largest difference from the network's logit, as a share of 1 + that: rounding in 32-bit floats, in another order,
/// stays below a hundredth of it.
const EXACT: f64 = 1e-3;
/// The same for half precision and for 8-bit integers, which round to 7 or 8 binary digits.
const ROUNDED: f64 = 0.05;

/// Refuses a program that does not give the network's logits for images of noise of several strengths.
fn check(program: &Program, network: &DenseNet<SharedTensor>, sides: (usize, usize), tolerance: f64) -> Result<()> {
    const STRENGTHS: [f32; 3] = [1.0, 0.5, 0.1];
    let (height, width) = (sides.0 as i64, sides.1 as i64);
    let mut random = generator(0, LAYOUT.parameters().len() as u64);
    let samples: Vec<f32> = STRENGTHS
        .iter()
        .flat_map(|strength| std::iter::repeat_n(*strength, sides.0 * sides.1 * 3))
        .map(|strength| strength * random.random::<f32>())
        .collect();
    let device = network.parameters().next().map_or(Device::Cpu, Tensor::device);
    let _guard = tch::no_grad_guard();
    let images = Tensor::from_slice(&samples).view([STRENGTHS.len() as i64, height, width, 3]).permute([0, 3, 1, 2]);
    let images = images.to_device(device);
    let expected = network.logits(&images);
    let found = program.run(&images)?;
    for index in 0..STRENGTHS.len() as i64 {
        let (expected, found) = (expected.double_value(&[index]), found.double_value(&[index]));
        let difference = (found - expected).abs();
        // NaN is not close.
        let close = difference <= tolerance * (1.0 + expected.abs());
        if !close {
            return Err(Error::internal(format!(
                "on a test image it gives the logit {found}, and the network with its weights gives {expected}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::data::{Batch, Preprocessing, Raster};
    use crate::infer::logits;
    use crate::model::{FileFormat, Model};
    use crate::runtime::{ContextOptions, PrecisionRequest, ScriptSource, script_bytes};
    use parking_lot::Mutex;
    use std::sync::Arc;

    type Messages = Arc<Mutex<Vec<String>>>;

    fn context(compiled_graph: Option<bool>) -> (Arc<Context>, Messages) {
        let messages = Messages::default();
        let kept = Arc::clone(&messages);
        let log = Box::new(move |_: LogLevel, message: &str| kept.lock().push(message.to_string())) as _;
        let options = ContextOptions {
            compiled_graph,
            precision: PrecisionRequest::F32,
            log: Some(log),
            log_level: LogLevel::Info,
            ..ContextOptions::default()
        };
        (Context::new(options).unwrap(), messages)
    }

    /// With a head whose logits are not all but the bias.
    pub fn trained_like() -> Model {
        let (context, _) = context(None);
        let mut network = DenseNet::initial(4, context.device());
        tch::no_grad(|| {
            let head = &mut network.parameters_mut()[LAYOUT.head_weight];
            let _ = head.g_mul_scalar_(20.0);
        });
        let preprocessing = Preprocessing { image_size: 64, ..Preprocessing::default() };
        Model::new(&context, network.frozen(), Metadata::new(preprocessing, 0.25)).unwrap()
    }

    /// How far the logits of noise lie apart.
    pub fn differences(one: &Model, other: &Model) -> Vec<f32> {
        let mut random = generator(7, 0);
        let mut all = Vec::new();
        for (width, height, count) in [(64, 64, 5), (48, 80, 1)] {
            let mut batch = Batch::new(width, height, count, one.context().device());
            for _ in 0..count {
                let samples = (0..width * height).map(|_| random.random::<f32>()).collect();
                batch.push(&Raster::new(width, height, 1, samples).unwrap(), 0, 0, one.preprocessing());
            }
            let (a, b) = (logits(one, &batch).unwrap(), logits(other, &batch).unwrap());
            all.extend(a.into_iter().zip(b).map(|(a, b)| (a - b).abs()));
        }
        all
    }

    fn saved(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.pt");
        std::fs::write(&path, bytes).unwrap();
        (directory, path)
    }

    #[test]
    fn a_torchscript_file_comes_back_whole_and_is_run() {
        let model = trained_like();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.pt");
        model.save(&path, FileFormat::TorchScript).unwrap();
        let loaded = Model::load(model.context(), &path).unwrap();
        assert_eq!((loaded.sha256(), loaded.metadata()), (model.sha256(), model.metadata()));
        assert_eq!(loaded.engine(), "torchscript");
        assert_eq!(loaded.describe()["engine"], "torchscript");
        let largest = differences(&loaded, &model).into_iter().fold(0.0, f32::max);
        assert!(largest < 1e-4, "{largest}");
        // Another engine computed it: not one of the bits differs otherwise.
        let again = Model::load(model.context(), &path).unwrap();
        assert_eq!(differences(&again, &loaded), [0.0; 6]);
    }

    #[test]
    fn it_is_not_run_when_that_was_not_wanted() {
        let bytes = trained_like().to_torchscript(false).unwrap();
        let (_directory, path) = saved(&bytes);
        let (context, messages) = context(Some(false));
        let loaded = Model::load(&context, &path).unwrap();
        assert_eq!(loaded.engine(), context.policy().engine.value);
        assert!(messages.lock().iter().any(|message| message.contains("TorchScript program is not used")));
    }

    #[test]
    fn a_program_that_computes_something_else_is_not_believed() {
        let model = trained_like();
        let names = LAYOUT.parameters().iter().map(|spec| spec.name.as_str());
        let tensors: Vec<_> = names.zip(model.network().parameters()).collect();
        for (source, reason) in [
            ("return torch.mean(image, [1, 2, 3])", "on a test image it gives the logit"),
            ("return torch.mean(image, [2, 3])", "not one number for each"),
            ("return torch.matmul(image, torch.mean(image, [2, 3]))", "size"),
        ] {
            let source = format!("def forward(self, image):\n    {source}\n");
            let script = ScriptSource { source: &source, int8_head: None, metadata: (METADATA_NAME, "") };
            let (_directory, path) = saved(&script_bytes(&tensors, &script).unwrap());
            let (context, messages) = context(None);
            let loaded = Model::load(&context, &path).unwrap();
            assert_eq!(loaded.sha256(), model.sha256());
            assert_eq!(loaded.engine(), context.policy().engine.value);
            let messages = messages.lock();
            let told = messages.iter().any(|message| message.contains("is not used") && message.contains(reason));
            assert!(told, "{reason}: {messages:?}");
        }
    }

    #[test]
    fn a_broken_program_is_refused_with_what_is_missing() {
        let model = trained_like();
        let bytes = model.to_torchscript(false).unwrap();
        let refused = |bytes: &[u8]| {
            let (_directory, path) = saved(bytes);
            Model::load(model.context(), &path).unwrap_err().message().to_string()
        };
        assert!(refused(&bytes[..bytes.len() / 2]).contains("not a whole zip archive"));
        let mut damaged = bytes.clone();
        let name = b"code/__torch__/lesionlens.py";
        let place = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        damaged[place + 100..place + 200].fill(0);
        assert!(refused(&damaged).contains("TorchScript program that cannot be read"));
        let names = LAYOUT.parameters().iter().map(|spec| spec.name.as_str());
        let few: Vec<_> = names.zip(model.network().parameters()).take(3).collect();
        let script = ScriptSource {
            source: "def forward(self, image):\n    return image\n",
            int8_head: None,
            metadata: (METADATA_NAME, ""),
        };
        let message = refused(&script_bytes(&few, &script).unwrap());
        assert!(message.contains("TorchScript") && message.contains("603 missing"), "{message}");
    }
}
