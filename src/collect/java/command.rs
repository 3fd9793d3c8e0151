//! The options a start script writes into the very command that starts the Java virtual machine, as
//! `wso2server.sh` of WSO2 Carbon does.
//!
//! The script is not run. Where it sets something twice and differently, the answer is not given.

use upgrade_readiness_checks::facts::JvmOptions;

use super::options::{KINDS, parse_words};
use crate::collect::scripts::code_of;

/// Why the text of a script does not tell the options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("it sets {0} more than once, to different values")]
    Several(&'static str),
    #[error("it takes the value of {0} from a variable")]
    Computed(&'static str),
}

/// Finds the options that matter among the words of a script; `place` says which one.
pub(super) fn parse_command(place: String, text: &str) -> Result<JvmOptions, CommandError> {
    let mut line = String::new();
    for kind in KINDS {
        let name = kind.first().copied().unwrap_or_default();
        let mut found: Option<&str> = None;
        let words = text.lines().map(code_of).filter(|line| !line.starts_with("echo "));
        for word in words.flat_map(|line| line.split(|c: char| c.is_whitespace() || "\"'".contains(c))) {
            if !kind.iter().any(|prefix| word.starts_with(prefix)) {
                continue;
            }
            if word.contains(['$', '`']) {
                return Err(CommandError::Computed(name));
            }
            if found.is_some_and(|other| other != word) {
                return Err(CommandError::Several(name));
            }
            found = Some(word);
        }
        line.push(' ');
        line.push_str(found.unwrap_or_default());
    }
    Ok(parse_words(place, &line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(text: &str) -> Result<(Option<u64>, Option<u64>), CommandError> {
        let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes >> 20);
        parse_command("x.sh".to_owned(), text)
            .map(|options| (mib(options.initial_heap_bytes), mib(options.max_heap_bytes)))
    }

    #[test]
    fn options_stand_in_the_command_or_in_a_variable_of_the_script() {
        let rows = [
            (
                "while true; do\n  $JAVACMD \\\n  -Xms256m -Xmx1024m -XX:MaxPermSize=256m \\\n  $JAVA_OPTS",
                (Some(256), Some(1024)),
            ),
            ("JVM_MEM_OPTS=\"-Xms512m -Xmx2g\"\nexec java $JVM_MEM_OPTS", (Some(512), Some(2048))),
            ("# -Xmx9g\necho \"-Xmx8g\"\njava x.Main", (None, None)),
            ("java -Xmx1g a\njava -Xmx1g b", (None, Some(1024))),
        ];
        for (text, expected) in rows {
            assert_eq!(heap(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_depends_on_more_than_the_text_is_not_told() {
        assert_eq!(heap("java -Xmx1g a\njava -Xmx2g b"), Err(CommandError::Several("-Xmx")));
        assert_eq!(heap("java -Xmx${HEAP} a"), Err(CommandError::Computed("-Xmx")));
    }

    #[test]
    fn the_encoding_is_told_as_well() {
        let options = parse_command("x.sh".to_owned(), "java -Dfile.encoding=UTF8 a").unwrap();
        assert_eq!(options.file_encoding.as_deref(), Some("UTF8"));
    }
}
