//! Every file of the corpus as it is, and mutations of it that are the same on every machine.

#![expect(clippy::panic, reason = "a test ends where something goes wrong")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use upgrade_readiness_fuzz::{ALL, Target};

/// Mutations of all files of a target together, unless `FUZZ_MUTATIONS` says how many.
const MUTATIONS: usize = 300;

/// Bytes that mean something to some parser.
const TELLING: &[u8] = b"\0\n\r\t \"'#%&(),-./:;<=>?@[\\]{}\x1f\x7f\x80\xff";

/// Goes through all targets; every file stands for itself and for its mutations.
pub(crate) fn all(tried: fn(&Target, &[u8])) {
    let wanted =
        std::env::var("FUZZ_MUTATIONS").map(|count| count.parse().expect("FUZZ_MUTATIONS is a number"));
    let count = wanted.unwrap_or(MUTATIONS);
    let mut broken = Vec::new();
    for target in ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        let files = files(&folder);
        assert!(!files.is_empty(), "{} has no seeds", folder.display());
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let seeds: Vec<Vec<u8>> =
            files.iter().map(|file| fs::read(file).expect("a seed can be read")).collect();
        let mutated = (0..count).map(|turn| mutate(&seeds, turn, &mut chance));
        for input in seeds.iter().cloned().chain(mutated) {
            if catch_unwind(AssertUnwindSafe(|| tried(target, &input))).is_err() {
                let kept = std::env::temp_dir().join(format!("find-{}", target.name));
                fs::write(&kept, &input).expect("room for what was found");
                broken.push(format!("{}: {}", target.name, kept.display()));
                break;
            }
        }
    }
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// One seed after a few small changes; the same ones on every machine.
fn mutate(seeds: &[Vec<u8>], turn: usize, chance: &mut Chance) -> Vec<u8> {
    let seed = |index: usize| seeds.get(index % seeds.len()).cloned().unwrap_or_default();
    let mut input = seed(turn);
    for _ in 0..=chance.below(4) {
        let at = chance.below(input.len());
        match chance.below(6) {
            0 => input.truncate(at),
            1 => input.splice(at..at, TELLING.get(chance.below(TELLING.len())).copied()).for_each(drop),
            2 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << chance.below(8)),
            3 => {
                let until = at + chance.below(input.len() - at);
                let piece: Vec<u8> = input.get(at..until).unwrap_or_default().repeat(2);
                input.splice(at..at, piece).for_each(drop);
            }
            4 => {
                let until = at + chance.below(input.len() - at);
                input.drain(at..until).for_each(drop);
            }
            _ => {
                let other = seed(chance.below(seeds.len()));
                let from = chance.below(other.len());
                input.truncate(at);
                input.extend(other.into_iter().skip(from));
            }
        }
        input.truncate(1 << 16);
    }
    input
}

/// Marsaglia's xorshift: good enough to choose places, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end.max(1)
    }
}
