//! Chance that is the same at every run, and how long loops are.

/// Marsaglia's xorshift.
pub(crate) struct Chance(u64);

impl Chance {
    /// The seed is told when a test fails, as it is a part of the code.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }
}

/// So many rounds, or as many times more as `FAULT_TIMES` says.
pub(crate) fn rounds(usual: usize) -> usize {
    let times = std::env::var("FAULT_TIMES").map(|times| times.parse().expect("FAULT_TIMES is a number"));
    usual * times.unwrap_or(1)
}
