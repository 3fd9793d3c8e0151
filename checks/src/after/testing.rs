//! What the tables of several topics share: the golden instance before and after, and spoiling one fact of it.

use jiff::SignedDuration;

use super::{Item, Topic, compare};
use crate::facts::{
    Application, Database, Field, FileTree, Files, Installation, Java, JvmOptions, License, LicenseTerms,
    LicenseText, Plugins, Reading, Snapshot, StatementOf, UpgradeStep,
};
use crate::golden::{golden, golden_carbon};
use crate::model::{Policy, Verdict};

/// The golden instance before its upgrade to 9.2.10, and after it.
pub(super) struct Pair {
    pub(super) before: Snapshot,
    pub(super) now: Snapshot,
}

/// An upgrade that went well.
pub(super) fn pair() -> Pair {
    let mut now = golden().facts;
    let mut before = now.clone();
    let version = "9.2.10";
    let installation = facts(&mut now.installation).as_mut();
    installation.version = Field::Read(version.parse().unwrap());
    for statement in &mut installation.statements {
        if statement.of == StatementOf::ProgramVersion {
            statement.says = Field::Read(version.into());
        }
    }
    facts(&mut now.application).version = Field::Read(Some(version.into()));
    // Facts of the golden instance are from this very moment; those from before must not be from the future.
    before.taken_at = now.taken_at - SignedDuration::from_mins(4);
    Pair { before, now }
}

/// The upgrade of a Carbon product that went well: the new home, on its new database.
pub(super) fn carbon_pair() -> Pair {
    let mut now = golden_carbon().facts;
    let mut before = now.clone();
    let version = "4.4.7";
    let installation = facts(&mut now.installation).as_mut();
    installation.version = Field::Read(version.parse().unwrap());
    installation.installation_dir = "/opt/wso2/wso2carbon-4.4.7".into();
    installation.home_dir = "/opt/wso2/wso2carbon-4.4.7".into();
    for statement in &mut installation.statements {
        statement.says = Field::Read(version.into());
    }
    for tree in &mut facts(&mut now.files).trees {
        tree.root = "/opt/wso2/wso2carbon-4.4.7".into();
    }
    facts(&mut now.application).version = Field::Read(Some(version.into()));
    facts(&mut now.database).address = "db-staging.example.com:5432/carbon".into();
    before.taken_at = now.taken_at - SignedDuration::from_mins(4);
    Pair { before, now }
}

/// What to spoil of the golden pair, and what must be said of the topic then: verdict and subject of each item.
pub(super) type Row = (&'static str, fn(&mut Pair), &'static [(Verdict, Option<&'static str>)]);

/// Compares each row without a release that was meant.
pub(super) fn judges(topic: Topic, rows: &[Row]) {
    judges_expecting(None, topic, rows);
}

/// Compares each row with a release that was meant.
pub(super) fn judges_expecting(expected: Option<&str>, topic: Topic, rows: &[Row]) {
    for (name, spoil, said) in rows {
        let items = look(expected, topic, *spoil);
        let found: Vec<(Verdict, Option<&str>)> =
            items.iter().map(|item| (item.verdict, item.subject.as_deref())).collect();
        assert_eq!(found, *said, "{name}: {items:#?}");
    }
}

/// What is said of a topic, each item in the form it must have.
pub(super) fn look(expected: Option<&str>, topic: Topic, spoil: impl Fn(&mut Pair)) -> Vec<Item> {
    let mut pair = pair();
    spoil(&mut pair);
    let expected = expected.map(|version| version.parse().unwrap());
    let policy = Policy { ignored_plugins: vec!["com.example.ignored".into()], ..Policy::default() };
    let after = compare(&pair.before, &pair.now, expected.as_ref(), &policy).unwrap();
    let items: Vec<Item> = after.items.into_iter().filter(|item| item.topic == topic).collect();
    for item in &items {
        let Item { verdict, summary, before, now, remedy, .. } = item;
        assert!(!summary.is_empty() && !before.is_empty() && !now.is_empty(), "{item:#?}");
        assert!(!summary.ends_with('.') && !summary.contains('\n'), "{item:#?}");
        assert_eq!(remedy.is_none(), *verdict == Verdict::Ready, "{item:#?}");
        assert!(remedy.as_ref().is_none_or(|remedy| remedy.ends_with('.')), "{item:#?}");
        if *verdict == Verdict::Unknown {
            assert!(before.contains("not known") || now.contains("not known"), "{item:#?}");
        }
    }
    items
}

fn facts<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Learned(learned) => &mut learned.facts,
        Reading::Pending | Reading::Off | Reading::Failed { .. } => panic!("the golden instance has them"),
    }
}

pub(super) fn read<T>(field: &mut Field<T>) -> &mut T {
    match field {
        Field::Read(value) => value,
        Field::Unread(why) => panic!("the golden instance has it: {why}"),
    }
}

/// A value that could not be read.
pub(super) fn unread<T>() -> Field<T> {
    Field::Unread("permission denied".into())
}

impl Pair {
    pub(super) fn installation(&mut self) -> &mut Installation {
        facts(&mut self.now.installation).as_mut()
    }

    pub(super) fn installation_before(&mut self) -> &mut Installation {
        facts(&mut self.before.installation).as_mut()
    }

    pub(super) fn application(&mut self) -> &mut Application {
        facts(&mut self.now.application)
    }

    pub(super) fn application_before(&mut self) -> &mut Application {
        facts(&mut self.before.application)
    }

    pub(super) fn database(&mut self) -> &mut Database {
        facts(&mut self.now.database).as_mut()
    }

    pub(super) fn database_before(&mut self) -> &mut Database {
        facts(&mut self.before.database).as_mut()
    }

    pub(super) fn plugins(&mut self) -> &mut Plugins {
        facts(&mut self.now.plugins)
    }

    pub(super) fn plugins_before(&mut self) -> &mut Plugins {
        facts(&mut self.before.plugins)
    }

    pub(super) fn files(&mut self) -> &mut Files {
        facts(&mut self.now.files)
    }

    pub(super) fn files_before(&mut self) -> &mut Files {
        facts(&mut self.before.files)
    }

    /// The tree of the web application, before and now.
    pub(super) fn trees(&mut self) -> (&mut FileTree, &mut FileTree) {
        let before = facts(&mut self.before.files).trees.first_mut().unwrap();
        (before, facts(&mut self.now.files).trees.first_mut().unwrap())
    }

    pub(super) fn license(&mut self) -> &mut License {
        facts(&mut self.now.license)
    }

    pub(super) fn terms(&mut self) -> &mut LicenseTerms {
        match &mut self.license().text {
            LicenseText::Terms(terms) => terms,
            LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => {
                panic!("the golden licence")
            }
        }
    }

    pub(super) fn license_before(&mut self) -> &mut License {
        facts(&mut self.before.license)
    }

    pub(super) fn java(&mut self) -> &mut Java {
        facts(&mut self.now.java)
    }

    pub(super) fn java_before(&mut self) -> &mut Java {
        facts(&mut self.before.java)
    }

    pub(super) fn options(&mut self) -> &mut JvmOptions {
        read(&mut self.java().options)
    }

    pub(super) fn options_before(&mut self) -> &mut JvmOptions {
        read(&mut self.java_before().options)
    }

    pub(super) fn steps(&mut self) -> &mut Vec<UpgradeStep> {
        read(&mut self.database().upgrade_steps)
    }

    pub(super) fn home_build(&mut self, says: &str) {
        let statements = &mut self.installation().statements;
        let home = statements.iter_mut().find(|statement| statement.of == StatementOf::HomeBuild).unwrap();
        home.says = Field::Read(says.into());
    }

    /// What home and database state now.
    pub(super) fn builds(&mut self, home: u32, database: u32) {
        self.home_build(&home.to_string());
        self.steps()[0].build = database;
    }
}
