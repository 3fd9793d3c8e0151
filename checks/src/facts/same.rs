//! What two snapshots tell differently, whenever each of it was learned.

use super::{Reading, Snapshot, Source};

impl Snapshot {
    /// The sources that stand otherwise than they did before, or say something else. When something was learned, and
    /// how long it took, does not count.
    #[must_use]
    pub fn news_since(&self, before: &Self) -> Vec<Source> {
        // Named one by one, so that a new member cannot be forgotten here.
        let Self {
            format_version: _,
            instance: _,
            product: _,
            taken_at: _,
            host,
            disk,
            java,
            installation,
            files,
            license,
            database,
            application,
            plugins,
            backups,
            traffic,
            releases,
            rehearsal,
            custom,
            memory: _,
        } = self;
        let says_the_same = |source| match source {
            Source::Host => says_the_same(host, &before.host),
            Source::Disk => says_the_same(disk, &before.disk),
            Source::Java => says_the_same(java, &before.java),
            Source::Installation => says_the_same(installation, &before.installation),
            Source::Files => says_the_same(files, &before.files),
            Source::License => says_the_same(license, &before.license),
            Source::Database => says_the_same(database, &before.database),
            Source::Application => says_the_same(application, &before.application),
            Source::Plugins => says_the_same(plugins, &before.plugins),
            Source::Backups => says_the_same(backups, &before.backups),
            Source::Traffic => says_the_same(traffic, &before.traffic),
            Source::Releases => says_the_same(releases, &before.releases),
            Source::Rehearsal => says_the_same(rehearsal, &before.rehearsal),
            Source::Custom => says_the_same(custom, &before.custom),
        };
        let stands = |source| self.state(source).condition == before.state(source).condition;
        Source::ALL.into_iter().filter(|source| !says_the_same(*source) || !stands(*source)).collect()
    }
}

fn says_the_same<T: PartialEq>(one: &Reading<T>, other: &Reading<T>) -> bool {
    match (one, other) {
        (Reading::Pending, Reading::Pending) | (Reading::Off, Reading::Off) => true,
        (Reading::Learned(one), Reading::Learned(other)) => one.facts == other.facts,
        // What a silent source said last is for display only.
        (Reading::Failed { failure: one, .. }, Reading::Failed { failure: other, .. }) => one == other,
        (Reading::Pending | Reading::Off | Reading::Learned(_) | Reading::Failed { .. }, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, ToSpan};

    use crate::facts::{Asked, Failure, FailureKind, LicenseText, Reading, Section, Snapshot, Source};
    use crate::golden::golden;

    type Change<'a> = &'a dyn Fn(&mut Snapshot);

    #[test]
    fn when_it_was_learned_does_not_count_and_what_was_learned_does() {
        let facts = golden().facts;
        let Reading::Learned(license) = &facts.license else { panic!("the golden licence") };
        let asked = Asked {
            at: facts.taken_at + 1.minute(),
            took: SignedDuration::from_secs(7),
            fresh_for: license.fresh_for,
        };
        let failure = |text: &str| Failure { kind: FailureKind::Denied, message: text.to_owned() };
        let rows: [(&str, &[Source], Change<'_>); 8] = [
            ("nothing", &[], &|_| ()),
            ("asked again", &[], &|s| s.learn(Section::License(license.facts.clone()), asked)),
            ("a minute later", &[], &|s| s.taken_at += 1.minute()),
            ("another time it took", &[], &|s| {
                if let Reading::Learned(host) = &mut s.host {
                    host.took = SignedDuration::from_secs(3);
                }
            }),
            ("too old to be believed", &Source::ALL, &|s| s.taken_at += 100_000.hours()),
            ("switched off", &[Source::License], &|s| s.switch_off(Source::License)),
            ("failed", &[Source::License], &|s| s.fail(Source::License, failure("no"), asked)),
            ("another licence", &[Source::License], &|s| {
                let mut facts = license.facts.clone();
                facts.text = LicenseText::Absent;
                s.learn(Section::License(facts), asked);
            }),
        ];
        for (name, news, change) in rows {
            let mut changed = facts.clone();
            change(&mut changed);
            assert_eq!(changed.news_since(&facts), news, "{name}");
            assert_eq!(facts.news_since(&changed), news, "{name}");
        }
        let mut failed = facts.clone();
        failed.fail(Source::Host, failure("no"), asked);
        let mut again = failed.clone();
        again.fail(Source::Host, failure("no"), Asked { at: asked.at + 1.minute(), ..asked });
        assert_eq!(again.news_since(&failed), []);
        again.fail(Source::Host, failure("never"), asked);
        assert_eq!(again.news_since(&failed), [Source::Host]);
    }
}
