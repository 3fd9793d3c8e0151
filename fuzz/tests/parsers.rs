//! Runs the fuzz targets: under libFuzzer when it is built for it, else over the corpus and mutations of it.

#![cfg_attr(fuzzing, no_main)]

use std::alloc::System;

use cap::Cap;
use upgrade_readiness_fuzz::Target;

/// What asks for more memory than a target may have ends the process, and libFuzzer keeps the input.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Tries one input within the memory its target may have.
fn tried(target: &Target, input: &[u8]) {
    // Failing to lift the limit would only make it stricter.
    MEMORY.set_limit(MEMORY.allocated() + target.most_bytes).expect("a limit above what is in use");
    (target.run)(input);
    MEMORY.set_limit(usize::MAX).expect("no limit");
}

#[cfg(fuzzing)]
mod under_libfuzzer {
    use std::sync::LazyLock;

    static TARGET: LazyLock<&upgrade_readiness_fuzz::Target> = LazyLock::new(|| {
        let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        upgrade_readiness_fuzz::by_name(&name).expect("a target of that name")
    });

    libfuzzer_sys::fuzz_target!(|input: &[u8]| super::tried(&TARGET, input));
}

#[cfg(not(fuzzing))]
mod replay;

#[cfg(not(fuzzing))]
fn main() {
    replay::all(tried);
    upgrade_readiness_fuzz::clear();
}
