//! Which version a home is: told by two text files, `carbon.xml`, and the name of the kernel's own bundle.

use std::path::Path;

use upgrade_readiness_checks::facts::{ConfigurationModel, Field, Product, Statement, StatementOf};
use upgrade_readiness_checks::version::ProductVersion;

use super::carbon_xml::{self, CarbonXml};
use super::error::{HomeError, explained, field, list};
use super::model_of;
use crate::collect::text_file::read_text_up_to;

/// Below the home: the product's name and version, in one line.
pub const PRODUCT: &str = "bin/version.txt";
/// Below the home: the kernel's.
pub const KERNEL: &str = "bin/wso2carbon-version.txt";
/// Below the home: the bundles of the distribution.
pub const PLUGINS: &str = "repository/components/plugins";
/// The kernel's own bundle is this, its version and `.jar`.
const CORE: &str = "org.wso2.carbon.core_";

/// No such line is longer.
const MOST_BYTES: u64 = 4096;
/// No home has more bundles.
const MOST_BUNDLES: usize = 20_000;

/// What a home says of its version.
#[derive(Debug)]
pub struct Versions {
    /// The product, as `bin/version.txt` names it.
    pub product_name: Field<String>,
    /// The product's version, as the same file states it.
    pub product: Field<ProductVersion>,
    /// The kernel's version: `bin/wso2carbon-version.txt`, or the kernel's bundle where a product has no such file.
    pub kernel: Field<ProductVersion>,
    /// Every place that states one.
    pub statements: Vec<Statement>,
}

impl Versions {
    /// The version that counts for a product: for the kernel alone its own, else that of the product on it.
    #[must_use]
    pub fn of(&self, product: Product) -> &Field<ProductVersion> {
        if product == Product::Wso2Carbon { &self.kernel } else { &self.product }
    }
}

/// Reads every place that states a version.
pub fn read_versions(home: &Path) -> Versions {
    let configured = carbon_xml::read_carbon_xml(home);
    versions(home, &configured)
}

pub(super) fn versions(home: &Path, configured: &Result<CarbonXml, HomeError>) -> Versions {
    let product = read_line(&home.join(PRODUCT));
    let kernel = read_line(&home.join(KERNEL));
    let bundles = read_bundles(home);
    let mut statements = vec![statement(home.join(PRODUCT).as_path(), StatementOf::ProgramVersion, &product)];
    // Some products have no such file; their kernel is told by its bundle.
    let no_kernel_file = matches!(&kernel, Err(error) if error.is_absence());
    if !no_kernel_file {
        statements.push(statement(home.join(KERNEL).as_path(), StatementOf::KernelVersion, &kernel));
    }
    // Where deployment.toml rules, the file is made at the first start.
    let is_made = || matches!(model_of(home), Ok(ConfigurationModel::Toml));
    if !matches!(configured, Err(error) if error.is_absence() && is_made()) {
        statements.push(Statement {
            place: home.join(carbon_xml::FILE).display().to_string(),
            of: StatementOf::ConfiguredVersion,
            says: configured_version(home, configured),
        });
    }
    let core = bundles.iter().find_map(|statement| statement.says.value()).cloned();
    statements.extend(bundles);
    let kernel = match core {
        Some(core) if no_kernel_file => Ok((String::new(), core)),
        Some(_) | None => kernel,
    };
    Versions {
        product_name: field(product.as_ref().map(|(name, _)| name.clone()).map_err(explained)),
        product: parsed(product.map(|(_, version)| version)),
        kernel: parsed(kernel.map(|(_, version)| version)),
        statements,
    }
}

fn statement(place: &Path, of: StatementOf, line: &Result<(String, String), HomeError>) -> Statement {
    let says = field(line.as_ref().map(|(_, version)| version.clone()).map_err(explained));
    Statement { place: place.display().to_string(), of, says }
}

fn parsed(text: Result<String, HomeError>) -> Field<ProductVersion> {
    match field(text) {
        Field::Read(text) => match text.parse() {
            Ok(version) => Field::Read(version),
            Err(error) => Field::Unread(format!("the home states a version that is none: {error}")),
        },
        Field::Unread(why) => Field::Unread(why),
    }
}

/// Name and version of a line such as `WSO2 API Manager v2.6.0`.
fn read_line(path: &Path) -> Result<(String, String), HomeError> {
    let text = read_text_up_to(path, MOST_BYTES)?;
    parse_line(&text).ok_or_else(|| HomeError::Unfit {
        path: path.to_owned(),
        complaint: "has no line of the form \"<name> v<version>\"".to_owned(),
    })
}

/// An update tool may add a timestamp to the version, behind a plus sign, which is not part of it.
fn parse_line(text: &str) -> Option<(String, String)> {
    let line = text.trim_start_matches('\u{feff}').lines().map(str::trim).find(|line| !line.is_empty())?;
    let (name, version) = line.rsplit_once(" v")?;
    let version = version.split(['+', ' ']).next()?;
    let begins = version.starts_with(|first: char| first.is_ascii_digit());
    // A page for people may have such words in it.
    (begins && !name.is_empty() && line.len() <= 200 && !line.contains('<'))
        .then(|| (name.trim().to_owned(), version.to_owned()))
}

fn configured_version(home: &Path, configured: &Result<CarbonXml, HomeError>) -> Field<String> {
    let place = home.join(carbon_xml::FILE);
    match configured {
        Err(error) => field(Err(explained(error))),
        Ok(CarbonXml { version: None, .. }) => Field::Unread(format!("{} has no Version", place.display())),
        Ok(CarbonXml { version: Some(text), .. }) if text.contains("${") => Field::Unread(format!(
            "{} still has the placeholder {text} of the build in place of the version; configure the product from the \
             vendor's archive",
            place.display()
        )),
        Ok(CarbonXml { version: Some(text), .. }) => Field::Read(text.clone()),
    }
}

/// What the name of the kernel's bundle states: nobody edits that by hand.
fn read_bundles(home: &Path) -> Vec<Statement> {
    let plugins = home.join(PLUGINS);
    let bundle = |place: &Path, says| Statement {
        place: place.display().to_string(),
        of: StatementOf::BundleVersion,
        says,
    };
    let names = match list(&plugins, MOST_BUNDLES, "bundles") {
        Ok(names) => names,
        Err(error) => return vec![bundle(&plugins, field(Err(error)))],
    };
    let version = |name: &str| name.strip_prefix(CORE)?.strip_suffix(".jar").map(str::to_owned);
    let found: Vec<_> = names
        .iter()
        .filter_map(|name| Some(bundle(&plugins.join(name), Field::Read(version(name)?))))
        .collect();
    if found.is_empty() {
        let why = format!("{} has no {CORE}<version>.jar", plugins.display());
        return vec![bundle(&plugins, Field::Unread(why))];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    fn brief(versions: &Versions) -> Vec<(StatementOf, Option<&str>)> {
        versions.statements.iter().map(|each| (each.of, each.says.value().map(String::as_str))).collect()
    }

    #[test]
    fn four_places_state_a_version() {
        let example = Example::new().version("4.4.6").lay_out();
        let versions = read_versions(&example.home());
        assert_eq!(
            brief(&versions),
            [
                (StatementOf::ProgramVersion, Some("4.4.6")),
                (StatementOf::KernelVersion, Some("4.4.6")),
                (StatementOf::ConfiguredVersion, Some("4.4.6")),
                (StatementOf::BundleVersion, Some("4.4.6")),
            ]
        );
        assert_eq!(versions.product_name, Field::Read("WSO2 Carbon".to_owned()));
        assert_eq!(versions.of(Product::Wso2Carbon).value().unwrap().as_str(), "4.4.6");
    }

    #[test]
    fn a_product_has_a_version_beside_its_kernels() {
        let example = Example::new().lay_out();
        example.write("bin/version.txt", "WSO2 API Manager v2.6.0+1660491962474.full\n");
        example.write("repository/components/plugins/org.wso2.carbon.core_4.4.6.1.jar", "");
        let versions = read_versions(&example.home());
        assert_eq!(versions.product_name, Field::Read("WSO2 API Manager".to_owned()));
        assert_eq!(versions.of(Product::Wso2ApiManager).value().unwrap().as_str(), "2.6.0");
        assert_eq!(versions.of(Product::Wso2Carbon).value().unwrap().as_str(), "4.4.6");
        assert!(brief(&versions).contains(&(StatementOf::BundleVersion, Some("4.4.6.1"))));
    }

    #[test]
    fn lines_are_read_as_the_vendor_writes_them() {
        let rows = [
            ("WSO2 Carbon v4.4.7\n", Some(("WSO2 Carbon", "4.4.7"))),
            (
                "\u{feff}WSO2 Carbon Framework v4.5.0-SNAPSHOT\r\n",
                Some(("WSO2 Carbon Framework", "4.5.0-SNAPSHOT")),
            ),
            ("\n\nWSO2 very good thing v3.2.0", Some(("WSO2 very good thing", "3.2.0"))),
            ("${product.name} v${product.version}", None),
            ("<html><body>Log in v1</body></html>", None),
            ("4.4.7", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(parse_line(text), expected, "{text}");
        }
    }

    #[test]
    fn a_place_that_says_nothing_is_told_as_such() {
        let example = Example::new().lay_out();
        example.remove("bin/version.txt");
        example.write("repository/conf/carbon.xml", "<Server><Version>${carbon.version}</Version></Server>");
        example.remove("repository/components/plugins/org.wso2.carbon.core_4.4.6.jar");
        let versions = read_versions(&example.home());
        let whys: Vec<_> = versions.statements.iter().map(|each| each.says.value()).collect();
        assert_eq!(whys.iter().filter(|says| says.is_none()).count(), 3, "{:?}", versions.statements);
        let Field::Unread(why) = &versions.statements[2].says else { panic!() };
        assert!(why.contains("placeholder ${carbon.version}"), "{why}");
        assert!(matches!(versions.product, Field::Unread(_)));

        example.remove("bin/wso2carbon-version.txt");
        example.write("repository/components/plugins/org.wso2.carbon.core_4.4.35.jar", "");
        let versions = read_versions(&example.home());
        assert_eq!(versions.kernel.value().unwrap().as_str(), "4.4.35", "the bundle tells the kernel");
    }
}
