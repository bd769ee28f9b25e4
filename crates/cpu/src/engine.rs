//! The engine as others see it.

use crate::kernels::vector::Instructions;
use crate::learner::CpuLearner;
use crate::network::CpuNetwork;
use crate::pool::Pool;
use lens_base::{LogLevel, Logger, Result};
use lens_engine::{Engine, EngineName, Learner, LearnerSettings, Network};
use lens_model::{Model, TrainingParameters};
use once_cell::sync::OnceCell;
use std::sync::Arc;

/// What an engine is made for.
#[derive(Clone, Debug)]
pub struct CpuSettings {
    /// Which plan, or the plain network; others become the widest plan.
    pub engine: EngineName,
    /// Whether calibrated models compute in 8 bits.
    pub int8: bool,
    /// Threads of a call.
    pub threads: usize,
    /// Threads of all calls together.
    pub concurrent_threads: usize,
    /// Told about what is chosen and what is not as expected.
    pub logger: Logger,
}

/// The engine of the CPU.
pub struct CpuEngine {
    shared: Arc<Shared>,
}

/// What everything made from an engine has in common.
pub(crate) struct Shared {
    settings: CpuSettings,
    pub instructions: Instructions,
    pool: OnceCell<Arc<Pool>>,
}

impl Shared {
    /// Threads that calls share, started when they are needed first.
    pub fn pool(&self) -> &Arc<Pool> {
        self.pool.get_or_init(|| Arc::new(Pool::new(self.settings.threads, self.settings.concurrent_threads)))
    }

    /// Whether networks are computed without plans.
    pub fn is_plain(&self) -> bool {
        self.settings.engine == EngineName::Reference
    }

    /// Whether calibrated models compute in 8 bits.
    pub fn is_int8(&self) -> bool {
        self.settings.int8
    }

    /// Tells the host.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.settings.logger.log(level, message);
    }
}

impl CpuEngine {
    /// Makes one; threads are started when they are needed first.
    pub fn new(settings: CpuSettings) -> Self {
        let instructions = Instructions::of_engine(settings.engine).unwrap_or_else(Instructions::best);
        CpuEngine { shared: Arc::new(Shared { settings, instructions, pool: OnceCell::new() }) }
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
