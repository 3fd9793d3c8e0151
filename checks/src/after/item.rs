//! What is compared after an upgrade, and what came of it.

use crate::model::Verdict;

/// Something that is compared after an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The release that is installed.
    Version,
    /// Every place of the installation that states a version.
    Statements,
    /// The version the running application states.
    RunningVersion,
    /// Build numbers of the homes and of the database.
    Builds,
    /// The nodes of the cluster.
    Nodes,
    /// How the application says it is.
    State,
    /// Whether people can write.
    AccessMode,
    /// The product's own health checks.
    HealthChecks,
    /// The search index.
    SearchIndex,
    /// The product's licence.
    License,
    /// Plug-ins.
    Plugins,
    /// Rows of the main tables.
    RowCounts,
    /// The database server.
    Database,
    /// The size of the database.
    DatabaseSize,
    /// Who owns the objects of the schema.
    DatabaseOwnership,
    /// Files that were changed by hand.
    Files,
    /// The address the application is asked at.
    Address,
    /// The connectors of the application server.
    Connectors,
    /// The path under which the application is served.
    ContextPath,
    /// The heap.
    Heap,
    /// Other options of the Java virtual machine.
    JvmOptions,
}

impl Topic {
    /// Every topic, in the order they are shown.
    pub const ALL: [Self; 21] = [
        Self::Version,
        Self::Statements,
        Self::RunningVersion,
        Self::Builds,
        Self::Nodes,
        Self::State,
        Self::AccessMode,
        Self::HealthChecks,
        Self::SearchIndex,
        Self::License,
        Self::Plugins,
        Self::RowCounts,
        Self::Database,
        Self::DatabaseSize,
        Self::DatabaseOwnership,
        Self::Files,
        Self::Address,
        Self::Connectors,
        Self::ContextPath,
        Self::Heap,
        Self::JvmOptions,
    ];

    /// The name used in the public form; it never changes.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Statements => "version-statements",
            Self::RunningVersion => "running-version",
            Self::Builds => "build-numbers",
            Self::Nodes => "cluster-nodes",
            Self::State => "application-state",
            Self::AccessMode => "access-mode",
            Self::HealthChecks => "health-checks",
            Self::SearchIndex => "search-index",
            Self::License => "license",
            Self::Plugins => "plugins",
            Self::RowCounts => "row-counts",
            Self::Database => "database",
            Self::DatabaseSize => "database-size",
            Self::DatabaseOwnership => "database-ownership",
            Self::Files => "customised-files",
            Self::Address => "address",
            Self::Connectors => "connectors",
            Self::ContextPath => "context-path",
            Self::Heap => "heap",
            Self::JvmOptions => "jvm-options",
        }
    }

    /// What it is, as people read it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Version => "the installed release",
            Self::Statements => "the places that state a version",
            Self::RunningVersion => "the running version",
            Self::Builds => "the build numbers of home and database",
            Self::Nodes => "the nodes of the cluster",
            Self::State => "the state of the application",
            Self::AccessMode => "the access mode",
            Self::HealthChecks => "the product's own health checks",
            Self::SearchIndex => "the search index",
            Self::License => "the licence",
            Self::Plugins => "the plug-ins",
            Self::RowCounts => "the rows of the main tables",
            Self::Database => "the database server",
            Self::DatabaseSize => "the size of the database",
            Self::DatabaseOwnership => "who owns the database's objects",
            Self::Files => "the files changed by hand",
            Self::Address => "the address of the application",
            Self::Connectors => "the connectors of the application server",
            Self::ContextPath => "the context path",
            Self::Heap => "the heap",
            Self::JvmOptions => "the options of Java",
        }
    }
}

/// What came of comparing one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it belongs to.
    pub topic: Topic,
    /// What it is about inside its topic: a plug-in key, a table, a file; `None` for the topic as a whole.
    pub subject: Option<String>,
    /// `Ready`, `Warning` (somebody must decide), `Blocked` (must be put right), `Unknown`, or `Skipped` for what the
    /// product does not have.
    pub verdict: Verdict,
    /// What is to be said, in one sentence without its full stop.
    pub summary: String,
    /// What was seen before, or why it is not known.
    pub before: String,
    /// What is seen now, or why it is not known.
    pub now: String,
    /// What to do next, in full sentences; `None` when all is well.
    pub remedy: Option<String>,
}

impl Item {
    fn new(topic: Topic, verdict: Verdict, summary: impl Into<String>) -> Self {
        Self {
            topic,
            subject: None,
            verdict,
            summary: summary.into(),
            before: String::new(),
            now: String::new(),
            remedy: None,
        }
    }

    /// All is well.
    pub(super) fn well(topic: Topic, summary: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Ready, summary)
    }

    /// Somebody must decide.
    pub(super) fn warning(topic: Topic, summary: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Warning, summary)
    }

    /// It must be put right.
    pub(super) fn blocked(topic: Topic, summary: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Blocked, summary)
    }

    /// The product does not have it.
    pub(super) fn skipped(topic: Topic, summary: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Skipped, summary)
    }

    /// A whole topic cannot be told.
    pub(super) fn unknown(topic: Topic) -> Self {
        Self::new(topic, Verdict::Unknown, format!("{} cannot be compared", topic.title()))
    }

    /// Something inside a topic cannot be told: "whether the plug-in system runs in safe mode".
    pub(super) fn untold(topic: Topic, what: &str) -> Self {
        Self::new(topic, Verdict::Unknown, format!("{what} cannot be told"))
    }

    /// What it is about inside its topic.
    #[must_use]
    pub(super) fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    /// What was seen before and now.
    #[must_use]
    pub(super) fn seen(self, before: impl Into<String>, now: impl Into<String>) -> Self {
        Self { before: before.into(), now: now.into(), ..self }
    }

    /// What to do next.
    #[must_use]
    pub(super) fn so_do(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}
