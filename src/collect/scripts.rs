//! The start scripts in `bin`: what they set, as far as it can be known without running them.
//!
//! Nothing is executed and no variable is looked up; a value made of variables is told apart from a
//! literal one.

/// What a script sets something to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// This text.
    Literal(String),
    /// Something that is only known when the script runs.
    Computed(String),
}

impl Setting {
    fn new(text: &str) -> Self {
        let computed = text.contains(['$', '`', '%']);
        if computed { Self::Computed(text.to_owned()) } else { Self::Literal(text.to_owned()) }
    }

    /// The text, as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Computed(text) => text,
        }
    }

    /// The text, when it is literal and not empty.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Self::Computed(_) => None,
        }
    }
}

/// Every value a script gives the Java system property `-D<name>=`, in order.
#[must_use]
pub fn parse_system_property(script: &str, name: &str) -> Vec<Setting> {
    let option = format!("-D{name}=");
    let mut settings = Vec::new();
    for line in script.lines().map(code_of) {
        let mut rest = line;
        while let Some((before, value)) = rest.split_once(option.as_str()) {
            if before.is_empty() || before.ends_with(|c: char| c.is_whitespace() || "\"'=".contains(c)) {
                settings.push(Setting::new(first_word(value)));
            }
            rest = value;
        }
    }
    settings
}

/// Every value a script assigns to a variable, in order.
#[must_use]
pub fn parse_assignments(script: &str, name: &str) -> Vec<Setting> {
    script
        .lines()
        .map(code_of)
        .flat_map(|line| line.split(';'))
        .filter_map(|command| assigned(command, name))
        .collect()
}

fn assigned(command: &str, name: &str) -> Option<Setting> {
    let command = ["then ", "else ", "export "]
        .iter()
        .fold(command.trim(), |command, word| command.strip_prefix(word).map_or(command, str::trim_start));
    // `set` of a batch file takes the rest of the line, with quotes around the whole or not at all.
    let batch = command.split_at_checked(4).filter(|(word, _)| word.eq_ignore_ascii_case("set "));
    if let Some((_, pair)) = batch {
        let (key, value) = pair.trim().trim_matches('"').split_once('=')?;
        return key.eq_ignore_ascii_case(name).then(|| Setting::new(value.trim()));
    }
    let value = command.strip_prefix(name)?.strip_prefix('=')?;
    Some(Setting::new(first_word(value)))
}

/// A word of the shell: in quotes, or up to the next blank.
fn first_word(text: &str) -> &str {
    for quote in ["\\\"", "\\'", "\"", "'"] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split(quote).next().unwrap_or(quoted);
        }
    }
    text.split(|c: char| c.is_whitespace() || "\"';)".contains(c)).next().unwrap_or(text)
}

/// The line without a comment, of a shell script or a batch file.
#[must_use]
pub fn code_of(line: &str) -> &str {
    let trimmed = line.trim();
    let word = trimmed.trim_start_matches('@').split_whitespace().next().unwrap_or_default();
    if word.starts_with("::") || word.eq_ignore_ascii_case("rem") {
        return "";
    }
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in trimmed.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return trimmed.get(..at).unwrap_or_default(),
            (None, '"' | '\'') if before != '\\' => quote = Some(c),
            (Some(open), _) if c == open && before != '\\' => quote = None,
            (None | Some(_), _) => {}
        }
        before = c;
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn literal(text: &str) -> Vec<Setting> {
        vec![Setting::Literal(text.to_owned())]
    }

    fn computed(text: &str) -> Vec<Setting> {
        vec![Setting::Computed(text.to_owned())]
    }

    #[test]
    fn system_properties_are_found_as_scripts_write_them() {
        let rows = [
            ("CATALINA_OPTS=\"-Dconfluence.home=/data ${CATALINA_OPTS}\"", literal("/data")),
            ("CATALINA_OPTS=\"${CATALINA_OPTS} -Dconfluence.home=/data\"", literal("/data")),
            ("CATALINA_OPTS=\"-Dconfluence.home='/my data'\"", literal("/my data")),
            ("CATALINA_OPTS=\"-Dconfluence.home=\\\"/my data\\\" $X\"", literal("/my data")),
            ("CATALINA_OPTS='-Dconfluence.home=/data'; export CATALINA_OPTS", literal("/data")),
            ("set CATALINA_OPTS=-Dconfluence.home=\"C:\\my data\" %CATALINA_OPTS%", literal("C:\\my data")),
            ("CATALINA_OPTS=\"-Dconfluence.home=${CONFLUENCE_HOME} $X\"", computed("${CONFLUENCE_HOME}")),
            ("X=-Dconfluence.home=$(pwd)/data", computed("$(pwd")),
            ("set X=-Dconfluence.home=%HOME% %X%", computed("%HOME%")),
            ("X=-Dconfluence.home=", literal("")),
            ("# CATALINA_OPTS=\"-Dconfluence.home=/old\"", vec![]),
            ("  # X=-Dconfluence.home=/old", vec![]),
            ("X=1 # -Dconfluence.home=/old", vec![]),
            ("rem set X=-Dconfluence.home=/old", vec![]),
            ("@REM set X=-Dconfluence.home=/old", vec![]),
            (":: set X=-Dconfluence.home=/old", vec![]),
            ("X=-Dmy.confluence.home=/x", vec![]),
            ("X=-Dconfluence.homes=/x", vec![]),
            ("X=a-Dconfluence.home=/x", vec![]),
            ("", vec![]),
        ];
        for (script, expected) in rows {
            assert_eq!(parse_system_property(script, "confluence.home"), expected, "{script}");
        }
        let two = "X=-Dconfluence.home=/a\nX=\"-Dconfluence.home=/b $X\"";
        assert_eq!(parse_system_property(two, "confluence.home"), [literal("/a"), literal("/b")].concat());
    }

    #[test]
    fn assignments_are_found_as_scripts_write_them() {
        let rows = [
            ("JRE_HOME=\"/opt/jre/\"; export JRE_HOME", literal("/opt/jre/")),
            ("export JRE_HOME=/opt/jre", literal("/opt/jre")),
            ("  JRE_HOME='/opt/my jre' # mine", literal("/opt/my jre")),
            ("if [ -z \"$JRE_HOME\" ]; then JRE_HOME=/opt/jre; fi", literal("/opt/jre")),
            ("set \"JRE_HOME=C:\\Program Files\\Java\"", literal("C:\\Program Files\\Java")),
            ("SET JRE_HOME=C:\\Program Files\\Java ", literal("C:\\Program Files\\Java")),
            ("JRE_HOME=$JAVA_HOME/jre", computed("$JAVA_HOME/jre")),
            ("JRE_HOME=`dirname $0`", computed("`dirname")),
            ("JRE_HOME=", literal("")),
            ("#JRE_HOME=/old", vec![]),
            ("MY_JRE_HOME=/x", vec![]),
            ("JRE_HOME_OLD=/x", vec![]),
            ("echo JRE_HOME=/x", vec![]),
            ("CONF_USER=\"confluence\" # user created by installer", vec![]),
        ];
        for (script, expected) in rows {
            assert_eq!(parse_assignments(script, "JRE_HOME"), expected, "{script}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>(), value in "[ -~é\n]{0,30}") {
            for script in [text, format!("X=\"-Dx={value}"), format!("set {value}")] {
                let _found = (parse_system_property(&script, "x"), parse_assignments(&script, "X"));
            }
        }
    }
}
