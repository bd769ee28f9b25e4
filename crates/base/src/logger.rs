//! Messages to the program that embeds the library.

use crate::options::Choice;
use std::fmt;
use std::sync::Arc;

/// How important a message is; the log is told messages of a level and of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Choice)]
pub enum LogLevel {
    /// A call failed, or cannot go on as it should.
    Error,
    /// Something is not as asked for.
    #[default]
    Warning,
    /// What was chosen and done.
    Info,
    /// Details.
    Debug,
}

/// Receives messages.
pub type Log = Box<dyn Fn(LogLevel, &str) + Send + Sync>;

/// Tells the program that embeds the library what it wants to know.
#[derive(Clone, Default)]
pub struct Logger {
    log: Option<Arc<Log>>,
    level: LogLevel,
}

impl Logger {
    /// Messages up to a level; none without a receiver.
    pub fn new(log: Option<Log>, level: LogLevel) -> Self {
        Logger { log: log.map(Arc::new), level }
    }

    /// Tells the program that embeds the library a message.
    pub fn log(&self, level: LogLevel, message: &str) {
        if let Some(log) = &self.log
            && level <= self.level
        {
            log(level, message);
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Logger").field("level", &self.level).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn messages_above_the_level_are_held_back() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let log: Log = Box::new(move |_, message| sink.lock().unwrap().push(message.to_string()));
        let logger = Logger::new(Some(log), LogLevel::Warning);
        logger.log(LogLevel::Info, "not this");
        logger.log(LogLevel::Error, "this");
        assert_eq!(*seen.lock().unwrap(), ["this"]);
    }
}
