//! The table of functions that the first library calls: plain data in and out; no panic or exception leaves them.

mod arguments;
mod engine;
mod guard;
mod learner;
mod programs;
#[cfg(test)]
mod tests;

use lens_engine::torch_table::{TABLE_VERSION, TorchTable};

static TABLE: TorchTable = TorchTable {
    version: TABLE_VERSION,
    size: size_of::<TorchTable>() as u32,
    last_error: guard::last_error,
    information: engine::information,
    set_environment: engine::set_environment,
    open_gpu: engine::open_gpu,
    engine_new: engine::engine_new,
    engine_free: engine::engine_free,
    engine_empty_cache: engine::engine_empty_cache,
    engine_gpu_memory: engine::engine_gpu_memory,
    network_new: engine::network_new,
    network_free: engine::network_free,
    network_logits: engine::network_logits,
    network_features: engine::network_features,
    network_observe: engine::network_observe,
    script_read: programs::script_read,
    script_visit: programs::script_visit,
    script_program: programs::script_program,
    script_free: programs::script_free,
    package_program: programs::package_program,
    program_logits: programs::program_logits,
    program_free: programs::program_free,
    script_write: programs::script_write,
    state_dict_write: programs::state_dict_write,
    learner_new: learner::learner_new,
    learner_free: learner::learner_free,
    learner_begin: learner::learner_begin,
    learner_accumulate: learner::learner_accumulate,
    learner_abandon: learner::learner_abandon,
    learner_update: learner::learner_update,
    learner_update_average: learner::learner_update_average,
    learner_logits: learner::learner_logits,
    learner_read: learner::learner_read,
    learner_write: learner::learner_write,
    learner_scaler: learner::learner_scaler,
    learner_set_scaler: learner::learner_set_scaler,
    learner_is_finite: learner::learner_is_finite,
};

/// The table.
#[unsafe(no_mangle)]
pub extern "C" fn lens_torch_table() -> *const TorchTable {
    &raw const TABLE
}
