//! WSO2 Carbon: do the places that state a version agree, and is everything in effect that was put there?

use super::keep;
use crate::facts::{CarbonHome, Installation, Missing, Prepared, Source, Statement, StatementOf};
use crate::model::{Case, Finding, Judgement, Severity, Undecided, conclude};
use crate::rules::wording::{counted, excerpt, first_few};
use crate::version::ProductVersion;

pub(super) fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let (mut found, mut missing, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    match case.facts.installation() {
        Ok(installation) => {
            if let Some(home) = keep(running(installation), &mut missing) {
                home.look(&mut seen, &mut found, &mut missing);
            }
        }
        Err(not_seen) => missing.push(not_seen),
    }
    match case.facts.rehearsal().map(|rehearsal| rehearsal.prepared.as_ref()) {
        // None is set up, or none is named: there is nothing that could have been copied.
        Ok(None) => {}
        Ok(Some(prepared)) => {
            let what = "the home that is set up beside the running one";
            if let Some(prepared) = keep(prepared.read(Source::Rehearsal, what), &mut missing) {
                Home::of_prepared(prepared).look(&mut seen, &mut found, &mut missing);
            }
        }
        Err(not_seen) => missing.push(not_seen),
    }
    conclude(seen.join("; "), found, missing)
}

/// A product home that is looked at.
struct Home<'a> {
    /// Begins the subjects of its findings: empty for the running one.
    subject: &'static str,
    place: &'a str,
    source: Source,
    statements: &'a [Statement],
    carbon: &'a CarbonHome,
    /// What a wrong version in the configuration amounts to: the running server works with it, the new one must not
    /// begin with it.
    copied: Severity,
}

fn running(installation: &Installation) -> Result<Home<'_>, Missing> {
    let Installation { installation_dir, statements, carbon, .. } = installation;
    let carbon = carbon.as_deref().ok_or_else(|| Missing::Unread {
        of: Source::Installation,
        what: format!("the product home {installation_dir}"),
        why: "nothing in it was recognised as that of a Carbon product".to_owned(),
    })?;
    Ok(Home {
        subject: "",
        place: installation_dir,
        source: Source::Installation,
        statements,
        carbon,
        copied: Severity::Warning,
    })
}

impl<'a> Home<'a> {
    fn of_prepared(prepared: &'a Prepared) -> Self {
        let Prepared { place, statements, home, .. } = prepared;
        Self {
            subject: "new-",
            place,
            source: Source::Rehearsal,
            statements,
            carbon: home,
            copied: Severity::Blocker,
        }
    }

    fn look(&self, seen: &mut Vec<String>, found: &mut Vec<Finding>, missing: &mut Vec<Missing>) {
        let kernel = keep(self.stated(StatementOf::BundleVersion), missing);
        let text = keep(self.stated(StatementOf::KernelVersion), missing);
        let program = keep(self.stated(StatementOf::ProgramVersion), missing);
        let configured = keep(self.stated(StatementOf::ConfiguredVersion), missing);
        found.extend(kernel.zip(text).and_then(|(bundle, text)| self.kernels_differ(bundle, text)));
        found.extend(program.zip(configured).and_then(|(program, configured)| {
            // An unbuilt file states nothing; that is a finding of its own.
            (!is_placeholder(configured.0)).then(|| self.copied(program, configured)).flatten()
        }));
        if let Some((version, _)) = kernel.or(text) {
            seen.push(format!("{} states kernel {} in every place", self.place, excerpt(version)));
        }
        if let Some(files) =
            keep(self.carbon.placeholders.read(self.source, &self.what("placeholders")), missing)
        {
            found.extend(self.placeholders(files));
        }
        if let Some(patches) = keep(self.carbon.patches.read(self.source, &self.what("patches")), missing) {
            let waiting: Vec<&str> =
                patches.present.difference(&patches.applied).map(String::as_str).collect();
            found.extend(self.not_applied(&waiting));
            found.extend(self.not_effective(&patches.not_effective));
        }
    }

    fn what(&self, of: &str) -> String {
        format!("the {of} of {}", self.place)
    }

    /// A version and the file that states it.
    fn stated(&self, of: StatementOf) -> Result<(&'a str, &'a str), Missing> {
        let name = match of {
            StatementOf::ProgramVersion => "version of the product",
            StatementOf::KernelVersion => "version of the kernel",
            StatementOf::ConfiguredVersion => "version in the configuration",
            StatementOf::BundleVersion => "version of the kernel's own bundle",
            StatementOf::HomeBuild | StatementOf::SharedHomeBuild => "build",
        };
        let what = self.what(name);
        let statement = self.statements.iter().find(|statement| statement.of == of).ok_or_else(|| {
            Missing::Unread { of: self.source, what: what.clone(), why: "no file states it".to_owned() }
        })?;
        let says = statement.says.read(self.source, &what)?;
        Ok((says, &statement.place))
    }

    fn finding(&self, severity: Severity, subject: &str, summary: String, texts: [String; 3]) -> Finding {
        let [observed, required, remedy] = texts;
        let subject = format!("{}{subject}", self.subject);
        Finding { severity, subject, summary, observed, required, remedy }
    }

    /// The bundle's version is the only one nobody edits by hand.
    fn kernels_differ(&self, bundle: (&str, &str), text: (&str, &str)) -> Option<Finding> {
        (!same(bundle.0, text.0)).then(|| {
            self.finding(
                Severity::Blocker,
                "kernel-version",
                format!("{} is a mixture of two releases of the kernel", self.place),
                [
                    format!("{} in {}, {} in {}", excerpt(bundle.0), bundle.1, excerpt(text.0), text.1),
                    "the same version of the kernel in both".to_owned(),
                    format!(
                        "Find out what was copied over {}: as a rule one release was unpacked over another. Unpack the \
                         release anew beside it and carry over what is your own.",
                        self.place
                    ),
                ],
            )
        })
    }

    /// Seen in the field: the console and the log of the new release showed the old number (product-is issue 782).
    fn copied(&self, program: (&str, &str), configured: (&str, &str)) -> Option<Finding> {
        (!same(program.0, configured.0)).then(|| {
            self.finding(
                self.copied,
                "configuration-copied",
                "the configuration states another release than the program: it was copied over".to_owned(),
                [
                    format!(
                        "{} in {}, {} in {}",
                        excerpt(configured.0),
                        configured.1,
                        excerpt(program.0),
                        program.1
                    ),
                    format!("{} in both; the guide forbids to copy configuration", excerpt(program.0)),
                    format!(
                        "Take repository/conf of {} from the vendor's archive and do your own changes in it again \
                         (`agent explain configuration-drift`); correcting the number alone leaves new options out.",
                        excerpt(program.0)
                    ),
                ],
            )
        })
    }

    fn placeholders(&self, files: &[String]) -> Option<Finding> {
        let count = files.len() as u64;
        (count > 0).then(|| {
            self.finding(
                self.copied,
                "placeholders",
                format!("{} with placeholders of the vendor's build", counted(count, "configuration file")),
                [
                    first_few(files.iter().map(String::as_str), count),
                    "files of a release that was built".to_owned(),
                    "Replace them by those of the release's archive: they were taken from its sources."
                        .to_owned(),
                ],
            )
        })
    }

    fn not_applied(&self, waiting: &[&str]) -> Option<Finding> {
        let count = waiting.len() as u64;
        (count > 0).then(|| {
            self.finding(
                Severity::Warning,
                "patches-waiting",
                format!("{} not applied: the server was not started since", was(count)),
                [
                    first_few(waiting.iter().copied(), count),
                    "every patch in patches/.metadata/prePatchedDir.txt, or not there at all".to_owned(),
                    format!(
                        "Restart the server of {} to apply them and see repository/logs/patches.log, or remove what \
                         nobody needs. Patches are made for one release: get those for the target from the vendor and \
                         never copy these.",
                        self.place
                    ),
                ],
            )
        })
    }

    fn not_effective(&self, files: &[String]) -> Option<Finding> {
        let count = files.len() as u64;
        (count > 0).then(|| {
            self.finding(
                Severity::Warning,
                "patches-not-effective",
                format!("{} of patches not in effect: the bundle beside it is another", counted(count, "file")),
                [
                    first_few(files.iter().map(String::as_str), count),
                    "the file of the patch in repository/components/plugins".to_owned(),
                    format!(
                        "Restart the server of {} and look again; a file that stays different was replaced after the \
                         patch was applied (repository/logs/patches.log tells).",
                        self.place
                    ),
                ],
            )
        })
    }
}

fn was(count: u64) -> String {
    format!("{} {}", counted(count, "patch"), if count == 1 { "was" } else { "were" })
        .replace("patchs", "patches")
}

/// `4.4.7` of a text file and `4.4.7.1` of a bundle with updates are the same release.
fn same(one: &str, other: &str) -> bool {
    let release = |text: &str| -> Option<ProductVersion> {
        let numbers: Vec<&str> = text.trim().split('.').take(3).collect();
        numbers.join(".").parse().ok()
    };
    match (release(one), release(other)) {
        (Some(one), Some(other)) => one == other,
        (_, _) => one.trim() == other.trim(),
    }
}

fn is_placeholder(version: &str) -> bool {
    version.contains("${") || version.contains('@')
}

#[cfg(test)]
mod tests {
    use super::super::CHECK;
    use super::*;
    use crate::facts::{Field, Patches};
    use crate::golden::{Golden, golden_carbon};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, carbon, installation, judges_spoilt_from, prepared, read, unread};

    const B: Severity = Severity::Blocker;
    const W: Severity = Severity::Warning;

    fn says(statements: &mut [Statement], of: StatementOf) -> &mut Field<String> {
        &mut statements.iter_mut().find(|statement| statement.of == of).unwrap().says
    }

    fn running_says(golden: &mut Golden, of: StatementOf, version: &str) {
        *says(&mut installation(golden).statements, of) = Field::Read(version.into());
    }

    fn new_says(golden: &mut Golden, of: StatementOf, version: &str) {
        *says(&mut prepared(golden).statements, of) = Field::Read(version.into());
    }

    fn patched(patches: &mut Patches, present: &[&str], applied: &[&str]) {
        patches.present = present.iter().map(ToString::to_string).collect();
        patches.applied = applied.iter().map(ToString::to_string).collect();
    }

    #[test]
    fn versions_agree_nothing_is_copied_and_patches_are_in_effect() {
        use StatementOf::{BundleVersion, ConfiguredVersion, KernelVersion, ProgramVersion};
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("an updated bundle", |g| running_says(g, BundleVersion, "4.4.6.3"), Ready, &[]),
            (
                "configuration copied into the new home",
                |g| new_says(g, ConfiguredVersion, "4.4.6"),
                Blocked,
                &[(B, "new-configuration-copied")],
            ),
            (
                "configuration copied long ago",
                |g| running_says(g, ConfiguredVersion, "4.4.5"),
                Warning,
                &[(W, "configuration-copied")],
            ),
            ("a mixture", |g| running_says(g, BundleVersion, "4.4.7"), Blocked, &[(B, "kernel-version")]),
            ("a new mixture", |g| new_says(g, KernelVersion, "4.4.6"), Blocked, &[(B, "new-kernel-version")]),
            ("blanks", |g| running_says(g, ProgramVersion, " 4.4.6\n"), Ready, &[]),
            (
                "a version nobody can read",
                |g| running_says(g, ConfiguredVersion, "<html>"),
                Warning,
                &[(W, "configuration-copied")],
            ),
            (
                "a statement unread",
                |g| *says(&mut installation(g).statements, KernelVersion) = unread(),
                Unknown,
                &[],
            ),
            (
                "a new statement unread",
                |g| *says(&mut prepared(g).statements, ConfiguredVersion) = unread(),
                Unknown,
                &[],
            ),
            ("no statement", |g| installation(g).statements.clear(), Unknown, &[]),
            (
                "placeholders in the new home",
                |g| {
                    new_says(g, ConfiguredVersion, "${carbon.version}");
                    *read(&mut prepared(g).home.placeholders) = vec!["repository/conf/carbon.xml".into()];
                },
                Blocked,
                &[(B, "new-placeholders")],
            ),
            (
                "placeholders in the running home",
                |g| *read(&mut carbon(g).placeholders) = vec!["repository/conf/axis2/axis2.xml".into()],
                Warning,
                &[(W, "placeholders")],
            ),
            ("placeholders unread", |g| carbon(g).placeholders = unread(), Unknown, &[]),
            (
                "a patch not applied",
                |g| patched(read(&mut carbon(g).patches), &["patch0001", "patch0002"], &["patch0001"]),
                Warning,
                &[(W, "patches-waiting")],
            ),
            (
                "patches applied",
                |g| patched(read(&mut carbon(g).patches), &["patch0001"], &["patch0001"]),
                Ready,
                &[],
            ),
            (
                "a patch not in effect",
                |g| {
                    read(&mut carbon(g).patches).not_effective =
                        vec!["repository/components/plugins/org.wso2.carbon.core_4.4.6.jar".into()];
                },
                Warning,
                &[(W, "patches-not-effective")],
            ),
            ("patches unread", |g| carbon(g).patches = unread(), Unknown, &[]),
            ("patches of the new home unread", |g| prepared(g).home.patches = unread(), Unknown, &[]),
            ("no new home", |g| crate::rules::testing::rehearsal(g).prepared = None, Ready, &[]),
            (
                "the new home unread",
                |g| crate::rules::testing::rehearsal(g).prepared = Some(unread()),
                Unknown,
                &[],
            ),
            ("not a home", |g| installation(g).carbon = None, Unknown, &[]),
            ("no installation", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
            (
                "no installation, and copied",
                |g| {
                    g.facts.switch_off(Source::Installation);
                    new_says(g, ConfiguredVersion, "4.4.6");
                },
                Blocked,
                &[(B, "new-configuration-copied")],
            ),
            ("no rehearsal", |g| g.facts.switch_off(Source::Rehearsal), Unknown, &[]),
        ];
        judges_spoilt_from(&CHECK, golden_carbon, rows);
    }

    #[test]
    fn patches_are_counted_as_people_count() {
        assert_eq!((was(1).as_str(), was(2).as_str()), ("1 patch was", "2 patches were"));
    }
}
