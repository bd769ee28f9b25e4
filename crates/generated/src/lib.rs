//! Nothing but tests: they stand in a crate of their own so that nothing else waits for the generators.
