//! The table that is printed.

/// Lines of the table, and whether all comparisons held.
#[derive(Default)]
pub struct Table {
    failed: bool,
}

impl Table {
    pub fn line(&self, name: &str, value: impl std::fmt::Display) {
        println!("| {name} | {value} |");
    }

    pub fn compare(&mut self, name: &str, difference: f64, most: f64) {
        // Not a number holds nowhere.
        let verdict = self.verdict(difference <= most);
        self.line(name, format!("{difference:.2e} (at most {most:.0e}): {verdict}"));
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
