//! Does the service read and write text as UTF-8?

use std::collections::BTreeMap;

use super::vocabulary::Vocabulary;
use crate::facts::{Java, Missing, ServiceProcess, Source};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "locale-encoding",
    title: "Text as UTF-8",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Host, Source::Java],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The encoding the service's Java uses for text: `-Dfile.encoding` among its options; where that is not set, UTF-8 from \
Java 18 on (<https://openjdk.org/jeps/400>), and before that the locale in the environment of the running process \
(`LC_ALL`, else `LC_CTYPE`, else `LANG`).

## Why it matters

With another encoding, characters beyond ASCII in attachments' names, exports and mails are damaged for good, and the \
upgrade rewrites much of that data. Services started by systemd get no locale unless the unit sets one, so an upgrade that \
replaces a start script may change it unnoticed.

## How to fix it

Add `-Dfile.encoding=UTF-8` to `CATALINA_OPTS` in `bin/setenv.sh` (WSO2 Carbon: to `bin/wso2server.sh`), or `Environment=LANG=C.UTF-8` to the service's unit, and \
restart the service. Carry it over to the new installation.

## What it needs

Read access to the options of Java, and for the locale a running service and the right to read its \
`/proc/<pid>/environ`: the agent under the service's own user, or with `CAP_SYS_PTRACE`.

## Settings

None.
";

/// From this Java on the default is UTF-8, whatever the locale: <https://openjdk.org/jeps/400>.
const UTF8_BY_DEFAULT: u32 = 18;

/// The value of `file.encoding` that asks a newer Java to go by the locale again.
const BY_LOCALE: &str = "COMPAT";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let java = case.facts.java()?;
    let options = java.options.read(Source::Java, "the options of Java")?;
    let place = options.place.as_str();
    match options.file_encoding.as_deref().map(str::trim) {
        Some(set) if is_utf8(set) => Ok(Judgement::ready(format!("-Dfile.encoding={set} is set in {place}"))),
        Some(set) if !set.eq_ignore_ascii_case(BY_LOCALE) => {
            let finding = not_utf8(case, "file-encoding", &format!("-Dfile.encoding={set} in {place}"));
            Ok(Judgement::new(format!("-Dfile.encoding is set in {place}"), vec![finding]))
        }
        Some(_) => by_locale(case),
        None => match feature(java) {
            Ok(feature) if feature >= UTF8_BY_DEFAULT => {
                Ok(Judgement::ready(format!("Java {feature} takes UTF-8 where nothing else is set")))
            }
            Ok(_) => by_locale(case),
            // With the right locale the version does not matter.
            Err(missing) => match by_locale(case) {
                Ok(judgement) if judgement.findings.is_empty() => Ok(judgement),
                Ok(_) | Err(_) => Err(missing.into()),
            },
        },
    }
}

fn feature(java: &Java) -> Result<u32, Missing> {
    let what = "the version of the Java the service uses";
    match java.in_use() {
        Some(runtime) => runtime.version.read(Source::Java, what).map(|version| version.feature),
        None => {
            Err(Missing::Unread { of: Source::Java, what: what.to_owned(), why: "none was found".to_owned() })
        }
    }
}

fn by_locale(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let service = case.facts.host()?.service.read(Source::Host, "the process of the service")?;
    let Some(ServiceProcess { pid, locale, .. }) = service else {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Host,
            what: "the locale of the service".to_owned(),
            why: format!(
                "it does not run, and -Dfile.encoding is not set; start it, or set -Dfile.encoding=UTF-8 in \
                 {}",
                Vocabulary::of(case.facts.product).java_options_in("")
            ),
        }));
    };
    let locale = locale.read(Source::Host, "the locale of the service")?;
    let Some((name, value)) = in_force(locale) else {
        let seen = format!("no locale in the environment of process {pid}, which means ASCII");
        return Ok(Judgement::new(seen.clone(), vec![not_utf8(case, "locale", &seen)]));
    };
    let evidence = format!("{name}={value} in the environment of process {pid}");
    let charset = value.split_once('.').map(|(_, rest)| rest.split('@').next().unwrap_or_default());
    let found =
        if charset.is_some_and(is_utf8) { Vec::new() } else { vec![not_utf8(case, "locale", &evidence)] };
    Ok(Judgement::new(evidence, found))
}

/// The variable that decides, as the C library looks for it; an empty one counts as not set.
fn in_force(locale: &BTreeMap<String, String>) -> Option<(&'static str, &str)> {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| Some((name, locale.get(name)?.trim())))
        .find(|(_, value)| !value.is_empty())
}

fn is_utf8(name: &str) -> bool {
    name.eq_ignore_ascii_case("UTF-8") || name.eq_ignore_ascii_case("UTF8")
}

fn not_utf8(case: &Case<'_>, subject: &str, observed: &str) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: subject.to_owned(),
        summary: "The service does not read and write text as UTF-8".to_owned(),
        observed: observed.to_owned(),
        required: "UTF-8".to_owned(),
        remedy: format!(
            "Add -Dfile.encoding=UTF-8 to {} and Environment=LANG=C.UTF-8 to the unit of the service (`systemctl edit`), \
             restart it, and carry both over to the new installation.",
            Vocabulary::of(case.facts.product).java_options_in("")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Ready, Unknown, Warning};
    use crate::rules::testing::{Row, Spoil, host, java, judges, judges_spoilt, read, service, unread};

    fn with(file_encoding: Option<&str>, feature: u32, locale: &[(&str, &str)]) -> Golden {
        let mut golden = golden();
        read(&mut java(&mut golden).options).file_encoding = file_encoding.map(ToOwned::to_owned);
        for runtime in &mut java(&mut golden).runtimes {
            read(&mut runtime.version).feature = feature;
        }
        let locale = locale.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        service(&mut golden).locale = Field::Read(locale);
        golden
    }

    #[test]
    fn the_option_then_the_version_then_the_locale_decide() {
        const N: (Severity, &str) = (Severity::Warning, "locale");
        const E: (Severity, &str) = (Severity::Warning, "file-encoding");
        let utf8 = [("LANG", "de_DE.UTF-8")];
        let rows: Vec<Row> = vec![
            (with(Some("UTF-8"), 8, &[]), Ready, &[]),
            (with(Some("utf8"), 8, &[]), Ready, &[]),
            (with(Some("ISO-8859-1"), 21, &utf8), Warning, &[E]),
            (with(Some(""), 21, &utf8), Warning, &[E]),
            (with(Some("ANSI_X3.4-1968"), 17, &utf8), Warning, &[E]),
            (with(Some("COMPAT"), 21, &utf8), Ready, &[]),
            (with(Some("COMPAT"), 21, &[]), Warning, &[N]),
            (with(None, 18, &[]), Ready, &[]),
            (with(None, 17, &[]), Warning, &[N]),
            (with(None, 17, &utf8), Ready, &[]),
            (with(None, 11, &[("LANG", "C.utf8")]), Ready, &[]),
            (with(None, 11, &[("LANG", "de_DE.utf-8@euro")]), Ready, &[]),
            (with(None, 11, &[("LANG", "C")]), Warning, &[N]),
            (with(None, 11, &[("LANG", "POSIX")]), Warning, &[N]),
            (with(None, 11, &[("LANG", "de_DE")]), Warning, &[N]),
            (with(None, 11, &[("LANG", "de_DE.ISO-8859-15@euro")]), Warning, &[N]),
            (with(None, 11, &[("LANG", "")]), Warning, &[N]),
            (with(None, 11, &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]), Warning, &[N]),
            (with(None, 11, &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "")]), Ready, &[]),
            (with(None, 11, &[("LANG", "C"), ("LC_CTYPE", "C.UTF-8")]), Ready, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn what_was_not_read_is_unknown_only_where_it_decides() {
        let rows: &[Spoil] = &[
            ("locale", |g| service(g).locale = unread(), Unknown, &[]),
            ("no service", |g| host(g).service = Field::Read(None), Unknown, &[]),
            ("service", |g| host(g).service = unread(), Unknown, &[]),
            ("options", |g| java(g).options = unread(), Unknown, &[]),
            ("version, with a good locale", |g| java(g).runtimes.clear(), Ready, &[]),
            (
                "version, without a locale",
                |g| {
                    java(g).runtimes.clear();
                    service(g).locale = Field::Read(BTreeMap::new());
                },
                Unknown,
                &[],
            ),
            (
                "locale, with the option",
                |g| {
                    service(g).locale = unread();
                    read(&mut java(g).options).file_encoding = Some("UTF-8".into());
                },
                Ready,
                &[],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
