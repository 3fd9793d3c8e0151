//! The four options of a Java virtual machine that matter, out of a command line.

use upgrade_readiness_checks::facts::JvmOptions;

/// Options whose value is the next argument.
const WITH_VALUE: [&str; 7] =
    ["-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--upgrade-module-path"];

/// How the options that matter begin, by what they set.
pub(super) const KINDS: [&[&str]; 4] = [MAX_HEAP, INITIAL_HEAP, CODE_CACHE, ENCODING];
const MAX_HEAP: &[&str] = &["-Xmx", "-XX:MaxHeapSize="];
const INITIAL_HEAP: &[&str] = &["-Xms", "-XX:InitialHeapSize="];
const CODE_CACHE: &[&str] = &["-XX:ReservedCodeCacheSize="];
const ENCODING: &[&str] = &["-Dfile.encoding="];

/// No name of an encoding is longer.
const LONGEST_ENCODING: usize = 40;

/// Reads the arguments of a running machine up to its main class: what follows is not for the machine.
///
/// `Err` names an argument file (`@file`), which may hold any option and is not read.
pub(super) fn parse_arguments(place: String, arguments: &[Vec<u8>]) -> Result<JvmOptions, String> {
    let mut words = arguments.iter().skip(1).map(|argument| String::from_utf8_lossy(argument));
    let mut options = none(place);
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word.as_ref()) {
            words.next();
        } else if word.starts_with('-') {
            add(&mut options, &word);
        } else if word.starts_with('@') {
            return Err(word.into_owned());
        } else {
            break;
        }
    }
    Ok(options)
}

/// Reads options as a start script joins them; quotes left in them are for the shell.
pub(super) fn parse_words(place: String, line: &str) -> JvmOptions {
    let mut options = none(place);
    for word in line.split_whitespace() {
        add(&mut options, &word.replace(['"', '\''], ""));
    }
    options
}

fn none(place: String) -> JvmOptions {
    JvmOptions {
        place,
        max_heap_bytes: None,
        initial_heap_bytes: None,
        code_cache_bytes: None,
        file_encoding: None,
    }
}

/// Takes in one word; of several with the same meaning the machine takes the last.
fn add(options: &mut JvmOptions, word: &str) {
    let value = |kind: &[&str]| kind.iter().find_map(|prefix| word.strip_prefix(prefix));
    let size = |kind: &[&str]| value(kind).and_then(parse_size);
    if let Some(bytes) = size(MAX_HEAP) {
        options.max_heap_bytes = Some(bytes);
    } else if let Some(bytes) = size(INITIAL_HEAP) {
        options.initial_heap_bytes = Some(bytes);
    } else if let Some(bytes) = size(CODE_CACHE) {
        options.code_cache_bytes = Some(bytes);
    } else if let Some(name) = value(ENCODING) {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte);
        if !name.is_empty() && name.len() <= LONGEST_ENCODING && name.bytes().all(known) {
            options.file_encoding = Some(name.to_owned());
        }
    }
}

/// A size with an optional unit; nonsense counts as not set.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().next_back()? {
        (end, 'k' | 'K') => (text.get(..end)?, 1 << 10),
        (end, 'm' | 'M') => (text.get(..end)?, 1 << 20),
        (end, 'g' | 'G') => (text.get(..end)?, 1 << 30),
        (end, 't' | 'T') => (text.get(..end)?, 1 << 40),
        _ => (text, 1),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn arguments(line: &[&str]) -> Vec<Vec<u8>> {
        line.iter().map(|argument| argument.as_bytes().to_vec()).collect()
    }

    #[test]
    fn sizes_have_units_and_nonsense_is_not_set() {
        let rows = [
            ("1073741824", Some(1 << 30)),
            ("1024k", Some(MIB)),
            ("1024K", Some(MIB)),
            ("8192m", Some(8192 * MIB)),
            ("2G", Some(2048 * MIB)),
            ("1t", Some(1 << 40)),
            ("0", None),
            ("", None),
            ("g", None),
            ("-1g", None),
            ("+1g", None),
            ("1.5g", None),
            ("1gb", None),
            ("2 g", None),
            ("99999999999999999999", None),
            ("18446744073709551615t", None),
            ("1\u{663}g", None),
            ("gé", None),
        ];
        for (text, bytes) in rows {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn the_last_of_several_counts_and_what_follows_the_main_class_does_not() {
        let line = arguments(&[
            "/opt/java/bin/java",
            "-Xmx1g",
            "-Xms512m",
            "-Xmx4g",
            "-Xmxnonsense",
            "-XX:ReservedCodeCacheSize=256m",
            "-Dfile.encoding=UTF-8",
            "-classpath",
            "-Xmx5g",
            "-Dpassword=hidden",
            "org.apache.catalina.startup.Bootstrap",
            "-Xmx9g",
            "@file",
            "start",
        ]);
        let options = parse_arguments("process 7".into(), &line).unwrap();
        let expected = JvmOptions {
            place: "process 7".into(),
            max_heap_bytes: Some(4096 * MIB),
            initial_heap_bytes: Some(512 * MIB),
            code_cache_bytes: Some(256 * MIB),
            file_encoding: Some("UTF-8".into()),
        };
        assert_eq!(options, expected);
        let other_spelling = parse_words("x".into(), "-Xmx1g -XX:MaxHeapSize=2g\t-XX:InitialHeapSize=1m");
        assert_eq!(other_spelling.max_heap_bytes, Some(2048 * MIB));
        assert_eq!(other_spelling.initial_heap_bytes, Some(MIB));
    }

    #[test]
    fn little_or_odd_input_gives_no_options() {
        for line in [&[][..], &["java"], &["java", ""], &["java", "-"], &["java", "-Xmx", "-Dfile.encoding="]]
        {
            assert_eq!(parse_arguments("x".into(), &arguments(line)), Ok(none("x".into())), "{line:?}");
        }
        assert_eq!(parse_arguments("x".into(), &[vec![], vec![b'-', 0xff, 0xfe]]), Ok(none("x".into())));
        assert_eq!(
            parse_arguments("x".into(), &arguments(&["java", "@/etc/opts", "Main"])),
            Err("@/etc/opts".into())
        );
        let hostile = format!("-Dfile.encoding={}", "x".repeat(1000));
        for word in [hostile.as_str(), "-Dfile.encoding=<b>", "-Dfile.encoding=a\u{1b}"] {
            assert_eq!(parse_words("x".into(), word).file_encoding, None, "{word:?}");
        }
    }
}
