//! libtorch's engine, through the table as the library uses it, does what every engine must; and the CPU's engine computes
//! what it computes.

use lens_base::Logger;
use lens_conformance::{Subject, Tolerances, agree, agree_on_ranges, extreme, learners, networks};
use lens_cpu::{CpuEngine, CpuSettings, Instructions};
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, EngineRequest};
use lens_runtime::{Context, ContextOptions};
use std::sync::Arc;

fn libtorch() -> Arc<Context> {
    let (device, engine) = (DeviceRequest::Cpu, EngineRequest::Torch);
    Context::new(ContextOptions { device, engine, threads: 2, ..ContextOptions::default() }).unwrap()
}

/// Which algorithm libtorch computes a convolution by depends on the number of images.
const TOLERANCES: Tolerances = Tolerances { company: 1e-5, ..Tolerances::SINGLE };

fn subject(context: &Context) -> Subject<'_> {
    Subject { engine: context.engine(), name: EngineName::Torch, tolerances: TOLERANCES }
}

#[test]
fn networks_conform() {
    networks(&subject(&libtorch()));
}

#[test]
fn learners_conform() {
    learners(&subject(&libtorch()));
}

/// Pixels of the largest batch that an instruction set is tested with: those that are fast with every size in every
/// batch. LENS_EVERY_BATCH=1 in the environment lifts the limit.
fn most_pixels(name: EngineName) -> usize {
    match name {
        _ if std::env::var_os("LENS_EVERY_BATCH").is_some() => usize::MAX,
        EngineName::PlanPortable => 4_000_000,
        _ => usize::MAX,
    }
}

fn engine(name: EngineName) -> CpuEngine {
    let logger = Logger::default();
    CpuEngine::new(CpuSettings { engine: name, int8: false, threads: 2, concurrent_threads: 2, logger })
}

#[test]
fn plans_compute_what_libtorch_does_at_every_size_in_every_batch() {
    let context = libtorch();
    let names: Vec<EngineName> = Instructions::available().into_iter().map(Instructions::engine).collect();
    let engines: Vec<CpuEngine> = names.iter().copied().map(engine).collect();
    let plans = names
        .iter()
        .zip(&engines)
        .map(|(name, engine)| (Subject { engine, name: *name, tolerances: Tolerances::SINGLE }, most_pixels(*name)));
    agree(&subject(&context), &plans.collect::<Vec<_>>(), &extreme(context.engine()));
}

#[test]
fn both_engines_observe_the_same_ranges() {
    let (context, engine) = (libtorch(), engine(EngineName::Reference));
    let plain = Subject { engine: &engine, name: EngineName::Reference, tolerances: Tolerances::SINGLE };
    agree_on_ranges(&subject(&context), &plain, &extreme(context.engine()));
}
