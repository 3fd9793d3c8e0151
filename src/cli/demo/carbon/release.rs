//! An untouched release, as the vendor would ship it: own texts in the places and forms of Carbon 4.4.x.
//!
//! Sources of places and forms: the distribution of wso2/carbon-kernel at the tags v4.4.6 and v4.4.7.

use std::io::{Cursor, Write as _};
use std::path::Path;

use anyhow::Context;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::super::files::write_bytes;
use super::jars;

/// The files of a release, by their paths below the home.
pub(super) struct Release {
    version: &'static str,
    files: Vec<(String, Vec<u8>)>,
}

impl Release {
    /// The release of a version.
    pub(super) fn new(version: &'static str) -> anyhow::Result<Self> {
        let mut release = Self { version, files: Vec::new() };
        release.texts();
        release.bundles()?;
        Ok(release)
    }

    /// Name of its archive, and of the directory in it.
    pub(super) fn name(&self) -> String {
        format!("wso2carbon-{}", self.version)
    }

    /// Unpacks it.
    pub(super) fn unpack(&self, home: &Path) -> anyhow::Result<()> {
        self.files.iter().try_for_each(|(name, content)| write_bytes(&home.join(name), content))
    }

    /// Writes its archive.
    pub(super) fn pack(&self, path: &Path) -> anyhow::Result<()> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in &self.files {
            archive.start_file(format!("{}/{name}", self.name()), SimpleFileOptions::default())?;
            archive.write_all(content).context("packing a release of the example")?;
        }
        write_bytes(path, archive.finish()?.get_ref())
    }

    fn add(&mut self, name: &str, content: impl Into<Vec<u8>>) {
        self.files.push((name.to_owned(), content.into()));
    }

    fn texts(&mut self) {
        let version = self.version;
        self.add("bin/version.txt", format!("WSO2 Carbon v{version}\n"));
        self.add("bin/wso2carbon-version.txt", format!("WSO2 Carbon Framework v{version}\n"));
        self.add("bin/wso2server.sh", START_SCRIPT);
        self.add("repository/conf/carbon.xml", carbon_xml(version));
        self.add("repository/conf/registry.xml", REGISTRY_XML);
        self.add("repository/conf/user-mgt.xml", USER_MGT_XML);
        self.add("repository/conf/axis2/axis2.xml", AXIS2_XML);
        self.add("repository/conf/datasources/master-datasources.xml", DATASOURCES_XML);
        self.add("repository/conf/tomcat/catalina-server.xml", CATALINA_XML);
        self.add("repository/conf/log4j.properties", LOG4J);
        self.add("repository/conf/etc/launch.ini", LAUNCH_INI);
        self.add("repository/conf/etc/config-validation.xml", VALIDATION_XML);
        self.add("repository/resources/security/wso2carbon.jks", "keystore of the example\n");
        self.add("repository/components/lib/README.txt", "Plain jars go here.\n");
        self.add("repository/components/dropins/README.txt", "Bundles go here.\n");
        self.add("repository/database/README.txt", "The embedded database is kept here.\n");
        self.add("repository/logs/README.txt", "Logs are written here.\n");
        self.add("repository/tenants/README.txt", "Artifacts of tenants are kept here.\n");
        self.add(
            "repository/deployment/server/axis2services/Version.aar",
            format!("service of the example, {version}\n"),
        );
        // By far the largest part of a release.
        self.add("lib/runtimes/cxf/library.jar", "library\n".repeat(60_000));
    }

    fn bundles(&mut self) -> anyhow::Result<()> {
        let version = self.version;
        let own = |packages: &[&str]| {
            let exports: Vec<String> =
                packages.iter().map(|package| format!("{package};version=\"{version}\"")).collect();
            format!("Export-Package: {}", exports.join(","))
        };
        let core =
            own(&["org.wso2.carbon.core", "org.wso2.carbon.core.util", "org.wso2.carbon.core.services"]);
        let users = own(&["org.wso2.carbon.user.core", "org.wso2.carbon.user.core.common"]);
        let bundles = [
            (
                "org.eclipse.osgi",
                "3.9.1.v20130814-1242",
                "Export-Package: org.osgi.framework;version=\"1.7\"".to_owned(),
            ),
            ("org.wso2.carbon.core", version, core),
            ("org.wso2.carbon.user.core", version, users),
            (
                "org.wso2.carbon.base",
                "1.0.0",
                "Export-Package: org.wso2.carbon.base;version=\"1.0.0\"".to_owned(),
            ),
        ];
        let mut list = "#encoding=UTF-8\n#version=1\n".to_owned();
        for (name, version, exports) in &bundles {
            let file = format!("repository/components/plugins/{name}_{version}.jar");
            self.add(&file, jars::bundle(name, version, &[exports])?);
            list.push_str(&list_line(name, version, &format!("../plugins/{name}_{version}.jar")));
        }
        self.add(BUNDLES_INFO, list);
        Ok(())
    }
}

/// Below a home: the bundles that are started.
pub(super) const BUNDLES_INFO: &str =
    "repository/components/default/configuration/org.eclipse.equinox.simpleconfigurator/bundles.info";

/// A line of the list of bundles.
pub(super) fn list_line(name: &str, version: &str, location: &str) -> String {
    format!("{name},{version},{location},4,true\n")
}

/// `carbon.xml` of a release; the version is all that differs between the two.
pub(super) fn carbon_xml(version: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<Server xmlns="http://wso2.org/projects/carbon/carbon.xml">
    <Name>WSO2 Carbon</Name>
    <ServerKey>Carbon</ServerKey>
    <Version>{version}</Version>
    <!--HostName>www.example.com</HostName-->
    <ServerURL>local:/${{carbon.context}}/services/</ServerURL>
    <Ports>
        <Offset>0</Offset>
        <JMX>
            <RMIRegistryPort>9999</RMIRegistryPort>
            <RMIServerPort>11111</RMIServerPort>
        </JMX>
    </Ports>
    <Tenant>
        <LoadingPolicy>
            <LazyLoading>
                <IdleTime>30</IdleTime>
            </LazyLoading>
        </LoadingPolicy>
    </Tenant>
    <Cache>
        <DefaultCacheTimeout>15</DefaultCacheTimeout>
    </Cache>
    <DeploymentSynchronizer>
        <Enabled>false</Enabled>
        <AutoCommit>false</AutoCommit>
        <AutoCheckout>true</AutoCheckout>
    </DeploymentSynchronizer>
</Server>
"#
    )
}

/// The script that starts a server; that of the example has nothing to start. The line on Java has the form of 4.4.x.
const START_SCRIPT: &str = r#"#!/bin/sh
CARBON_HOME=`cd "$(dirname "$0")/.." ; pwd`
JAVA_OPTS=""
if [ "$jdk_17" = "not_found" ]; then
   echo " [ERROR] CARBON is supported only on JDK 1.7 and 1.8"
fi
exec "$JAVA_HOME/bin/java" -Xms256m -Xmx1024m -XX:MaxPermSize=256m $JAVA_OPTS \
    -Dcarbon.home="$CARBON_HOME" -Dwso2.server.standalone=true -Dfile.encoding=UTF8 \
    org.wso2.carbon.bootstrap.Bootstrap $*
"#;

const REGISTRY_XML: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<wso2registry>
    <currentDBConfig>wso2registry</currentDBConfig>
    <readOnly>false</readOnly>
    <enableCache>true</enableCache>
    <registryRoot>/</registryRoot>
    <dbConfig name="wso2registry">
        <dataSource>jdbc/WSO2CarbonDB</dataSource>
    </dbConfig>
    <staticConfiguration>
        <versioningProperties>true</versioningProperties>
        <versioningComments>true</versioningComments>
        <versioningTags>true</versioningTags>
        <versioningRatings>true</versioningRatings>
    </staticConfiguration>
</wso2registry>
"#;

const USER_MGT_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<UserManager>
    <Realm>
        <Configuration>
            <AddAdmin>true</AddAdmin>
            <AdminRole>admin</AdminRole>
            <EveryOneRoleName>everyone</EveryOneRoleName>
            <Property name="dataSource">jdbc/WSO2CarbonDB</Property>
        </Configuration>
        <UserStoreManager class="org.wso2.carbon.user.core.jdbc.JDBCUserStoreManager">
            <Property name="MaxUserNameListLength">100</Property>
        </UserStoreManager>
    </Realm>
</UserManager>
"#;

/// What is switched off here is switched on in the running home, and in a copy of it.
pub(super) const AXIS2_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<axisconfig name="AxisJava2.0">
    <parameter name="hotdeployment">true</parameter>
    <clustering class="org.wso2.carbon.core.clustering.hazelcast.HazelcastClusteringAgent" enable="false">
        <parameter name="membershipScheme">multicast</parameter>
        <parameter name="domain">wso2.carbon.domain</parameter>
        <parameter name="localMemberHost">127.0.0.1</parameter>
        <parameter name="localMemberPort">4000</parameter>
        <members>
            <member>
                <hostName>127.0.0.1</hostName>
                <port>4000</port>
            </member>
        </members>
    </clustering>
</axisconfig>
"#;

const DATASOURCES_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<datasources-configuration xmlns:svns="http://org.wso2.securevault/configuration">
    <datasources>
        <datasource>
            <name>WSO2_CARBON_DB</name>
            <jndiConfig>
                <name>jdbc/WSO2CarbonDB</name>
            </jndiConfig>
            <definition type="RDBMS">
                <configuration>
                    <url>jdbc:h2:repository/database/WSO2CARBON_DB;DB_CLOSE_ON_EXIT=FALSE;LOCK_TIMEOUT=60000</url>
                    <username>example</username>
                    <password>example</password>
                    <driverClassName>org.h2.Driver</driverClassName>
                    <maxActive>50</maxActive>
                    <maxWait>60000</maxWait>
                    <testOnBorrow>true</testOnBorrow>
                    <validationQuery>SELECT 1</validationQuery>
                    <validationInterval>30000</validationInterval>
                    <defaultAutoCommit>false</defaultAutoCommit>
                </configuration>
            </definition>
        </datasource>
    </datasources>
</datasources-configuration>
"#;

const CATALINA_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Server port="8005" shutdown="SHUTDOWN">
    <Service className="org.wso2.carbon.tomcat.ext.service.ExtendedStandardService" name="Catalina">
        <Connector protocol="org.apache.coyote.http11.Http11NioProtocol" port="9763" redirectPort="9443"/>
        <Connector protocol="org.apache.coyote.http11.Http11NioProtocol" port="9443" scheme="https" secure="true" SSLEnabled="true"/>
        <Engine name="Catalina" defaultHost="localhost">
            <Host name="localhost" appBase="${carbon.home}/repository/deployment/server/webapps/">
                <Valve className="org.apache.catalina.valves.AccessLogValve" directory="${carbon.home}/repository/logs"
                       prefix="http_access_" suffix=".log" pattern="combined"/>
            </Host>
        </Engine>
    </Service>
</Server>
"#;

const LOG4J: &str = "log4j.rootLogger=INFO, CARBON_CONSOLE, CARBON_LOGFILE\n\
    log4j.logger.org.wso2=INFO\n\
    log4j.logger.org.wso2.carbon.user=WARN\n\
    log4j.appender.CARBON_LOGFILE.File=${carbon.home}/repository/logs/wso2carbon${instance.log}.log\n";

const LAUNCH_INI: &str = "osgi.install.area=file:../../../components\n\
    org.osgi.framework.system.packages=javax.naming,javax.sql,javax.xml.parsers,org.xml.sax,org.w3c.dom\n";

/// The product's own limits for the host it starts on.
const VALIDATION_XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Configuration>
    <Validator class="org.wso2.carbon.core.bootup.validator.SystemValidator" enabled="true">
        <Parameter id="CPU">800</Parameter>
        <Parameter id="RAM">2047</Parameter>
        <Parameter id="openFiles">4096</Parameter>
    </Validator>
    <Validator class="org.wso2.carbon.core.bootup.validator.JVMValidator" enabled="true">
        <Parameter id="maxHeapSize">512</Parameter>
    </Validator>
</Configuration>
"#;
