//! An example installation in a temporary folder, laid out as Confluence's installer does it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use upgrade_readiness_checks::facts::Product;
use upgrade_readiness_checks::model::Policy;

use super::site::versions::POM_PROPERTIES;
use crate::config::{DatabaseAccess, Instance, Marketplace};

/// What the installation is to be like.
#[derive(Debug)]
pub(crate) struct Example {
    version: String,
    build: String,
    setup_type: String,
    properties: Vec<(String, String)>,
}

impl Example {
    /// A single node with a PostgreSQL database.
    pub(crate) fn new() -> Self {
        let example = Self {
            version: "9.2.10".to_owned(),
            build: "9111".to_owned(),
            setup_type: "custom".to_owned(),
            properties: Vec::new(),
        };
        example
            .property("attachments.dir", "${confluenceHome}/attachments")
            .property("lucene.index.dir", "${localHome}/index")
            .property("confluence.webapp.context.path", "")
            .property("hibernate.connection.driver_class", "org.postgresql.Driver")
            .property("hibernate.connection.isolation", "2")
            .property("hibernate.connection.password", "S3CRET")
            .property("hibernate.connection.username", "confdb")
            .jdbc_url("jdbc:postgresql://db.example.com:5432/confluence")
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    pub(crate) fn build(mut self, build: &str) -> Self {
        build.clone_into(&mut self.build);
        self
    }

    /// A property of `confluence.cfg.xml`, in place of one of the same name.
    pub(crate) fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.retain(|(other, _)| other != name);
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.properties.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn jdbc_url(self, url: &str) -> Self {
        self.property("hibernate.connection.url", url)
    }

    pub(crate) fn license(self, text: &str) -> Self {
        self.property("atlassian.license.message", text)
    }

    /// A node of a cluster with its shared home in `shared`.
    pub(crate) fn cluster(mut self) -> Self {
        "cluster".clone_into(&mut self.setup_type);
        self.property("confluence.cluster", "true")
            .property("confluence.cluster.name", "wiki-cluster")
            .property("confluence.cluster.node.name", "node1")
    }

    /// Writes it all down.
    pub(crate) fn lay_out(mut self) -> LaidOut {
        let folder = TempDir::new().unwrap();
        // Somebody without rights must get as far as the file that is forbidden.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.path().canonicalize().unwrap();
        let laid_out = LaidOut { root, forbidden: RefCell::default(), _folder: folder };
        if self.setup_type == "cluster" {
            let shared = laid_out.root.join("shared").display().to_string();
            self = self.property("confluence.cluster.home", &shared).property("shared-home", &shared);
            laid_out.write("shared/confluence.cfg.xml", &self.cfg_xml());
            laid_out.make_dir(&laid_out.root.join("shared/attachments"));
        }
        let home = laid_out.home_dir();
        laid_out.write("home/confluence.cfg.xml", &self.cfg_xml());
        for name in ["attachments", "index", "logs", "temp"] {
            laid_out.make_dir(&home.join(name));
        }
        for name in ["conf", "logs", "temp", "work", "lib", "jre/bin"] {
            laid_out.make_dir(&laid_out.installation_dir().join(name));
        }
        laid_out.write(
            "install/confluence/WEB-INF/classes/confluence-init.properties",
            &format!("# where the home is\nconfluence.home = {}\n", home.display()),
        );
        let version = &self.version;
        laid_out.write(&format!("install/{POM_PROPERTIES}"), &format!("#Generated\nversion={version}\n"));
        for jar in [&format!("confluence-{version}.jar"), "postgresql-42.7.3.jar", "h2-1.4.200.jar"] {
            laid_out.write(&format!("install/confluence/WEB-INF/lib/{jar}"), "");
        }
        laid_out.write(
            "install/bin/setenv.sh",
            "CATALINA_OPTS=\"-Xms1024m -Xmx1024m ${CATALINA_OPTS}\"\nexport CATALINA_OPTS\n",
        );
        laid_out.write(
            "install/bin/user.sh",
            "CONF_USER=\"root\" # user created by installer\nexport CONF_USER\n",
        );
        laid_out.write(
            "install/conf/server.xml",
            "<Server port=\"8000\"><Service><Connector port=\"8090\" maxThreads=\"48\"/><Engine><Host>\
             <Context path=\"\" docBase=\"../confluence\"/></Host></Engine></Service></Server>",
        );
        laid_out
    }

    fn cfg_xml(&self) -> String {
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n<confluence-configuration>\n  \
             <setupStep>complete</setupStep>\n  <setupType>{}</setupType>\n  \
             <buildNumber>{}</buildNumber>\n  <properties>\n",
            self.setup_type, self.build
        );
        for (name, value) in &self.properties {
            let value = value.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(text, "    <property name=\"{name}\">{value}</property>").unwrap();
        }
        text + "  </properties>\n</confluence-configuration>\n"
    }
}

/// An installation that has been written down; it goes away with this value.
#[derive(Debug)]
pub(crate) struct LaidOut {
    root: PathBuf,
    forbidden: RefCell<Vec<PathBuf>>,
    _folder: TempDir,
}

impl Drop for LaidOut {
    /// Gives the rights back, or the folder could not be removed.
    fn drop(&mut self) {
        for path in self.forbidden.borrow().iter() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

impl LaidOut {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn installation_dir(&self) -> PathBuf {
        self.root.join("install")
    }

    pub(crate) fn home_dir(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The instance as it would be configured: its home is found by itself.
    pub(crate) fn instance(&self) -> Instance {
        Instance {
            name: "wiki".to_owned(),
            product: Product::Confluence,
            installation_dir: self.installation_dir(),
            home_dir: None,
            targets: Vec::new(),
            upgrade_on: None,
            http: None,
            database: DatabaseAccess::default(),
            sources_off: std::collections::BTreeSet::new(),
            marketplace: Marketplace::Off,
            policy: Policy::default(),
        }
    }

    /// Writes a file below the root, and the directories to it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        self.make_dir(path.parent().unwrap());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Makes a directory below the root with the usual rights, whatever the mask of the person who tests.
    fn make_dir(&self, path: &Path) {
        if path == self.root || path.is_dir() {
            return;
        }
        self.make_dir(path.parent().unwrap());
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.root.join(name)).unwrap();
    }

    /// Takes every right on a file or directory away.
    pub(crate) fn forbid(&self, name: &str) {
        self.set_mode(name, 0o000);
        self.forbidden.borrow_mut().push(self.root.join(name));
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Runs something as a user who owns nothing: on a thread of its own that gives its rights away.
///
/// Whoever is not root cannot give rights away, and is stopped by missing rights as it is.
pub(crate) fn as_nobody<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    let unprivileged = move || {
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = (Uid::from_raw(65_534), Gid::from_raw(65_534));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
        }
        run()
    };
    std::thread::spawn(unprivileged).join().unwrap()
//! A Confluence and a marketplace for tests: servers on loopback with the documented shapes.
use std::io::Write;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use crate::config::{Credentials, HttpAccess, SecretSource};
/// The secret every test sends.
pub(super) const SECRET: &str = "s3cret-t0ken-4711";
/// A server that answers some paths, and 404 on all others.
pub(super) struct Fake {
    pub(super) server: MockServer,
    secret: NamedTempFile,
impl Fake {
    pub(super) async fn start() -> Self {
        let mut secret = NamedTempFile::new().unwrap();
        secret.write_all(SECRET.as_bytes()).unwrap();
        Self { server: MockServer::start().await, secret }
    /// Answers a path; what is said first counts.
    pub(super) async fn answer(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    pub(super) async fn json(&self, at: &str, body: Value) {
        self.answer(at, ResponseTemplate::new(200).set_body_json(body)).await;
    pub(super) async fn status(&self, at: &str, status: u16) {
        self.answer(at, ResponseTemplate::new(status)).await;
    fn token(&self) -> SecretSource {
        SecretSource::File(self.secret.path().to_owned())
    /// The way to it with a token.
    pub(super) fn access(&self) -> HttpAccess {
        HttpAccess {
            base_url: self.server.uri().parse().unwrap(),
            credentials: Credentials::Bearer(self.token()),
            ca_file: None,
    /// The way to it with a password.
    pub(super) fn access_with_password(&self) -> HttpAccess {
        let credentials = Credentials::Basic { username: "admin".to_owned(), password: self.token() };
        HttpAccess { credentials, ..self.access() }
    /// The paths that were asked for so far, with their queries, in order.
    pub(super) async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .map(|request| match request.url.query() {
                Some(query) => format!("{}?{query}", request.url.path()),
                None => request.url.path().to_owned(),
            })
            .collect()
/// A page for people, as Confluence gives it in place of data.
pub(super) fn html(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/html;charset=UTF-8")
/// The login page: its form posts `os_username` to `dologin.action`.
pub(super) fn login_page() -> ResponseTemplate {
    html(
        200,
        "<!DOCTYPE html><title>Log In - Confluence</title><form action=\"/dologin.action\"><input name=\"os_username\">",
    )
/// The screen of a Confluence that is starting, served from paths that contain `johnson`.
pub(super) fn starting_page() -> ResponseTemplate {
    html(503, "<!DOCTYPE html><link rel=\"stylesheet\" href=\"/johnson/static/main.css\">")
/// One entry of the list of installed plug-ins.
/// Shape: redradishtech/atl_manage, lib/http.sh (getplugindata).
pub(super) fn plugin(key: &str, version: &str, user_installed: bool) -> Value {
    json!({
        "key": key, "name": format!("{key} for Confluence"), "version": version, "enabled": true,
        "userInstalled": user_installed, "optional": true, "static": false, "unloadable": true,
        "usesLicensing": true, "description": SECRET,
        "vendor": {"name": "A Vendor", "link": "https://vendor.example.com"},
        "links": {"self": format!("/rest/plugins/1.0/{key}-key")},
    })
/// A version of a plug-in as the marketplace lists it, for releases of Confluence from `min` to `max`.
/// Shape: a public TypeScript interface for `compatibilities[].hosting.dataCenter.{min,max}.{version,build}`,
/// and the names around it from Atlassian's marketplace-client-java.
pub(super) fn app_version(name: &str, min: &str, max: &str) -> Value {
    json!({
        "name": name, "buildNumber": 700_200_000, "status": "public", "paymentModel": "atlassian",
        "release": {"date": "2026-01-01"},
        "compatibilities": [{"application": "confluence", "hosting": {
            "dataCenter": {"min": {"build": 1, "version": min}, "max": {"build": 2, "version": max}},
        }}],
    })
/// A page of the marketplace, as marketplace-client-java and Atlassian's
/// data-center-helm-charts (`update_versions.py`) read it.
pub(super) fn page(versions: &[Value], next: Option<&str>) -> Value {
    match next {
        None => json!({"_embedded": {"versions": versions}, "_links": {"self": {"href": "/x"}}}),
        Some(next) => json!({"_embedded": {"versions": versions}, "_links": {"next": {"href": next}}}),
}
