//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::command::parse_command;
use super::options::{parse_arguments, parse_words};
use super::release::parse_release;
use super::script::parse_script;

/// Reads a start script as each language, as a command line, and as a `release` file.
pub(crate) fn texts(text: &str) {
    drop(parse_script("bin/setenv.sh".to_owned(), text));
    drop(parse_script("bin/setenv.bat".to_owned(), text));
    drop(parse_command("bin/wso2server.sh".to_owned(), text));
    parse_words("JAVA_OPTS".to_owned(), text);
    drop(parse_release(text));
    let arguments: Vec<Vec<u8>> = text.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    drop(parse_arguments("process 1".to_owned(), &arguments));
}
