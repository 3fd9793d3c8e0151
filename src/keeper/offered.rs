//! Every release there is, judged: when that is done anew, and doing it.
//!
//! It costs as much as hundreds of targets, and an instance answers several times a minute. So it is done when
//! something has changed, and then at most once in a minute, and seldom enough to stay a small part of the time;
//! what people act on is seen at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::{Condition, Missing, Snapshot, Source};
use upgrade_readiness_checks::model::{Plan, Policy};
use upgrade_readiness_checks::plan::offer::offer;
use upgrade_readiness_checks::report::Judge;

use crate::board::Offering;
use crate::config::Instance;

/// What changed by itself may wait this long.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// So much longer it may take with each further instance until every source of one was asked.
const PATIENCE_FOR_EACH: SignedDuration = SignedDuration::from_secs(1);

/// One part in so many of the time is spent on it, once the pause is over.
const SHARE: i32 = 200;

/// Of many instances each has that much less of the time: all together have one part in so many.
const SHARE_OF_ALL: i32 = 50;

/// Even when nothing was learned, time has passed.
const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What is offered, and what it was judged by.
#[derive(Debug, Default)]
pub(super) struct Offered {
    offering: Offering,
    basis: Option<Basis>,
    took: SignedDuration,
    /// When it could have been judged for the first time.
    asked_first: Option<Timestamp>,
    /// Somebody is judging anew.
    begun: bool,
}

/// What every release is judged by.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    facts: Arc<Snapshot>,
    catalog: Arc<Catalog>,
    at: Timestamp,
}

impl Offered {
    pub(super) fn offering(&self) -> &Offering {
        &self.offering
    }

    /// What to judge by, when it is due; whoever gets it has to judge.
    pub(super) fn begin(
        &mut self,
        facts: &Arc<Snapshot>,
        catalog: &Arc<Catalog>,
        now: Timestamp,
        instances: usize,
    ) -> Option<Basis> {
        let basis = Basis { facts: facts.clone(), catalog: catalog.clone(), at: now };
        let first = *self.asked_first.get_or_insert(now);
        // Until every source was asked, what is judged now is judged again in a moment; a slow one is not waited for.
        let further = i32::try_from(instances.saturating_sub(1)).unwrap_or(i32::MAX);
        let patience = PAUSE.saturating_add(PATIENCE_FOR_EACH.saturating_mul(further));
        if self.basis.is_none() && !basis.is_complete() && now.duration_since(first).abs() < patience {
            return None;
        }
        if self.begun || !self.is_due(&basis, instances) {
            return None;
        }
        self.begun = true;
        Some(basis)
    }

    fn is_due(&self, now: &Basis, instances: usize) -> bool {
        let Some(before) = &self.basis else { return true };
        let age = now.at.duration_since(before.at);
        let share = i32::try_from(instances).unwrap_or(i32::MAX).saturating_mul(SHARE_OF_ALL).max(SHARE);
        let pause = PAUSE.max(self.took.saturating_mul(share)).min(AT_LEAST_EVERY);
        match now.news_since(before) {
            News::None => age >= AT_LEAST_EVERY || age.is_negative(),
            News::ByItself => age >= pause || age.is_negative(),
            News::Awaited => true,
        }
    }
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    /// Something that changes all the time.
    ByItself,
    /// Something somebody did and wants to see the result of.
    Awaited,
}

impl Basis {
    /// Judges every release.
    pub(super) fn judge(self, instance: &Instance) -> Offered {
        let Instance { policy, plan, .. } = instance;
        let started = Instant::now();
        let offering = judge_offering(&self.facts, &self.catalog, policy, plan);
        let took = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
        Offered { offering, basis: Some(self), took, asked_first: None, begun: false }
    }

    fn is_complete(&self) -> bool {
        Source::ALL.iter().all(|source| self.facts.state(*source).condition != Condition::Pending)
    }

    fn news_since(&self, before: &Self) -> News {
        let (now, then) = (&self.facts.memory, &before.facts.memory);
        let words = now.waivers != then.waivers || now.sign_offs != then.sign_offs;
        let sources = self.facts.news_since(&before.facts);
        let awaited = |source: &Source| matches!(source, Source::License | Source::Installation);
        let day = |basis: &Self| TimeZone::UTC.to_datetime(basis.at).date();
        if words
            || !Arc::ptr_eq(&self.catalog, &before.catalog)
            || day(self) != day(before)
            || sources.iter().any(awaited)
            // After the start it is not left at what the first answers said.
            || (self.is_complete() && !before.is_complete())
        {
            News::Awaited
        } else if !sources.is_empty() || now != then {
            News::ByItself
        } else {
            News::None
        }
    }
}

/// Judges every newer release, at the moment the facts were taken.
#[must_use]
pub fn judge_offering(facts: &Snapshot, catalog: &Catalog, policy: &Policy, plan: &Plan) -> Offering {
    let judge = Judge { catalog, policy, plan, now: facts.taken_at };
    // A defect must not end the daemon; rules have no state that could be left half-changed.
    match catch_unwind(AssertUnwindSafe(|| offer(judge, facts))) {
        Ok(Ok(offer)) => Offering::Judged(Arc::new(offer)),
        Ok(Err(missing)) => Offering::Unknown(missing),
        Err(_panic) => Offering::Unknown(Missing::Broken { check: "recommendation" }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use upgrade_readiness_checks::facts::{Asked, Reading, Section};
    use upgrade_readiness_checks::golden::golden;

    use super::*;

    fn basis() -> Basis {
        let golden = golden();
        Basis { facts: Arc::new(golden.facts), catalog: Arc::new(golden.catalog), at: golden.now }
    }

    fn with(basis: &Basis, minutes: i64, change: impl FnOnce(&mut Snapshot)) -> Basis {
        let mut facts = (*basis.facts).clone();
        let at = basis.at + minutes.minutes();
        facts.taken_at = at;
        change(&mut facts);
        Basis { facts: Arc::new(facts), at, ..basis.clone() }
    }

    fn host(facts: &mut Snapshot) {
        let mut host = facts.host().unwrap().clone();
        host.cpus += 1;
        let asked = Asked { at: facts.taken_at, took: SignedDuration::ZERO, fresh_for: SignedDuration::MAX };
        facts.learn(Section::Host(host), asked);
    }

    #[test]
    fn it_is_done_anew_for_news_and_not_too_often() {
        let before = basis();
        let judged = |took| Offered {
            offering: Offering::NotJudged,
            basis: Some(before.clone()),
            took: SignedDuration::from_secs(took),
            asked_first: None,
            begun: false,
        };
        let due = |took, now: &Basis| judged(took).is_due(now, 1);
        assert!(Offered::default().is_due(&before, 1), "the first time");
        assert!(!due(0, &with(&before, 1, |_| ())), "nothing changed");
        assert!(due(0, &with(&before, 60, |_| ())), "time has passed");
        assert!(!due(0, &with(&before, 0, host)), "just judged");
        assert!(due(0, &with(&before, 1, host)));
        assert!(!due(1, &with(&before, 1, host)), "it takes too long to do it so often");
        assert!(due(1, &with(&before, 4, host)));
        assert!(!judged(1).is_due(&with(&before, 4, host), 500), "hundreds are judged one after the other");
        assert!(judged(1).is_due(&with(&before, 60, host), 500));
        assert!(due(1, &with(&before, 0, |facts| facts.switch_off(Source::License))), "the licence at once");
        let started = with(&before, 0, |facts| facts.host = Reading::Pending);
        let complete = with(&before, 0, |_| ());
        assert!(
            Offered { basis: Some(started), ..judged(1) }.is_due(&complete, 1),
            "every source has answered"
        );
        assert!(due(1, &Basis { catalog: Arc::new((*before.catalog).clone()), ..before.clone() }));
        assert!(due(1, &Basis { at: before.at + 5.hours(), ..before.clone() }), "another day");
    }

    #[test]
    fn only_one_judges_at_a_time() {
        let now = basis();
        let mut offered = Offered::default();
        assert!(offered.begin(&now.facts, &now.catalog, now.at, 1).is_some());
        assert!(offered.begin(&now.facts, &now.catalog, now.at, 1).is_none());
    }

    #[test]
    fn the_first_time_waits_for_the_first_answers_and_not_for_a_slow_one() {
        let now = basis();
        let pending = with(&now, 0, |facts| facts.disk = Reading::Pending);
        let begins = |instances, minutes: [i64; 3]| {
            let mut offered = Offered::default();
            minutes.map(|minute| {
                let at = pending.at + minute.minutes();
                offered.begin(&pending.facts, &pending.catalog, at, instances).is_some()
            })
        };
        assert_eq!(begins(1, [0, 0, 1]), [false, false, true]);
        assert_eq!(begins(500, [0, 8, 10]), [false, false, true], "hundreds are asked one after the other");
    }
}
