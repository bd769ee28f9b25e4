//! Models whose file brings the network compiled: TorchScript programs and AOTInductor packages.

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

/// Where a package has the weights, as a safetensors file, for everything that it does not compute.
const WEIGHTS_ENTRY: &str = "extra/lesionlens.safetensors";
/// Where it says which graphs it has.
const GRAPHS_ENTRY: &str = "extra/lesionlens.graphs.json";
/// Version of that record.
const GRAPHS_VERSION: u32 = 1;

/// A network compiled beforehand.
#[derive(Debug)]
pub struct Compiled {
    /// What it is called in reports.
    pub engine: EngineName,
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
    /// The weights, for what is not compiled, and what is known about them.
    pub model: Model,
    /// The same, ready to compute.
    pub network: Arc<dyn Network>,
    /// The compiled network, unless it cannot be used.
    pub compiled: Option<Compiled>,
}

/// Reads a file that brings the network compiled; none when it is another one.
pub fn open(context: &Context, path: &Path, bytes: &[u8]) -> Result<Option<Opened>> {
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

fn open_script(context: &Context, bytes: &[u8]) -> Result<Opened> {
    let library =
        context.torch_library().map_err(|error| error.prefixed("is a TorchScript program, which libtorch reads"))?;
    let script = Script::read(&library, bytes, METADATA_NAME)
        .map_err(|error| Error::format(format!("is a TorchScript program that cannot be read: {}", error.message())))?;
    let metadata = (!script.metadata().is_empty()).then(|| script.metadata());
    let model = Model::from_tensors(&script.tensors()?, metadata).map_err(|error| {
        error.prefixed("a TorchScript program (a frozen one has its weights built in and cannot be read)")
    })?;
    let network = context.engine().load(&model)?;
    let tolerance = if script.is_quantised() { ROUNDED } else { EXACT };
    let compiled = usable(context, "TorchScript program", || {
        if script.is_quantised() && context.is_gpu() {
            return Err(Error::new(ErrorKind::Unsupported, "libtorch computes with its 8-bit weights on the CPU only"));
        }
        let program = script.program(context.torch_engine()?)?;
        check(&program, &*network, CHECK_SIDES, tolerance)?;
        Ok(Compiled { engine: EngineName::TorchScript, graphs: vec![(None, program)] })
    });
    Ok(Opened { model, network, compiled })
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
    let model = Model::parse(archive.entry(WEIGHTS_ENTRY)?)?;
    let network = context.engine().load(&model)?;
    let compiled = usable(context, "AOTInductor package", || {
        let here = if context.is_gpu() { "cuda" } else { "cpu" };
        if record.device != here {
            return Err(Error::format(format!(
                "it was made for {}, and this context computes on {here}",
                record.device
            )));
        }
        // One for each thread that may wait on the CPU; calls take turns on a GPU.
        let runners = if context.is_gpu() { 1 } else { 2 };
        let tolerance = if record.precision == Precision::F32 { EXACT } else { ROUNDED };
        let engine = context.torch_engine()?;
        let mut graphs = Vec::new();
        for graph in record.graphs {
            let program = Program::of_package(engine, path, &graph.name, runners)?;
            check(&program, &*network, graph.sides.unwrap_or(CHECK_SIDES), tolerance)
                .map_err(|error| error.prefixed(&format!("graph {}", graph.name)))?;
            graphs.push((graph.sides, program));
        }
        Ok(Compiled { engine: EngineName::Aoti, graphs })
    });
    Ok(Opened { model, network, compiled })
}

/// The compiled network, or none with the reason in the log.
fn usable(context: &Context, what: &str, make: impl FnOnce() -> Result<Compiled>) -> Option<Compiled> {
    let choice = &context.policy().compiled_graph;
    if !choice.value {
        context.log(LogLevel::Info, &format!("the {what} is not used: {}", choice.reason));
        return None;
    }
    let made = make();
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
        // NaN is not close.
        let close = difference <= tolerance * (1.0 + f64::from(expected.abs()));
        if !close {
            return Err(Error::internal(format!(
                "on a test image it gives the logit {found}, and the network with its weights gives {expected}"
            )));
        }
    }
    Ok(())
}
