//! The conformance tests of engines, for the CPU engine with each instruction set of this machine and for its reference
//! network.

use lens_base::Logger;
use lens_conformance::{Subject, Tolerances, learners, networks};
use lens_cpu::{CpuEngine, CpuSettings, Instructions};
use lens_engine::EngineName;

fn each(names: impl IntoIterator<Item = EngineName>, run: fn(&Subject)) {
    for name in names {
        let logger = Logger::default();
        let settings = CpuSettings { engine: name, int8: false, threads: 2, concurrent_threads: 3, logger };
        let start = std::time::Instant::now();
        run(&Subject { engine: &CpuEngine::new(settings), name, tolerances: Tolerances::SINGLE });
        println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
    }
}

fn plans() -> impl Iterator<Item = EngineName> {
    Instructions::available().into_iter().map(Instructions::engine)
}

#[test]
fn plans_conform() {
    each(plans(), networks);
}

#[test]
fn reference_conforms() {
    each([EngineName::Reference], networks);
}

#[test]
fn learners_conform() {
    each(plans(), learners);
}
