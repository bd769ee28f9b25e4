//! The CPU engine's public interface.

use crate::kernels::vector::Instructions;
use crate::learner::CpuLearner;
use crate::network::CpuNetwork;
use crate::pool::Pool;
use lens_base::{LogLevel, Logger, Result};
use lens_engine::{Engine, EngineName, Learner, LearnerSettings, Network};
use lens_model::{Model, TrainingParameters};
use std::sync::Arc;

/// Settings of an engine.
#[derive(Clone, Debug)]
pub struct CpuSettings {
    /// The plan's instruction set, or the reference; any other name selects the widest plan.
    pub engine: EngineName,
    /// Whether calibrated models are computed with int8 convolutions.
    pub int8: bool,
    /// Threads of one call.
    pub threads: usize,
    /// Threads of all concurrent calls together.
    pub concurrent_threads: usize,
    /// Receives which plans are used, and warnings.
    pub logger: Logger,
}

/// The CPU engine.
pub struct CpuEngine {
    shared: Arc<EngineShared>,
}

/// State shared by everything made from an engine.
pub(crate) struct EngineShared {
    settings: CpuSettings,
    pub instructions: Instructions,
    pool: Arc<Pool>,
}

impl EngineShared {
    /// The thread pool that calls share.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Whether networks are computed by the reference.
    pub fn is_reference(&self) -> bool {
        self.settings.engine == EngineName::Reference
    }

    /// Whether calibrated models are computed with int8 convolutions.
    pub fn is_int8(&self) -> bool {
        self.settings.int8
    }

    /// Passes a message to the logger.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.settings.logger.log(level, message);
    }
}

impl CpuEngine {
    /// Threads are started on first use.
    pub fn new(settings: CpuSettings) -> Self {
        let instructions = Instructions::of_engine(settings.engine).unwrap_or_else(Instructions::best);
        let pool = Arc::new(Pool::new(settings.threads, settings.concurrent_threads));
        CpuEngine { shared: Arc::new(EngineShared { settings, instructions, pool }) }
    }
}

impl Engine for CpuEngine {
    fn load(&self, model: &Model) -> Result<Arc<dyn Network>> {
        Ok(Arc::new(CpuNetwork::new(&self.shared, model)?))
    }

    fn learner(&self, start: &TrainingParameters, settings: &LearnerSettings) -> Result<Box<dyn Learner>> {
        let pool = Arc::clone(self.shared.pool());
        Ok(Box::new(CpuLearner::new(pool, self.shared.instructions, start, settings)?))
    }
}
