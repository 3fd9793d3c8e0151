//! The web application of the example, with the vendor's list of hashes and two files somebody changed.

use std::fmt::Write as _;
use std::path::Path;

use md5::{Digest, Md5};

use super::super::files::write;
use super::VERSION;

/// Where the list stands, below the web application.
const REGISTRY: &str = "WEB-INF/classes/hash-registry.properties";

/// What the vendor shipped, and what somebody made of it.
const FILES: [(&str, &str, Option<&str>); 7] = [
    (
        "WEB-INF/web.xml",
        "<web-app><session-config><session-timeout>60</session-timeout></session-config></web-app>\n",
        Some("<web-app><session-config><session-timeout>480</session-timeout></session-config></web-app>\n"),
    ),
    (
        "WEB-INF/classes/seraph-config.xml",
        "<security-config><authenticator class=\"com.atlassian.confluence.user.ConfluenceAuthenticator\"/></security-config>\n",
        Some(
            "<security-config><authenticator class=\"com.example.sso.HeaderAuthenticator\"/></security-config>\n",
        ),
    ),
    ("WEB-INF/classes/log4j.properties", "log4j.rootLogger=WARN, confluencelog\n", None),
    ("WEB-INF/urlrewrite.xml", "<urlrewrite/>\n", None),
    ("decorators/main.vmd", "<html>$body</html>\n", None),
    ("robots.txt", "User-agent: *\nDisallow: /admin/\n", None),
    ("404.vm", "<p>Page not found</p>\n", None),
];

/// Writes the web application and the vendor's hashes of it. What else lies there came with it as it is.
pub(super) fn lay_out(webapp: &Path, as_shipped: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut registry = format!(
        "# THIS FILE IS GENERATED - DO NOT MODIFY. algorithm: MD5 HEX\n# Confluence {VERSION} of the example\n"
    );
    let mut list = |name: &str, content: &str| {
        write!(registry, "fs.{name}=")?;
        for byte in Md5::digest(content) {
            write!(registry, "{byte:02x}")?;
        }
        writeln!(registry)
    };
    for (name, shipped, changed) in FILES {
        write(&webapp.join(name), changed.unwrap_or(shipped))?;
        list(name, shipped)?;
    }
    // Every installation names its home there.
    list("WEB-INF/classes/confluence-init.properties", "# confluence.home=\n")?;
    for (name, content) in as_shipped {
        list(name, content)?;
    }
    write(&webapp.join(REGISTRY), &registry)
}
