//! The table that is printed.

/// Whether a comparison failed.
#[derive(Default)]
pub struct Table {
    failed: bool,
}

impl Table {
    pub fn line(&self, name: &str, value: impl std::fmt::Display) {
        println!("| {name} | {value} |");
    }

    pub fn compare(&mut self, name: &str, difference: f64, limit: f64) {
        // False for NaN.
        let verdict = self.verdict(difference <= limit);
        self.line(name, format!("{difference:.2e} (at most {limit:.0e}): {verdict}"));
    }

    pub fn expect(&mut self, name: &str, holds: bool, value: impl std::fmt::Display) {
        let verdict = self.verdict(holds);
        self.line(name, format!("{value}: {verdict}"));
    }

    pub fn failed(&self) -> bool {
        self.failed
    }

    fn verdict(&mut self, holds: bool) -> &'static str {
        self.failed |= !holds;
        if holds { "ok" } else { "FAILED" }
    }
}
