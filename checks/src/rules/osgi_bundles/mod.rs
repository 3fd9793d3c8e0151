//! Will the bundles people put into a Carbon product find what they need in the target?

mod findings;
mod resolve;
#[cfg(test)]
mod tests;

use super::wording::counted;
use crate::catalog::{Component, Confidence, Standing};
use crate::facts::{Bundle, BundleKind, Bundles, Family, Field, Missing, Offered, Offerer, Product, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};
use crate::osgi::{Version, VersionRange};
use resolve::{Judged, Met, Resolver, judged};

pub(super) static CHECK: Check = Check {
    id: "osgi-bundles",
    title: "Bundles that resolve in the target",
    category: Category::Plugins,
    products: Products::Only(&[Family::Carbon]),
    reads: &[Source::Plugins],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The jars people put into `dropins`, `lib` and `extensions` of `repository/components`, and what the home of the new \
release offers them: the packages and bundles its own jars export, those of its `lib` and `extensions`, and the packages \
of Java its `launch.ini` passes on. Versions are compared as OSGi does: a single version such as `4.4.6` is a lower \
bound without an upper one, and a qualifier is a text, so `wso2v9` comes after `wso2v15`. A bundle that is in the new \
home already is judged in place of its namesake in the running one.

| seen | finding |
|---|---|
| nobody offers a package or bundle that is needed | blocker |
| it is offered in other versions only | blocker |
| only another bundle of people offers it | notice: carry both over |
| the manifest demands a newer Java than the target takes | blocker when the catalog is sure, else warning |
| classes are compiled for a newer Java than the target takes | warning |
| a capability is required (`Require-Capability`) | warning: it is not evaluated, a start on staging tells |
| `bundles.info` has a line the product stumbles over | warning: it then passes over all of `dropins` |
| the new home has jars that a product made itself, without what they are made from | warning |
| a jar in `dropins` that is no bundle | notice: the product passes it over |

Out of reach of a look at jars: which of several exporters a bundle is wired to (`uses` constraints), two versions of a \
singleton, dynamic imports, and whether the classes and methods inside a package are still the same. Only a start on \
staging shows these.

## Why it matters

A bundle that does not resolve is not started: the server comes up without it, with one line in the log. Kernel bundles \
of 4.4 export their packages in the version of the kernel, so a range such as `[4.4.6,4.5.0)` holds for 4.4.7 and for \
nothing from 4.5.0 on. The vendor asks to rebuild custom bundles for each new release: \
<https://is.docs.wso2.com/en/latest/deploy/upgrade/prepare-for-migration/>.

## How to fix it

Build the bundle against the jars of the target and put it into `dropins` of the new home. Copy the plain jars of `lib` \
and `extensions`, and not what the product makes of them in `dropins` at each start.

## What it needs

The new release set up beside the running one, as `home` under `[instance.prepared]`; read access to \
`repository/components` of both homes and to `repository/conf/etc/launch.ini` of the new one. With an untouched copy of \
the installed release as a directory (`pristine` under `[instance.files]`) the vendor's own jars in `dropins` and `lib` \
are told from those of people.

## Settings

`java` under `[requirements.\"<line>\"]` answers which Java the target takes.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let bundles = case.facts.plugins()?.bundles.as_deref().ok_or_else(|| Missing::Unread {
        of: Source::Plugins,
        what: "the bundles of people".to_owned(),
        why: "the agent that took these facts did not look for them".to_owned(),
    })?;
    let offered = bundles.offered.read(Source::Plugins, "what the new release offers").map(Option::as_ref);
    let beside = offered.as_ref().ok().copied().flatten();
    // What stands in a home of another release takes the place of nothing.
    let of_target = beside.filter(|offered| offered.version.value() == Some(&case.target.version));
    let judged = judged(&bundles.custom, of_target);
    let mut look = Look { case, bundles, judged, found: Vec::new(), missing: Vec::new() };
    look.missing.extend(offered.as_ref().err().cloned());
    look.at_lists(beside);
    look.at_what_cannot_be_judged();
    look.at_java();
    let evidence = look.evidence(beside);
    if look.judged.iter().any(|judged| needs_anything(judged.bundle)) {
        match look.usable(offered) {
            Ok(offered) => look.at_needs(offered),
            Err(missing) => {
                look.missing.push(missing);
                look.at_the_line_of_the_kernel();
            }
        }
    }
    conclude(evidence, look.found, look.missing)
}

fn needs_anything(bundle: &Bundle) -> bool {
    !bundle.imports.is_empty() || !bundle.requires.is_empty()
}

struct Look<'a> {
    case: &'a Case<'a>,
    bundles: &'a Bundles,
    judged: Vec<Judged<'a>>,
    found: Vec<Finding>,
    missing: Vec<Missing>,
}

impl<'a> Look<'a> {
    fn evidence(&self, offered: Option<&Offered>) -> String {
        let count = |kinds: &[BundleKind]| {
            self.judged.iter().filter(|judged| kinds.contains(&judged.bundle.kind)).count() as u64
        };
        let (dropins, plain) =
            (count(&[BundleKind::Dropin]), count(&[BundleKind::Library, BundleKind::Extension]));
        if dropins + plain == 0 {
            return format!("nobody put a bundle or a jar into {}", self.bundles.place);
        }
        let beside = offered.map_or_else(String::new, |offered| {
            format!(" beside the {} of {}", counted(offered.read, "jar"), offered.place)
        });
        format!(
            "{} and {} of people, of {}{beside}",
            counted(dropins, "bundle"),
            counted(plain, "plain jar"),
            self.bundles.place
        )
    }

    /// The new home, when it is that of the target.
    fn usable(&self, offered: Result<Option<&'a Offered>, Missing>) -> Result<&'a Offered, Missing> {
        let target = &self.case.target.version;
        let Some(offered) = offered? else {
            return Err(Missing::NotConfigured {
                of: Source::Plugins,
                what: format!("a home of {} {target}, which tells what it offers,", self.case.facts.product),
                how: "set it up beside the running one and name it as home under [instance.prepared]"
                    .to_owned(),
            });
        };
        let version = offered.version.read(Source::Plugins, "the version of the new home")?;
        if version == target {
            return Ok(offered);
        }
        Err(Missing::NotConfigured {
            of: Source::Plugins,
            what: format!("a home of {} {target}, which tells what it offers,", self.case.facts.product),
            how: format!("the prepared home {} is {version}; name one of {target} there", offered.place),
        })
    }

    /// The lists the product starts from, and what a product made itself.
    fn at_lists(&mut self, offered: Option<&Offered>) {
        let running = self.bundles.list_defects.read(Source::Plugins, "bundles.info of the running home");
        match running {
            Ok(defects) => self.found.extend(findings::list("bundles.info", &self.bundles.place, defects)),
            Err(missing) => self.missing.push(missing),
        }
        let Some(offered) = offered else { return };
        match offered.list_defects.read(Source::Plugins, "bundles.info of the new home") {
            Ok(defects) => self.found.extend(findings::list("new-bundles.info", &offered.place, defects)),
            Err(missing) => self.missing.push(missing),
        }
        self.found.extend(findings::copied_machine_made(offered, &self.bundles.machine_made));
    }

    /// Jars that are no bundles, could not be read, or ask for what nobody can tell from jars.
    fn at_what_cannot_be_judged(&mut self) {
        self.found.extend(findings::no_bundles(self.bundles));
        let new = self.bundles.offered.value().and_then(Option::as_ref);
        let homes = [(&self.bundles.place, &self.bundles.broken)].into_iter();
        for (place, broken) in homes.chain(new.map(|offered| (&offered.place, &offered.broken))) {
            let Some((file, why)) = broken.first_key_value() else { continue };
            let more = match broken.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            self.missing.push(Missing::Unread {
                of: Source::Plugins,
                what: format!("what {file}{more} in {place} needs"),
                why: why.clone(),
            });
        }
        for judged in &self.judged {
            let subject = self.subject(judged);
            self.found.extend(findings::not_evaluated(&subject, judged.bundle));
        }
    }

    /// Identifies a bundle in findings: its file, with the new home before it when it is there.
    fn subject(&self, judged: &Judged<'_>) -> String {
        let place = match (judged.of, self.bundles.offered.value()) {
            (Offerer::NewHome, Some(Some(offered))) => Some(&offered.place),
            (Offerer::NewHome | Offerer::Release | Offerer::RunningHome, _) => None,
        };
        place.map_or_else(|| judged.bundle.file.clone(), |place| format!("{place}/{}", judged.bundle.file))
    }

    fn at_needs(&mut self, offered: &'a Offered) {
        let resolver = Resolver::new(offered, &self.judged);
        let target = format!("{} {}", self.case.facts.product, self.case.target.version);
        for judged in &self.judged {
            let subject = self.subject(judged);
            let needs = resolver.needs(judged.bundle);
            self.found.extend(findings::unresolved(&subject, judged.bundle, &needs, &target, offered));
            self.found.extend(findings::carried_over(&subject, judged.bundle, &needs));
            let cannot_tell = needs.iter().find_map(|need| match &need.met {
                Met::CannotTell(why) => Some((need, why)),
                Met::There | Met::CarriedOver(_) | Met::Failing(_) | Met::OutOfRange(_) | Met::Gone => None,
            });
            if let Some((need, why)) = cannot_tell {
                self.missing.push(Missing::Unread {
                    of: Source::Plugins,
                    what: format!("who offers {} {} to {subject}", need.what.name(), need.wanted.name),
                    why: why.clone(),
                });
            }
        }
    }

    /// Without the new home: what was built for this line of the kernel hardly resolves on another.
    fn at_the_line_of_the_kernel(&mut self) {
        let kernel = self.bundles.kernel.value();
        // Of a product on the kernel it is not known here which kernel the target has.
        if self.case.facts.product != Product::Wso2Carbon {
            return;
        }
        let Some(Ok(running)) = kernel.map(|kernel| kernel.as_str().parse::<Version>()) else { return };
        let Ok(target) = self.case.target.version.as_str().parse::<Version>() else { return };
        for judged in self.judged.iter().filter(|judged| judged.of == Offerer::RunningHome) {
            let wanted = judged.bundle.imports.iter().chain(&judged.bundle.requires);
            let tied: Vec<_> = wanted
                .filter(|wanted| wanted.name.starts_with("org.wso2.carbon."))
                .filter(|wanted| {
                    let range = wanted.range.parse::<VersionRange>();
                    range.is_ok_and(|range| range.includes(&running) && !range.includes(&target))
                })
                .collect();
            let target = format!("{} {}", self.case.facts.product, self.case.target.version);
            self.found.extend(findings::tied_to_the_kernel(
                &self.subject(judged),
                judged.bundle,
                &tied,
                &target,
            ));
        }
    }

    fn at_java(&mut self) {
        let mut highest = None;
        for judged in &self.judged {
            let bundle = judged.bundle;
            let subject = self.subject(judged);
            let compiled = match &bundle.compiled_for {
                Field::Read(feature) => *feature,
                Field::Unread(why) => {
                    self.missing.push(Missing::Unread {
                        of: Source::Plugins,
                        what: format!("which Java the classes of {subject} need"),
                        why: why.clone(),
                    });
                    None
                }
            };
            let Some(needed) = compiled.max(bundle.demanded_java) else { continue };
            let demanded = bundle.demanded_java == Some(needed);
            match highest.get_or_insert_with(|| self.highest_java()) {
                Ok((highest, _)) if *highest >= needed => {}
                Ok((highest, confidence)) => {
                    let sure = demanded && *confidence == Confidence::Confirmed;
                    let severity = if sure { Severity::Blocker } else { Severity::Warning };
                    let found = findings::java(self.case, severity, &subject, bundle, (needed, *highest));
                    self.found.push(found);
                }
                // Every Carbon 4 runs on this.
                Err(_) if needed <= OLDEST_JAVA => {}
                Err(missing) => self.missing.push(missing.clone()),
            }
        }
    }

    /// The newest Java the target takes, and how sure that is.
    fn highest_java(&self) -> Result<(u32, Confidence), Missing> {
        let line = self.case.target.line();
        let ruling = |feature: u32| self.case.catalog.ruling(Component::Java, &feature.to_string(), line);
        let highest = (OLDEST_JAVA..=NEWEST_JAVA)
            .rev()
            .find(|feature| ruling(*feature).standing == Standing::Supported)
            .ok_or_else(|| Missing::Unknown {
                what: format!("Java {} {line} takes", self.case.facts.product),
                how_to_answer: super::support::how_to_answer(
                    self.case,
                    Component::Java,
                    &ruling(NEWEST_JAVA),
                ),
            })?;
        // How sure it is that it takes no newer one.
        let above = ruling(highest + 1);
        let sure = if above.standing == Standing::Excluded { above.confidence } else { Confidence::Inferred };
        Ok((highest, sure))
    }
}

/// Every kernel 4 runs on it, whatever the catalog knows.
const OLDEST_JAVA: u32 = 6;

/// No catalog knows of a newer one.
const NEWEST_JAVA: u32 = 60;
