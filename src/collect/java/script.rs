//! The options a start script (`setenv.sh`, `setenv.bat`) gives to the Java virtual machine.
//!
//! Tomcat reads that script and starts the machine with `$JAVA_OPTS $CATALINA_OPTS`, in this order:
//! <https://tomcat.apache.org/tomcat-10.1-doc/RUNNING.txt>. The script is not run: its assignments are
//! expanded in order. Where the answer depends on something else than its text, it is not given.

use std::collections::BTreeMap;

use upgrade_readiness_checks::facts::JvmOptions;

use super::options::{KINDS, parse_words};
use super::shell;

/// Text all expansions together may produce: assignments can double a value line by line.
const MOST_EXPANDED: usize = 16 * 1024 * 1024;

/// No name is shown longer than this.
const LONGEST_NAME: usize = 60;

/// Stands on both sides of the name of something whose value is not known.
const UNKNOWN: char = '\0';

/// Why the text of a script does not tell the options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScriptError {
    #[error("an option of the Java virtual machine is taken from {0}, which is not set there")]
    Unset(String),
    #[error("options of the Java virtual machine are set under a condition")]
    Conditional,
    #[error("its assignments grow without end")]
    Endless,
}

/// Finds the options in a script; `place` says which one, and its ending tells the language.
pub(super) fn parse_script(place: String, text: &str) -> Result<JvmOptions, ScriptError> {
    let mut variables = Variables::default();
    let text = text.replace(UNKNOWN, "");
    let ending = place.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if ending == "bat" || ending == "cmd" {
        parse_batch(&text, &mut variables)?;
    } else {
        shell::parse_shell(&text, &mut variables)?;
    }
    variables.options(place)
}

/// The variables of a script, as far as its text tells their values.
#[derive(Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    expanded: usize,
    conditional: bool,
}

impl Variables {
    /// The value of a variable, or what stands for one that is not known.
    ///
    /// The two that hold the options begin empty: only the running process could tell otherwise.
    pub(super) fn value(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(value) => value.clone(),
            None if is_options(name) => String::new(),
            None => Self::unknown(name),
        }
    }

    /// What stands for something unknown; `name` has no blanks.
    pub(super) fn unknown(name: &str) -> String {
        let name = if name.is_empty() { "${…}" } else { name };
        format!("{UNKNOWN}{name}{UNKNOWN}")
    }

    /// Counts expanded text against the limit.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), ScriptError> {
        self.expanded = self.expanded.saturating_add(bytes);
        if self.expanded > MOST_EXPANDED { Err(ScriptError::Endless) } else { Ok(()) }
    }

    /// Takes in an assignment, which may be one that is only made under a condition.
    pub(super) fn assign(&mut self, name: &str, value: String, conditional: bool) {
        if conditional && value != self.value(name) {
            if !is_options(name) {
                self.values.insert(name.to_owned(), Self::unknown(name));
                return;
            }
            // Other options than the four may well come and go.
            self.conditional |= words_that_matter(&value) != words_that_matter(&self.value(name));
        }
        self.values.insert(name.to_owned(), value);
    }

    fn options(&self, place: String) -> Result<JvmOptions, ScriptError> {
        if self.conditional {
            return Err(ScriptError::Conditional);
        }
        let line = format!("{} {}", self.value("JAVA_OPTS"), self.value("CATALINA_OPTS"));
        for word in words_that_matter(&line).into_iter().flatten() {
            unknown_in(word)?;
        }
        let options = parse_words(place, &line);
        if options.max_heap_bytes.is_none() {
            // It may stand in a variable from elsewhere that is one whole word of the line.
            line.split_whitespace().filter(|word| word.starts_with(UNKNOWN)).try_for_each(unknown_in)?;
        }
        Ok(options)
    }
}

fn is_options(name: &str) -> bool {
    matches!(name, "CATALINA_OPTS" | "JAVA_OPTS")
}

/// The words of a line that set what matters: the last of each kind, which is the one that counts.
fn words_that_matter(line: &str) -> [Option<&str>; 4] {
    KINDS.map(|kind| {
        line.split_whitespace().rfind(|word| {
            let word = word.trim_start_matches(['"', '\'']);
            kind.iter().any(|prefix| word.starts_with(prefix))
        })
    })
}

fn unknown_in(word: &str) -> Result<(), ScriptError> {
    let Some(name) = word.split(UNKNOWN).nth(1) else { return Ok(()) };
    Err(ScriptError::Unset(name.chars().take(LONGEST_NAME).collect()))
}

/// Reads the assignments of a Windows batch file.
fn parse_batch(text: &str, variables: &mut Variables) -> Result<(), ScriptError> {
    let mut depth = 0_usize;
    for line in text.replace("^\r\n", "").replace("^\n", "").lines() {
        let line = line.trim().trim_start_matches('@');
        if line.starts_with(')') {
            depth = depth.saturating_sub(1);
        }
        let inline = strip_word(line, "if").and_then(|rest| {
            let at = rest.to_ascii_lowercase().find(" set ")?;
            rest.get(at + 1..)
        });
        if let Some(assignment) = strip_word(inline.unwrap_or(line), "set") {
            // set "NAME=value" keeps the quotes out of the value.
            let quoted = assignment.strip_prefix('"').and_then(|rest| rest.rsplit_once('"'));
            let assignment = quoted.map_or(assignment, |(inside, _)| inside);
            if let Some((name, value)) = assignment.split_once('=') {
                let value = expand_batch(value, variables)?;
                let conditional = depth > 0 || inline.is_some();
                variables.assign(&name.trim().to_ascii_uppercase(), value, conditional);
            }
        }
        if line.ends_with('(') && strip_word(line, "rem").is_none() {
            depth += 1;
        }
    }
    Ok(())
}

/// What follows a command word, in whatever case it is written.
fn strip_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = line.split_once(char::is_whitespace)?;
    first.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

fn expand_batch(value: &str, variables: &mut Variables) -> Result<String, ScriptError> {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        expanded.push_str(before);
        match after.split_once('%') {
            Some((name, after)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                expanded.push_str(&variables.value(&name.to_ascii_uppercase()));
                rest = after;
            }
            Some(_) | None => rest = after,
        }
        variables.count(expanded.len())?;
    }
    expanded.push_str(rest);
    variables.count(expanded.len())?;
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn heap(place: &str, text: &str) -> Result<Option<u64>, ScriptError> {
        parse_script(place.into(), text).map(|options| options.max_heap_bytes.map(|bytes| bytes / MIB))
    }

    fn unset(name: &str) -> Result<Option<u64>, ScriptError> {
        Err(ScriptError::Unset(name.into()))
    }

    /// In the form of the script Confluence 8 comes with.
    const SHIPPED: &str = "\
# See the CATALINA_OPTS below for tuning the JVM arguments used to start Confluence.
# CATALINA_OPTS=\"-Xms9g -Xmx9g ${CATALINA_OPTS}\"
if [ -z \"$CATALINA_BASE\" ]; then
  CATALINA_BASE=`cd \"$PRGDIR/..\" ; pwd`
fi
CATALINA_OPTS=\"-XX:ReservedCodeCacheSize=256m ${CATALINA_OPTS}\"
CATALINA_OPTS=\"-Xloggc:$LOGBASEABS/logs/gc-`date +%F_%H-%M-%S`.log ${CATALINA_OPTS}\"
CATALINA_OPTS=\"-Djava.awt.headless=true ${CATALINA_OPTS}\"
CATALINA_OPTS=\"-Xms1024m -Xmx1024m -XX:+UseG1GC ${CATALINA_OPTS}\"
CATALINA_OPTS=\"${START_CONFLUENCE_JAVA_OPTS} ${CATALINA_OPTS}\"
CATALINA_OPTS=\"-Dconfluence.context.path=${CONFLUENCE_CONTEXT_PATH} ${CATALINA_OPTS}\"
if [ \"$1\" = \"debug\" ]; then
  CATALINA_OPTS=\"-Xdebug ${CATALINA_OPTS}\"
fi
export CATALINA_OPTS
";

    #[test]
    fn the_shipped_script_is_understood() {
        let options = parse_script("/opt/c/bin/setenv.sh".into(), SHIPPED).unwrap();
        let expected = JvmOptions {
            place: "/opt/c/bin/setenv.sh".into(),
            max_heap_bytes: Some(1024 * MIB),
            initial_heap_bytes: Some(1024 * MIB),
            code_cache_bytes: Some(256 * MIB),
            file_encoding: None,
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn shell_assignments_are_expanded_in_order() {
        let rows = [
            ("nothing", "", Ok(None)),
            (
                "in front loses to what was there",
                "CATALINA_OPTS=-Xmx1g\nCATALINA_OPTS=\"-Xmx2g $CATALINA_OPTS\"",
                Ok(Some(1024)),
            ),
            ("behind wins", "CATALINA_OPTS=-Xmx1g\nCATALINA_OPTS=\"$CATALINA_OPTS -Xmx2g\"", Ok(Some(2048))),
            ("appending", "export CATALINA_OPTS=-Xmx1g\nCATALINA_OPTS+=' -Xmx2g'", Ok(Some(2048))),
            ("JAVA_OPTS comes first", "CATALINA_OPTS=-Xmx1g\nJAVA_OPTS=-Xmx2g", Ok(Some(1024))),
            ("JAVA_OPTS alone", "JAVA_OPTS=\"-Xms256m -Xmx512m $JAVA_OPTS\" # the end", Ok(Some(512))),
            ("single quotes", "CATALINA_OPTS='-Xmx1g ${CATALINA_OPTS}'", Ok(Some(1024))),
            ("pieces", "CATALINA_OPTS=\"-Xmx\"1'g'\" $CATALINA_OPTS\"", Ok(Some(1024))),
            ("lines joined", "CATALINA_OPTS=\"-Xms1g \\\n -Xmx3g\"; export CATALINA_OPTS", Ok(Some(3072))),
            ("over several lines", "CATALINA_OPTS=\"-Xms1g\n  -Xmx3g\"", Ok(Some(3072))),
            ("another variable", "HEAP=4g\nCATALINA_OPTS=\"-Xmx${HEAP} $CATALINA_OPTS\"", Ok(Some(4096))),
            ("for one command only", "CATALINA_OPTS=-Xmx9g ./other.sh", Ok(None)),
            ("taken back", "CATALINA_OPTS=-Xmx9g; unset CATALINA_OPTS", Ok(None)),
            ("carriage returns", "CATALINA_OPTS=\"-Xmx1g\"\r\nexport CATALINA_OPTS\r\n", Ok(Some(1024))),
            ("echoed", "echo CATALINA_OPTS=-Xmx9g", Ok(None)),
            ("nonsense", "CATALINA_OPTS=-Xmxmuch", Ok(None)),
        ];
        for (name, text, expected) in rows {
            assert_eq!(heap("setenv.sh", text), expected, "{name}");
        }
    }

    #[test]
    fn what_the_text_does_not_tell_is_not_told() {
        let rows = [
            // The image's script takes sizes from the environment of the container.
            (": ${JVM_MAX:=1024m}\nCATALINA_OPTS=\"-Xmx${JVM_MAX} $CATALINA_OPTS\"", unset("JVM_MAX")),
            ("CATALINA_OPTS=\"-Xmx$(cat /etc/heap)\"", unset("$(…)")),
            ("CATALINA_OPTS=\"-Xmx`cat /etc/heap`\"", unset("`…`")),
            ("CATALINA_OPTS=\"-Xmx${HEAP:-1g}\"", unset("HEAP")),
            ("HEAP=2g\nCATALINA_OPTS=\"-Xmx${HEAP:-1g}\"", Ok(Some(2048))),
            ("CATALINA_OPTS=\"$EXTRA\"", unset("EXTRA")),
            ("CATALINA_OPTS=\"$EXTRA -Xmx1g\"", Ok(Some(1024))),
            ("CATALINA_OPTS=\"-Xmx$BEFORE -Xmx1g\"", Ok(Some(1024))),
            ("if [ -n \"$BIG\" ]; then\nCATALINA_OPTS=-Xmx9g\nfi", Err(ScriptError::Conditional)),
            ("[ -n \"$BIG\" ] && CATALINA_OPTS=-Xmx9g", Err(ScriptError::Conditional)),
            ("big() { CATALINA_OPTS=-Xmx9g; }", Err(ScriptError::Conditional)),
            ("HEAP=1g\nif x; then HEAP=2g; fi\nCATALINA_OPTS=-Xmx$HEAP", unset("HEAP")),
            ("CATALINA_OPTS=\"${", unset("${…}")),
            ("if x; then :; fi\nCATALINA_OPTS=-Xmx1g", Ok(Some(1024))),
            ("case $1 in a) X=1;; esac; CATALINA_OPTS=-Xmx1g", Ok(Some(1024))),
        ];
        for (text, expected) in rows {
            assert_eq!(heap("setenv.sh", text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_scripts_end() {
        let doubling = format!("A=xxxxxxxx\n{}CATALINA_OPTS=\"$A -Xmx1g\"", "A=\"$A$A\"\n".repeat(60));
        assert_eq!(heap("setenv.sh", &doubling), Err(ScriptError::Endless));
        let growing = format!("A={}\n{}", "x".repeat(1000), "A+=x\n".repeat(100_000));
        assert_eq!(heap("setenv.sh", &growing), Err(ScriptError::Endless));
        let batch = format!("set A=xxxxxxxx\r\n{}", "set A=%A%%A%\r\n".repeat(60));
        assert_eq!(heap("setenv.bat", &batch), Err(ScriptError::Endless));
        for text in [
            "\"",
            "'",
            "`",
            "${",
            "$(",
            "$",
            "\\",
            "=",
            "=x",
            "fi fi fi",
            "a=${b${c}",
            "\0\0\0",
            "é=é$é",
            "))((",
            "x=$((1+(2)))",
        ] {
            for place in ["setenv.sh", "setenv.bat"] {
                assert_eq!(heap(place, text), Ok(None), "{text:?}");
            }
        }
    }

    #[test]
    fn batch_files_are_understood() {
        let rows = [
            ("set CATALINA_OPTS=-Xms1024m -Xmx1024m %CATALINA_OPTS%\r\n", Ok(Some(1024))),
            (
                "set CATALINA_OPTS=-Xmx1g %CATALINA_OPTS%\r\nSET catalina_opts=-Xmx2g %Catalina_Opts%\r\n",
                Ok(Some(1024)),
            ),
            ("@set \"CATALINA_OPTS=%CATALINA_OPTS% -Xmx2g\"\r\n", Ok(Some(2048))),
            ("rem set CATALINA_OPTS=-Xmx9g\r\n:: set CATALINA_OPTS=-Xmx9g\r\n", Ok(None)),
            ("set CATALINA_OPTS=-Xms1g ^\r\n -Xmx3g\r\n", Ok(Some(3072))),
            ("set CATALINA_OPTS=-Xmx%HEAP%\r\n", unset("HEAP")),
            ("IF \"%X%\"==\"\" set CATALINA_OPTS=-Xmx9g\r\n", Err(ScriptError::Conditional)),
            ("if defined X (\r\nset CATALINA_OPTS=-Xmx9g\r\n)\r\n", Err(ScriptError::Conditional)),
            ("if defined X (\r\nset Y=1\r\n)\r\nset CATALINA_OPTS=-Xmx1g 100%\r\n", Ok(Some(1024))),
        ];
        for (text, expected) in rows {
            assert_eq!(heap("C:\\c\\bin\\setenv.bat", text), expected, "{text}");
        }
    }
}
