//! Models whose file contains the compiled network: TorchScript programs and AOTInductor packages.

use super::context::Context;
use super::script::METADATA_NAME;
use super::torch::{Program, Script};
use lens_base::{Error, ErrorKind, LogLevel, Result, generator};
use lens_engine::policy::Precision;
use lens_engine::{EngineName, Network};
use lens_images::{ImageView, Images};
use lens_model::weights::{Archive, ArchiveKind, is_archive};
use lens_model::{LAYOUT, Model, SMALLEST_SIDE};
use rand::RngExt;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Entry of a package with the weights, as a safetensors file, for everything that is not compiled.
const WEIGHTS_ENTRY: &str = "extra/lesionlens.safetensors";
/// Entry that lists its graphs.
const GRAPHS_ENTRY: &str = "extra/lesionlens.graphs.json";
/// Version of that list.
const GRAPHS_VERSION: u32 = 1;

/// A compiled network.
#[derive(Debug)]
pub struct CompiledNetwork {
    /// Its name in reports.
    pub engine: EngineName,
    graphs: Vec<(ImageSize, Program)>,
}

/// Height and width of a graph's images; `None`: any.
type ImageSize = Option<(usize, usize)>;

impl CompiledNetwork {
    /// The program for images of this size.
    pub fn program(&self, height: usize, width: usize) -> Option<&Program> {
        let takes = |size: &ImageSize| size.is_none_or(|size| size == (height, width));
        self.graphs.iter().find_map(|(size, program)| takes(size).then_some(program))
    }
}

/// The contents of such a file.
pub struct OpenedModel {
    /// Weights and metadata.
    pub model: Model,
    /// The model on the context's engine.
    pub network: Arc<dyn Network>,
    /// The compiled network, if it can be used.
    pub compiled: Option<CompiledNetwork>,
}

/// Opens a file with a compiled network; none if it has none.
pub fn open(context: &Context, path: &Path, bytes: &[u8]) -> Result<Option<OpenedModel>> {
    if !is_archive(bytes) {
        return Ok(None);
    }
    let archive = Archive::open(bytes)?;
    match archive.kind() {
        ArchiveKind::TorchScript => open_script(context, bytes).map(Some),
        ArchiveKind::AotInductor => open_package(context, path, archive).map(Some),
        _ => Ok(None),
    }
}

fn open_script(context: &Context, bytes: &[u8]) -> Result<OpenedModel> {
    let library =
        context.torch_library().map_err(|error| error.prefixed("is a TorchScript program, which libtorch reads"))?;
    let script = Script::read(&library, bytes, METADATA_NAME)
        .map_err(|error| Error::format(format!("is a TorchScript program that cannot be read: {}", error.message())))?;
    let metadata = (!script.metadata().is_empty()).then(|| script.metadata());
    let model = Model::from_tensors(&script.tensors()?, metadata).map_err(|error| {
        error.prefixed("a TorchScript program (a frozen one has its weights built in and cannot be read)")
    })?;
    let network = context.engine().load(&model)?;
    let tolerance = if script.is_quantised() { REDUCED_PRECISION_TOLERANCE } else { F32_TOLERANCE };
    let compiled = compiled_or_log(context, "TorchScript program", || {
        if script.is_quantised() && context.is_gpu() {
            return Err(Error::new(ErrorKind::Unsupported, "libtorch computes with its 8-bit weights on the CPU only"));
        }
        let program = script.program(context.torch_engine()?)?;
        check(&program, &*network, CHECK_SIZE, tolerance)?;
        Ok(CompiledNetwork { engine: EngineName::TorchScript, graphs: vec![(None, program)] })
    });
    Ok(OpenedModel { model, network, compiled })
}

/// The list of graphs, written by lesionlens-export.
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
    sides: ImageSize,
}

fn open_package(context: &Context, path: &Path, mut archive: Archive) -> Result<OpenedModel> {
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
    let model = Model::parse(archive.entry(WEIGHTS_ENTRY)?)?;
    let network = context.engine().load(&model)?;
    let compiled = compiled_or_log(context, "AOTInductor package", || {
        let here = if context.is_gpu() { "cuda" } else { "cpu" };
        if record.device != here {
            return Err(Error::format(format!(
                "it was made for {}, and this context computes on {here}",
                record.device
            )));
        }
        // One for each thread that may wait on the CPU; calls are queued on a GPU.
        let runners = if context.is_gpu() { 1 } else { 2 };
        let tolerance = if record.precision == Precision::F32 { F32_TOLERANCE } else { REDUCED_PRECISION_TOLERANCE };
        let engine = context.torch_engine()?;
        let mut graphs = Vec::new();
        for graph in record.graphs {
            let program = Program::of_package(engine, path, &graph.name, runners)?;
            check(&program, &*network, graph.sides.unwrap_or(CHECK_SIZE), tolerance)
                .map_err(|error| error.prefixed(&format!("graph {}", graph.name)))?;
            graphs.push((graph.sides, program));
        }
        Ok(CompiledNetwork { engine: EngineName::Aoti, graphs })
    });
    Ok(OpenedModel { model, network, compiled })
}

/// The compiled network, or none with the reason logged.
fn compiled_or_log(
    context: &Context,
    what: &str,
    make: impl FnOnce() -> Result<CompiledNetwork>,
) -> Option<CompiledNetwork> {
    let decision = &context.policy().compiled_graph;
    if !decision.value {
        context.log(LogLevel::Info, &format!("the {what} is not used: {}", decision.reason));
        return None;
    }
    let made = make();
    if let Err(error) = &made {
        let message = format!("the {what} is not used, its weights are: {}", error.message());
        context.log(LogLevel::Warning, &message);
    }
    made.ok()
}

/// Image size for the check of a graph for any size.
const CHECK_SIZE: (usize, usize) = (64, 64);
/// Largest difference from the network's logit, relative to 1 + the logit: rounding in f32 in another order is below a
/// hundredth of it.
const F32_TOLERANCE: f64 = 1e-3;
/// The same for half precision and int8, which have 7 or 8 significant bits.
const REDUCED_PRECISION_TOLERANCE: f64 = 0.05;

/// Fails unless a program computes the network's logits, for noise images of several amplitudes.
fn check(program: &Program, network: &dyn Network, (height, width): (usize, usize), tolerance: f64) -> Result<()> {
    const STRENGTHS: [f32; 3] = [1.0, 0.5, 0.1];
    let mut random = generator(0, LAYOUT.parameters().len() as u64);
    let samples: Vec<f32> = STRENGTHS
        .iter()
        .flat_map(|strength| std::iter::repeat_n(*strength, height * width * 3))
        .map(|strength| strength * random.random::<f32>())
        .collect();
    let views = (0..STRENGTHS.len()).map(|index| ImageView {
        memory: &samples,
        offset: index * height * width * 3,
        row_step: width * 3,
        channels: 3,
    });
    let images = Images { width, height, views: views.collect() };
    let (expected, found) = (network.logits(&images)?, program.logits(&images)?);
    for (expected, found) in expected.iter().zip(&found) {
        let difference = (f64::from(*found) - f64::from(*expected)).abs();
        // False for NaN.
        let close = difference <= tolerance * (1.0 + f64::from(expected.abs()));
        if !close {
            return Err(Error::internal(format!(
                "on a test image it gives the logit {found}, and the network with its weights gives {expected}"
            )));
        }
    }
    Ok(())
}
