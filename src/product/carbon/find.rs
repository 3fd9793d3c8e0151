//! How the home of a Carbon product is known among directories and processes.

use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Family, Product};
use upgrade_readiness_checks::version::ProductVersion;

use crate::collect::process::JavaProcess;
use crate::collect::text_file::read_text;
use crate::product::find::{Finder, Found, Looked};

/// Finds WSO2 Carbon products.
pub static FINDER: Finder =
    Finder { family: Family::Carbon, prepared_beside: true, is_installation, runs, look, keys };

/// Below a home: the product and its version.
const VERSION: &str = "bin/version.txt";
/// Below a home: the kernel's version, in every product on it.
const KERNEL_VERSION: &str = "bin/wso2carbon-version.txt";
/// Below a home: ports, up to kernel 4.4.
const CARBON_XML: &str = "repository/conf/carbon.xml";
/// Below a home: ports, since kernel 4.5.
const DEPLOYMENT_TOML: &str = "repository/conf/deployment.toml";

/// The class every Carbon server starts with.
const MAIN_CLASS: &[u8] = b"org.wso2.carbon.bootstrap.Bootstrap";

/// No product has a longer name.
const MOST_OF_NAME: usize = 80;

/// HTTPS, when no offset is added.
const HTTPS_PORT: u16 = 9443;

fn is_installation(dir: &Path) -> bool {
    dir.join(KERNEL_VERSION).is_file()
        || dir.join(CARBON_XML).is_file()
        || (dir.join(VERSION).is_file() && dir.join("repository/components").is_dir())
}

fn runs(process: &JavaProcess) -> Option<PathBuf> {
    let is_carbon = process.arguments.iter().any(|argument| argument == MAIN_CLASS);
    is_carbon.then(|| process.path_of("carbon.home")).flatten()
}

fn look(home: &Path, process: Option<&JavaProcess>) -> Looked {
    let stated = |file: &str| read_text(&home.join(file)).ok().as_deref().and_then(parse_version);
    let kernel = || stated(KERNEL_VERSION).and_then(|(_, version)| version);
    let (product, called, version) = match stated(VERSION) {
        None => (Product::Wso2Carbon, None, kernel()),
        Some((name, version)) => match product_called(&name) {
            Some(product) => (product, None, version),
            // It is watched as what it is built on.
            None => (Product::Wso2Carbon, Some(name), kernel()),
        },
    };
    let offset = process
        .and_then(|process| process.property("portOffset"))
        .and_then(|offset| offset.trim().parse().ok())
        .or_else(|| configured_offset(home))
        .unwrap_or(0);
    let port = HTTPS_PORT.checked_add(offset);
    let base_url = port.map(|port| format!("https://127.0.0.1:{port}"));
    Looked { product, called, version, base_url }
}

/// `WSO2 API Manager v2.6.0`: the name, and the version when it is one.
fn parse_version(text: &str) -> Option<(String, Option<ProductVersion>)> {
    let (name, version) = text.lines().next()?.trim().rsplit_once(" v")?;
    let name = name.trim();
    let fits = !name.is_empty() && name.len() <= MOST_OF_NAME && !name.chars().any(char::is_control);
    (fits && !name.contains("${")).then(|| (name.to_owned(), version.trim().parse().ok()))
}

fn product_called(name: &str) -> Option<Product> {
    let mut of_family = Product::ALL.into_iter().filter(|product| product.family() == Family::Carbon);
    of_family.find(|product| product.name().eq_ignore_ascii_case(name))
}

/// What the configuration adds to every port, when it says so in one place.
fn configured_offset(home: &Path) -> Option<u16> {
    if let Ok(text) = read_text(&home.join(DEPLOYMENT_TOML)) {
        let offset = text.parse::<toml::Table>().ok()?.get("server")?.get("offset")?.clone();
        return offset
            .as_integer()
            .and_then(|offset| offset.try_into().ok())
            .or_else(|| offset.as_str()?.parse().ok());
    }
    let text = read_text(&home.join(CARBON_XML)).ok()?;
    let mut parts = text.split("<Offset>").skip(1);
    let offset = parts.next()?.split('<').next()?.trim().parse().ok();
    offset.filter(|_| parts.next().is_none())
}

fn keys(found: &Found) -> String {
    let home = toml::Value::from(found.installation_dir.display().to_string());
    let base_url = found.says.base_url.as_deref().unwrap_or("https://127.0.0.1:9443");
    format!(
        r#"# Its HTTP side, where health and login page are asked without logging in. The certificate must be one the host
# trusts, or its issuer must be named.
#[instance.http]
#base_url = "{base_url}"
#ca_file = "/etc/ssl/certs/company.pem"

# Needed when the passwords of the data sources are kept in a secure vault, or when the agent should look with an
# account of its own. It is used for every database of {home}.
#[instance.database]
#username = "readiness"
#password_file = "/etc/upgrade-readiness-agent/database-password"

# Where backups of its databases and of its home are.
#[instance.backups.database]
#places = ["/backup/*.dump"]
#[instance.backups.installation]
#places = ["/backup/home-*.tar.gz"]

# The archive the running release came in, untouched: with it own changes of the configuration are known.
#[instance.files]
#pristine = "/srv/vendor/release.zip"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::find::testing::FakeHost;

    #[test]
    fn the_product_is_told_by_its_own_words() {
        let rows = [
            ("WSO2 API Manager v2.6.0\n", Product::Wso2ApiManager, None, Some("2.6.0")),
            ("wso2 identity server v5.11.0", Product::Wso2IdentityServer, None, Some("5.11.0")),
            ("WSO2 Carbon v4.4.6\n", Product::Wso2Carbon, None, Some("4.4.6")),
            ("WSO2 Mashup Server v2.3.0", Product::Wso2Carbon, Some("WSO2 Mashup Server"), Some("4.4.6")),
            ("WSO2 API Manager v${product.version}", Product::Wso2ApiManager, None, None),
            ("${product.name} v${product.version}", Product::Wso2Carbon, None, Some("4.4.6")),
            ("<html>please log in</html>", Product::Wso2Carbon, None, Some("4.4.6")),
            ("WSO2 \u{1b}[31mServer v1.0", Product::Wso2Carbon, None, Some("4.4.6")),
            ("", Product::Wso2Carbon, None, Some("4.4.6")),
        ];
        for (text, product, called, version) in rows {
            let host = FakeHost::new();
            host.write("x/bin/version.txt", text);
            host.write("x/bin/wso2carbon-version.txt", "WSO2 Carbon Framework v4.4.6\n");
            let survey = host.find();
            let says = &survey.proposed[0].instance.says;
            assert_eq!((says.product, says.called.as_deref()), (product, called), "{text:?}");
            assert_eq!(says.version.as_ref().map(ProductVersion::as_str), version, "{text:?}");
        }
    }

    #[test]
    fn the_port_is_that_of_the_process_or_of_the_configuration() {
        let rows: [(&[&str], &str, &str, &str); 7] = [
            (&[], "", "", "https://127.0.0.1:9443"),
            (&[], "<Ports><Offset>3</Offset></Ports>", "", "https://127.0.0.1:9446"),
            (&["-DportOffset=2"], "<Ports><Offset>3</Offset></Ports>", "", "https://127.0.0.1:9445"),
            (&[], "<!-- <Offset>7</Offset> --><Offset>3</Offset>", "", "https://127.0.0.1:9443"),
            (&[], "<Offset>3</Offset>", "[server]\noffset = 4\n", "https://127.0.0.1:9447"),
            (&[], "", "[server]\noffset = \"5\"\n", "https://127.0.0.1:9448"),
            (&[], "<Offset>65000</Offset>", "", "https://127.0.0.1:9443"),
        ];
        for (options, carbon_xml, deployment_toml, base_url) in rows {
            let host = FakeHost::new();
            host.write("x/repository/conf/carbon.xml", carbon_xml);
            if !deployment_toml.is_empty() {
                host.write("x/repository/conf/deployment.toml", deployment_toml);
            }
            let home = format!("-Dcarbon.home={}", host.at("x").display());
            let mut arguments = vec![home.as_str()];
            arguments.extend(options);
            arguments.push("org.wso2.carbon.bootstrap.Bootstrap");
            host.run(7, &arguments);
            let survey = host.find();
            let proposed = &survey.proposed[0];
            assert_eq!(proposed.instance.pid, Some(7));
            assert!(proposed.keys.contains(base_url), "{base_url}: {}", proposed.keys);
        }
    }

    #[test]
    fn other_programs_are_none() {
        let host = FakeHost::new();
        host.write("x/bin/version.txt", "Something v1.0\n");
        host.write("y/conf/carbon.xml", "<x/>");
        host.run(7, &["-Dcarbon.home=/x", "com.example.Main"]);
        host.run(8, &["org.wso2.carbon.bootstrap.Bootstrap"]);
        let survey = host.find();
        assert!(survey.proposed.is_empty() && survey.troubles.is_empty(), "{survey:?}");
    }
}
