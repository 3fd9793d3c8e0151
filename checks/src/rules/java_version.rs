//! Does the target run on the Java the service uses, and does anybody still maintain that Java?

use super::support::{Candidate, supported_by_target};
use super::units::in_days;
use super::vocabulary::Vocabulary;
use crate::catalog::{Component, Ruling, Standing};
use crate::facts::{Java, JavaRange, JavaVersion, Missing, Runtime, RuntimeRole, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "java-version",
    title: "A Java the target runs on",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Java],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The Java the service runs on, or would take at its next start: its version beside what the catalog knows of the \
target, and the day its vendor stops maintaining it. A Java that came with the installation is a special case: the \
installer of the target replaces it, so it does not stand in the way. When the target is set up beside the running \
release (`[instance.prepared]`), the Java its own start script accepts counts as the vendor's word.

## Why it matters

On a Java that is too old the new program does not start; on one that is too new it may start and fail later. Which \
Java a line takes was read from the vendor's container images \
(<https://github.com/atlassian/data-center-helm-charts>) and pages, for WSO2 Carbon from the start scripts of the kernel \
(<https://github.com/wso2/carbon-kernel>). An old start script only prints an error and goes on, and the server fails later.

## How to fix it

Install a Java the target supports beside the present one, for instance Eclipse Temurin, and name it in \
`bin/setjre.sh` of the new installation or as `JAVA_HOME` of the service, during the upgrade. Change over before the \
upgrade only when the running release supports it too. Import your own certificates into its `lib/security/cacerts` again.

## What it needs

Read access to the `release` file of the Java and, while the service runs, to its process.

## Settings

`support_warn_days`: how many days before the end of a Java it tells. `java` under `[requirements.\"<line>\"]` answers \
what the catalog does not know.
";

/// Who stands in the `release` file, and the platform of the catalog that is.
///
/// Oracle builds two: the JDK, and the builds on jdk.java.net, which end half a year later and cannot be told apart here.
const IMPLEMENTORS: [(&str, &str); 8] = [
    ("Eclipse Adoptium", "eclipse-temurin"),
    ("Eclipse Foundation", "eclipse-temurin"),
    ("Oracle Corporation", "oracle-jdk"),
    ("Amazon.com Inc.", "amazon-corretto"),
    ("Azul Systems, Inc.", "azul-zulu"),
    ("Red Hat, Inc.", "red-hat-build-of-openjdk"),
    ("Microsoft", "microsoft-build-of-openjdk"),
    ("Microsoft Corporation", "microsoft-build-of-openjdk"),
];

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let java = case.facts.java()?;
    let Some(runtime) = java.in_use() else {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Java,
            what: "the Java the service uses".to_owned(),
            why: "the service does not run, and neither its start scripts nor its installation have one"
                .to_owned(),
        }));
    };
    let version =
        runtime.version.read(Source::Java, &format!("the version of the Java in {}", runtime.home))?;
    let origin = Origin::of(java, runtime);
    let name = format!("Java {}", version.text);
    let by = runtime.implementor.as_ref().map_or_else(String::new, |by| format!(" ({by})"));
    let ruling = case.catalog.ruling(Component::Java, &version.feature.to_string(), case.target.line());
    let takes = if ruling.supported.is_empty() {
        String::new()
    } else {
        format!("; {} {} takes {}", case.facts.product, case.target.line(), ruling.supported.join(", "))
    };
    let script = Script::of(case);
    let by_script = script.as_ref().map_or_else(String::new, |script| format!("; {}", script.says()));
    let evidence =
        format!("{name}{by} in {} is the {} one{takes}{by_script}", runtime.home, runtime.role.name());

    let mut found: Vec<Finding> = maintained(case, runtime, version, origin).into_iter().collect();
    let mut missing = Vec::new();
    match origin {
        Origin::Bundled => found.extend(replaced(case, &ruling, &name)),
        Origin::Own => {
            let by_catalog = supported(case, runtime, version, &name);
            let judged = match script {
                Some(script) => script.judge(case, version, &name, by_catalog),
                None => by_catalog,
            };
            match judged {
                Ok(finding) => found.extend(finding),
                Err(unknown) => missing.push(unknown),
            }
        }
    }
    conclude(evidence, found, missing)
}

/// Where the Java in use came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// With the installation; the next installer brings its own.
    Bundled,
    /// From the administrator, who has to replace it.
    Own,
}

impl Origin {
    fn of(java: &Java, runtime: &Runtime) -> Self {
        if runtime.role == RuntimeRole::Bundled || java.is_bundled(&runtime.home) {
            Self::Bundled
        } else {
            Self::Own
        }
    }
}

fn supported(
    case: &Case<'_>,
    runtime: &Runtime,
    version: &JavaVersion,
    name: &str,
) -> Result<Option<Finding>, Missing> {
    supported_by_target(
        case,
        Candidate {
            component: Component::Java,
            value: &version.feature.to_string(),
            name,
            subject: "java",
            remedy: &format!(
                "Install a Java the target supports beside {}, and name its home {} during the upgrade, before the first \
                 start. Give it to the running {} before that only when the release that runs supports it too.",
                runtime.home,
                Vocabulary::of(case.facts.product).java_home,
                case.facts.product
            ),
        },
    )
}

/// The start script of the new home, which names the Java it accepts.
struct Script {
    place: String,
    range: JavaRange,
}

impl Script {
    /// Only that of the very release that is judged says anything about it.
    fn of(case: &Case<'_>) -> Option<Self> {
        let prepared = case.prepared()?;
        let range = (*prepared.home.java_range.value()?)?;
        let start_script = Vocabulary::of(case.facts.product).start_script;
        Some(Self { place: format!("{}/{start_script}", prepared.place), range })
    }

    fn accepts(&self) -> String {
        match self.range {
            JavaRange { from, to: Some(to) } if from == to => from.to_string(),
            JavaRange { from, to: Some(to) } => format!("{from} to {to}"),
            JavaRange { from, to: None } => format!("{from} and newer"),
        }
    }

    fn says(&self) -> String {
        format!("{} accepts {}", self.place, self.accepts())
    }

    /// What it refuses does not run. What it accepts is as good as a vendor's word, but class files may need more than
    /// the script asks for: what the catalog excludes for sure stays excluded.
    fn judge(
        &self,
        case: &Case<'_>,
        version: &JavaVersion,
        name: &str,
        by_catalog: Result<Option<Finding>, Missing>,
    ) -> Result<Option<Finding>, Missing> {
        let sure = matches!(&by_catalog, Ok(Some(finding)) if finding.severity == Severity::Blocker);
        if sure {
            return by_catalog;
        }
        let JavaRange { from, to } = self.range;
        if version.feature >= from && to.is_none_or(|to| version.feature <= to) {
            return Ok(None);
        }
        Ok(Some(Finding {
            severity: Severity::Blocker,
            subject: "java".to_owned(),
            summary: format!("the start script of {} does not accept {name}", case.target.version),
            observed: name.to_owned(),
            required: format!("Java {}, by {}", self.accepts(), self.place),
            remedy: format!(
                "Install a Java the script accepts beside the present one, and name its home {} before the first start \
                 of the new release.",
                Vocabulary::of(case.facts.product).java_home
            ),
        }))
    }
}

/// The Java of the installation does not stand in the way, whatever the target thinks of it.
fn replaced(case: &Case<'_>, ruling: &Ruling, name: &str) -> Option<Finding> {
    let (product, target) = (case.facts.product, &case.target.version);
    if ruling.standing == Standing::Supported {
        return None;
    }
    let required = if ruling.supported.is_empty() {
        "the Java the installer brings".to_owned()
    } else {
        format!("Java {}", ruling.supported.join(" or "))
    };
    Some(Finding {
        severity: Severity::Notice,
        subject: "java".to_owned(),
        summary: format!("{name} came with the installation; the installer of {product} {target} replaces it"),
        observed: name.to_owned(),
        required,
        remedy: "With the installer nothing needs to be done, except to import your own certificates into the new \
                 cacerts. When you unpack the archive instead, install a Java the target supports first and set \
                 JAVA_HOME."
            .to_owned(),
    })
}

fn maintained(case: &Case<'_>, runtime: &Runtime, version: &JavaVersion, origin: Origin) -> Option<Finding> {
    let implementor = runtime.implementor.as_deref()?;
    let (_, platform) =
        IMPLEMENTORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(implementor.trim()))?;
    let cycle = case.catalog.cycle(platform, &version.feature.to_string())?;
    let end = cycle.end_of_life?;
    let left = case.days_until(end);
    if left > i64::from(case.policy.support_warn_days) {
        return None;
    }
    let severity = match origin {
        Origin::Own if left < 0 => Severity::Warning,
        Origin::Own | Origin::Bundled => Severity::Notice,
    };
    let extended = cycle.extended_end.map_or_else(String::new, |day| format!("; paid support until {day}"));
    let verb = if left < 0 { "maintained no longer since" } else { "maintained only until" };
    Some(Finding {
        severity,
        subject: "java-support".to_owned(),
        summary: format!("Java {} of {implementor} is {verb} {end}, {}", version.feature, in_days(left)),
        observed: format!("Java {}, end of support: {end}{extended}", version.text),
        required: "a Java that gets security fixes".to_owned(),
        remedy: match origin {
            Origin::Own => {
                "Change over to a newer Java that the target supports, or to a vendor who maintains this \
                            one for longer."
                    .to_owned()
            }
            Origin::Bundled => {
                "The installer of the target brings its own Java. Nothing else needs to be done.".to_owned()
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{self, Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Row, days_after, java, judges, look, unread};

    /// The golden instance with one Java of its own.
    fn with(feature: u32, by: &str, target: &str) -> Golden {
        let mut golden = golden().to(target);
        java(&mut golden).runtimes = vec![Runtime {
            role: RuntimeRole::Configured,
            home: "/usr/lib/jvm/java".into(),
            version: Field::Read(JavaVersion { feature, text: format!("{feature}.0.1") }),
            implementor: (!by.is_empty()).then(|| by.to_owned()),
        }];
        golden
    }

    fn bundled(mut golden: Golden) -> Golden {
        let runtimes = &mut java(&mut golden).runtimes;
        runtimes.push(Runtime { role: RuntimeRole::Bundled, ..runtimes[0].clone() });
        runtimes[0].role = RuntimeRole::Running;
        golden
    }

    const B: (Severity, &str) = (Severity::Blocker, "java");
    const W: (Severity, &str) = (Severity::Warning, "java");
    const N: (Severity, &str) = (Severity::Notice, "java");

    #[test]
    fn an_own_java_must_be_supported_by_the_target() {
        let rows: Vec<Row> = vec![
            (golden(), Ready, &[]),
            (with(17, "", "9.2.10"), Ready, &[]),
            (with(11, "", "9.2.10"), Blocked, &[B]),
            (with(8, "", "9.2.10"), Blocked, &[B]),
            (with(21, "", "9.2.10"), Warning, &[W]),
            (with(17, "", "10.2.1"), Warning, &[W]),
            (with(11, "", "10.2.1"), Blocked, &[B]),
            (with(21, "", "77.0.0"), Unknown, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn the_java_of_the_installation_is_replaced() {
        let rows: Vec<Row> = vec![
            (bundled(with(17, "", "9.2.10")), Ready, &[]),
            (bundled(with(11, "", "9.2.10")), Ready, &[N]),
            (bundled(with(17, "", "10.2.1")), Ready, &[N]),
            (bundled(with(17, "", "77.0.0")), Ready, &[N]),
        ];
        judges(&CHECK, rows);
        let mut elsewhere = bundled(with(11, "", "9.2.10"));
        java(&mut elsewhere).runtimes[1].home = "/opt/atlassian/confluence/jre".into();
        assert_eq!(
            look(&CHECK, &elsewhere).verdict,
            Blocked,
            "the running one is another than the bundled one"
        );
    }

    #[test]
    fn a_java_nobody_maintains_is_told() {
        const PAST: (Severity, &str) = (Severity::Warning, "java-support");
        const SOON: (Severity, &str) = (Severity::Notice, "java-support");
        let end = golden().catalog.cycle("eclipse-temurin", "17").unwrap().end_of_life.unwrap();
        let late = |days| Golden { now: days_after(end, days).now, ..with(17, "Eclipse Adoptium", "9.2.10") };
        let rows: Vec<Row> = vec![
            (with(17, "eclipse adoptium ", "9.2.10"), Ready, &[]),
            (late(-181), Ready, &[]),
            (late(-180), Ready, &[SOON]),
            (late(0), Ready, &[SOON]),
            (late(1), Warning, &[PAST]),
            (with(11, "Oracle Corporation", "8.5.4"), Warning, &[PAST]),
            (bundled(with(11, "Oracle Corporation", "8.5.4")), Ready, &[SOON]),
            (with(17, "Acme's own build", "9.2.10"), Ready, &[]),
            (with(17, "", "9.2.10"), Ready, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn a_java_that_was_not_found_is_unknown() {
        let mut golden = golden();
        java(&mut golden).runtimes[0].version = unread();
        assert_eq!(look(&CHECK, &golden).verdict, Unknown, "another runtime's version is no answer");
        java(&mut golden).runtimes.clear();
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
    }

    #[test]
    fn every_implementor_is_in_the_catalog() {
        for (implementor, platform) in IMPLEMENTORS {
            assert!(golden().catalog.cycle(platform, "17").is_some(), "{implementor}");
        }
    }

    fn carbon_on(feature: u32) -> Golden {
        let mut golden = crate::golden::golden_carbon();
        for runtime in &mut java(&mut golden).runtimes {
            runtime.version = Field::Read(JavaVersion { feature, text: format!("{feature}.0.1") });
        }
        golden
    }

    fn script(golden: &mut Golden, from: u32, to: Option<u32>) {
        crate::rules::testing::prepared(golden).home.java_range = Field::Read(Some(JavaRange { from, to }));
    }

    #[test]
    fn the_start_script_of_the_new_home_is_evidence_for_its_own_release() {
        let severity = |golden: &Golden| {
            let seen = look(&CHECK, golden);
            (seen.verdict, seen.findings.iter().map(|finding| finding.severity).max())
        };
        assert_eq!(severity(&carbon_on(8)).0, Verdict::Ready);
        // The catalog excludes it, whatever a script says.
        let mut eleven = carbon_on(11);
        script(&mut eleven, 8, None);
        assert_eq!(severity(&eleven), (Verdict::Blocked, Some(Severity::Blocker)));
        // The script refuses what the catalog takes.
        let mut eight = carbon_on(8);
        script(&mut eight, 11, Some(17));
        let seen = look(&CHECK, &eight);
        assert_eq!(seen.verdict, Verdict::Blocked, "{}", seen.text());
        assert!(
            seen.text().contains("Java 11 to 17, by /opt/wso2/wso2carbon-4.4.7/bin/wso2server.sh"),
            "{}",
            seen.text()
        );
        // It settles what the catalog does not know, and only for its own release.
        let mut unheard = carbon_on(8);
        unheard.catalog = crate::rules::testing::catalog("");
        assert_eq!(severity(&unheard).0, Verdict::Ready);
        script(&mut unheard, 21, None);
        assert_eq!(severity(&unheard).0, Verdict::Blocked);
        crate::rules::testing::prepared(&mut unheard).version = Field::Read("4.4.8".parse().unwrap());
        assert_eq!(severity(&unheard).0, Verdict::Unknown);
        let mut unread = carbon_on(8);
        unread.catalog = crate::rules::testing::catalog("");
        crate::rules::testing::prepared(&mut unread).home.java_range = crate::rules::testing::unread();
        assert_eq!(severity(&unread).0, Verdict::Unknown);
    }
}
