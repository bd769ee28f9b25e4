//! Random numbers that are the same on every machine.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A generator for one purpose: streams of one seed do not overlap, so that weights, sampling and augmentation stay
/// what they are when one of them draws more.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}
