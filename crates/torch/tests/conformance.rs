//! Conformance tests for libtorch's engine, through the table, and comparison of the CPU engine with it.

use lens_base::Logger;
use lens_conformance::{
    Subject, Tolerances, activation_ranges_agree, engines_agree, extreme_parameters, learners, networks,
};
use lens_cpu::{CpuEngine, CpuSettings, Instructions};
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, EngineRequest};
use lens_runtime::{Context, ContextOptions};
use std::sync::Arc;

fn libtorch() -> Arc<Context> {
    let (device, engine) = (DeviceRequest::Cpu, EngineRequest::Torch);
    Context::new(ContextOptions { device, engine, threads: 2, ..ContextOptions::default() }).unwrap()
}

/// libtorch selects convolution algorithms by batch size.
const TOLERANCES: Tolerances = Tolerances { batch_invariance: 1e-5, ..Tolerances::SINGLE };

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

/// Pixels of the largest batch for an instruction set, so that the slow one is not tested for minutes.
/// LENS_EVERY_BATCH=1 in the environment lifts the limit.
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
fn plans_agree_with_libtorch() {
    let context = libtorch();
    let names: Vec<EngineName> = Instructions::available().into_iter().map(Instructions::engine).collect();
    let engines: Vec<CpuEngine> = names.iter().copied().map(engine).collect();
    let plans = names
        .iter()
        .zip(&engines)
        .map(|(name, engine)| (Subject { engine, name: *name, tolerances: Tolerances::SINGLE }, most_pixels(*name)));
    engines_agree(&subject(&context), &plans.collect::<Vec<_>>(), &extreme_parameters(context.engine()));
}

#[test]
fn activation_ranges_agree_with_reference() {
    let (context, engine) = (libtorch(), engine(EngineName::Reference));
    let plain = Subject { engine: &engine, name: EngineName::Reference, tolerances: Tolerances::SINGLE };
    activation_ranges_agree(&subject(&context), &plain, &extreme_parameters(context.engine()));
}
