//! Files that administrators change, and what is typically in them.

use super::Change;

/// A file people are known to change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// How its path ends.
    ending: &'static str,
    /// What is typically in it.
    pub(super) holds: &'static str,
    /// How it is carried over, when that is not by comparing texts; `{path}` stands for its path.
    pub(super) redo: Option<&'static str>,
}

/// The most important first.
///
/// Sources: the vendor's upgrade guide on customised files, and the lists its installer prints.
static KNOWN: [Known; 20] = [
    text("/conf/server.xml", "connectors, proxyName, proxyPort and scheme, the context path, a data source"),
    text("/bin/setenv.sh", "the heap and other options of Java, environment variables"),
    text("/bin/setenv.bat", "the heap and other options of Java, environment variables"),
    text(
        "/confluence/WEB-INF/web.xml",
        "the session timeout, filters of single sign-on, the reference to a data source",
    ),
    text(
        "/WEB-INF/classes/seraph-config.xml",
        "the authenticator of single sign-on, addresses of login and logout",
    ),
    text("/WEB-INF/classes/crowd.properties", "the address of Crowd and the application's name and password"),
    Known {
        ending: "/lib/security/cacerts",
        holds: "certificates of the directory service, the mail server or a proxy",
        redo: Some(
            "`keytool -list -keystore {path}` shows the certificates in it. Import those that were added into the Java of \
             the new release with `keytool -importcert`; do not copy the file, or newer authorities are missing in it.",
        ),
    },
    text("/WEB-INF/classes/log4j.properties", "log levels and where the log goes"),
    text("/WEB-INF/classes/log4j2.xml", "log levels and where the log goes"),
    text("/WEB-INF/classes/log4j-diagnostic.properties", "log levels"),
    text("/WEB-INF/classes/atlassian-user.xml", "where users come from"),
    text("/WEB-INF/classes/osuser.xml", "where users come from"),
    text("/conf/web.xml", "servlet settings, the session timeout, security constraints"),
    text("/conf/context.xml", "data sources and session settings"),
    text("/conf/logging.properties", "log levels of the application server"),
    text("/bin/user.sh", "the user the service runs under, written by the installer"),
    text("/bin/setjre.sh", "the Java the service runs with, written by the installer"),
    text("/WEB-INF/urlrewrite.xml", "redirects"),
    Known {
        ending: "/repository/resources/security/wso2carbon.jks",
        holds: "the key that decrypts passwords of user stores and the secure vault, and the server's certificate",
        redo: Some(
            "`keytool -list -v -keystore {path}` shows its entries. Copy it to the same place in the new home, with the same \
             passwords and alias in its configuration: without that key what was encrypted cannot be read any more.",
        ),
    },
    Known {
        ending: "/repository/resources/security/client-truststore.jks",
        holds: "certificates of other servers, and of other nodes",
        redo: Some(
            "`keytool -list -keystore {path}` shows the certificates in it. Import those that were added into the truststore \
             of the new home with `keytool -importcert`.",
        ),
    },
];

const fn text(ending: &'static str, holds: &'static str) -> Known {
    Known { ending, holds, redo: None }
}

/// What is known of a file.
pub(super) fn known(path: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| path.ends_with(known.ending))
}

/// The lower, the more important.
pub(super) fn rank(path: &str, change: Change) -> usize {
    let later = match change {
        Change::Modified => 0,
        Change::Added => 100,
        Change::Removed => 200,
    };
    let position = KNOWN.iter().position(|known| path.ends_with(known.ending));
    position.unwrap_or_else(|| {
        let places = ["/conf/", "/bin/", "/WEB-INF/classes/", "/WEB-INF/lib/"];
        let place = places.iter().position(|place| path.contains(place)).unwrap_or(places.len());
        later + KNOWN.len() + place
    })
}

/// How the files of JDBC drivers begin, as their makers publish them.
const DRIVERS: [&str; 10] = [
    "postgresql-",
    "mysql-connector-j",
    "mariadb-java-client",
    "mssql-jdbc",
    "sqljdbc",
    "jtds",
    "ojdbc",
    "orai18n",
    "h2-",
    "hsqldb",
];

/// What differs in every installation and is nothing to carry over by hand.
pub(crate) fn is_expected(change: Change, path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_driver = || {
        let in_libraries = directory.ends_with("/lib");
        let is_jar = name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("jar"));
        in_libraries && is_jar && DRIVERS.iter().any(|driver| name.starts_with(driver))
    };
    match change {
        // It names the home, and the installer writes it.
        Change::Modified => path.ends_with("/WEB-INF/classes/confluence-init.properties") || is_driver(),
        Change::Added => is_driver(),
        Change::Removed => path.contains("/confluence/setup/") || is_driver(),
    }
}
