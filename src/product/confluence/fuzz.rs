//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::{application, cluster, files, marketplace};
use crate::collect::http::Answer;

/// Reads an answer of the application or the marketplace as each of those that are asked for.
pub(crate) fn answers(bytes: &[u8]) {
    for status in [200, 401, 503] {
        let answer = Answer::fuzzed(status, bytes);
        application::fuzz(&answer);
        cluster::fuzz(&answer);
        drop(answer.certificate_ends_at());
        let starting = answer.mentions("johnson");
        assert!(answer.accepted().is_err() || status == 200, "{starting}: {status} is no success");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        marketplace::offline::fuzz(text);
    }
}

/// Reads the vendor's list of files; how many are in it.
pub(crate) fn registry(text: &str) -> Option<usize> {
    files::fuzz(text)
}
