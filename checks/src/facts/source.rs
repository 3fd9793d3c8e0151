//! Products, the places facts come from, and the ways asking them can fail.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A product whose upgrade is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Product {
    /// Atlassian Confluence, Server and Data Center.
    Confluence,
    /// The WSO2 Carbon kernel by itself, or a product on it that has no name here.
    Wso2Carbon,
    /// WSO2 API Manager.
    Wso2ApiManager,
    /// WSO2 Application Server.
    Wso2ApplicationServer,
    /// WSO2 Business Process Server.
    Wso2BusinessProcessServer,
    /// WSO2 Complex Event Processor.
    Wso2ComplexEventProcessor,
    /// WSO2 Data Analytics Server.
    Wso2DataAnalyticsServer,
    /// WSO2 Data Services Server.
    Wso2DataServicesServer,
    /// WSO2 Enterprise Integrator.
    Wso2EnterpriseIntegrator,
    /// WSO2 Enterprise Mobility Manager.
    Wso2EnterpriseMobilityManager,
    /// WSO2 Enterprise Service Bus.
    Wso2EnterpriseServiceBus,
    /// WSO2 Governance Registry.
    Wso2GovernanceRegistry,
    /// WSO2 Identity Server.
    Wso2IdentityServer,
    /// WSO2 IoT Server.
    Wso2IotServer,
    /// WSO2 Message Broker.
    Wso2MessageBroker,
    /// WSO2 Micro Integrator.
    Wso2MicroIntegrator,
}

impl Product {
    /// Every product.
    pub const ALL: [Self; 16] = [
        Self::Confluence,
        Self::Wso2Carbon,
        Self::Wso2ApiManager,
        Self::Wso2ApplicationServer,
        Self::Wso2BusinessProcessServer,
        Self::Wso2ComplexEventProcessor,
        Self::Wso2DataAnalyticsServer,
        Self::Wso2DataServicesServer,
        Self::Wso2EnterpriseIntegrator,
        Self::Wso2EnterpriseMobilityManager,
        Self::Wso2EnterpriseServiceBus,
        Self::Wso2GovernanceRegistry,
        Self::Wso2IdentityServer,
        Self::Wso2IotServer,
        Self::Wso2MessageBroker,
        Self::Wso2MicroIntegrator,
    ];

    /// The name used in the configuration, the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.names().0
    }

    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().1
    }

    /// The product by its [`id`](Self::id).
    #[must_use]
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.id() == id)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Confluence => ("confluence", "Confluence"),
            Self::Wso2Carbon => ("wso2-carbon", "WSO2 Carbon"),
            Self::Wso2ApiManager => ("wso2-api-manager", "WSO2 API Manager"),
            Self::Wso2ApplicationServer => ("wso2-application-server", "WSO2 Application Server"),
            Self::Wso2BusinessProcessServer => {
                ("wso2-business-process-server", "WSO2 Business Process Server")
            }
            Self::Wso2ComplexEventProcessor => {
                ("wso2-complex-event-processor", "WSO2 Complex Event Processor")
            }
            Self::Wso2DataAnalyticsServer => ("wso2-data-analytics-server", "WSO2 Data Analytics Server"),
            Self::Wso2DataServicesServer => ("wso2-data-services-server", "WSO2 Data Services Server"),
            Self::Wso2EnterpriseIntegrator => ("wso2-enterprise-integrator", "WSO2 Enterprise Integrator"),
            Self::Wso2EnterpriseMobilityManager => {
                ("wso2-enterprise-mobility-manager", "WSO2 Enterprise Mobility Manager")
            }
            Self::Wso2EnterpriseServiceBus => ("wso2-enterprise-service-bus", "WSO2 Enterprise Service Bus"),
            Self::Wso2GovernanceRegistry => ("wso2-governance-registry", "WSO2 Governance Registry"),
            Self::Wso2IdentityServer => ("wso2-identity-server", "WSO2 Identity Server"),
            Self::Wso2IotServer => ("wso2-iot-server", "WSO2 IoT Server"),
            Self::Wso2MessageBroker => ("wso2-message-broker", "WSO2 Message Broker"),
            Self::Wso2MicroIntegrator => ("wso2-micro-integrator", "WSO2 Micro Integrator"),
        }
    }

    /// The family it is of.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Confluence => Family::Confluence,
            Self::Wso2Carbon
            | Self::Wso2ApiManager
            | Self::Wso2ApplicationServer
            | Self::Wso2BusinessProcessServer
            | Self::Wso2ComplexEventProcessor
            | Self::Wso2DataAnalyticsServer
            | Self::Wso2DataServicesServer
            | Self::Wso2EnterpriseIntegrator
            | Self::Wso2EnterpriseMobilityManager
            | Self::Wso2EnterpriseServiceBus
            | Self::Wso2GovernanceRegistry
            | Self::Wso2IdentityServer
            | Self::Wso2IotServer
            | Self::Wso2MessageBroker
            | Self::Wso2MicroIntegrator => Family::Carbon,
        }
    }
}

/// Products that are laid out, read and judged the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Atlassian Confluence.
    Confluence,
    /// The WSO2 Carbon kernel 4.x and the products on it.
    Carbon,
}

impl Family {
    /// The name used in the reference of the checks.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Confluence => "confluence",
            Self::Carbon => "wso2-carbon",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place facts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Source {
    /// Operating system, processors, memory, the running service's process.
    Host,
    /// File systems and sizes of the directories the instance lives in.
    Disk,
    /// Every Java that matters, and the options of the running one.
    Java,
    /// Directories, versions and configuration files of the installation.
    Installation,
    /// Changed, removed and added files of the installation.
    Files,
    /// The product's licence.
    License,
    /// The product's database server and schema.
    Database,
    /// The running application, over HTTP.
    Application,
    /// Installed plug-ins and what is known of their compatibility.
    Plugins,
    /// Backups, and proofs that they can be restored.
    Backups,
    /// When the instance is used, from its access logs.
    Traffic,
    /// The catalog of releases.
    Releases,
    /// The staging instance on which the upgrade is tried.
    Rehearsal,
    /// The operator's own probes.
    Custom,
}

impl Source {
    /// Every source, in the order they are shown.
    pub const ALL: [Self; 14] = [
        Self::Host,
        Self::Disk,
        Self::Java,
        Self::Installation,
        Self::Files,
        Self::License,
        Self::Database,
        Self::Application,
        Self::Plugins,
        Self::Backups,
        Self::Traffic,
        Self::Releases,
        Self::Rehearsal,
        Self::Custom,
    ];

    /// The name used in the configuration, the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Disk => "disk",
            Self::Java => "java",
            Self::Installation => "installation",
            Self::Files => "files",
            Self::License => "license",
            Self::Database => "database",
            Self::Application => "application",
            Self::Plugins => "plugins",
            Self::Backups => "backups",
            Self::Traffic => "traffic",
            Self::Releases => "releases",
            Self::Rehearsal => "rehearsal",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Why a source could not be asked, as a closed set for metrics and advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum FailureKind {
    /// Nothing answers at the address.
    Unreachable,
    /// It answers, and refuses: wrong password, missing right, file mode.
    Denied,
    /// It did not answer within the time limit.
    Timeout,
    /// It answered something that is not what it should be.
    Malformed,
    /// The file, directory or setting does not exist.
    Absent,
    /// The collector itself broke; a defect of the agent.
    Internal,
}

impl FailureKind {
    /// Every kind, in the order they are shown.
    pub const ALL: [Self; 6] =
        [Self::Unreachable, Self::Denied, Self::Timeout, Self::Malformed, Self::Absent, Self::Internal];

    /// The name used in metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Absent => "absent",
            Self::Internal => "internal",
        }
    }
}
