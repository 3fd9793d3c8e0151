//! A secret planted in every place one can stand, the log at its most talkative, and all outputs searched for it.

#![cfg(test)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};

use process::{Running, agent, command, eventually, free_port};
use rustix::process::Signal;

/// Begins every planted secret; no other text has it.
const MARK: &str = "zq9Xplanted";

/// The demo's example, under a configuration of its own with secrets everywhere.
struct Planted {
    dir: tempfile::TempDir,
    address: String,
    _demo: Running,
}

impl Planted {
    async fn lay_out(product: &str) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        let demo_address = format!("127.0.0.1:{}", free_port());
        let mut demo = agent();
        demo.args(["demo", "--product", product, "--listen", &demo_address, "--dir"])
            .arg(dir.path().join("example"));
        let demo = Running::start(&mut demo, &dir.path().join("demo.out"), &dir.path().join("demo.err"));
        let address = format!("127.0.0.1:{}", free_port());
        let planted = Self { dir, address, _demo: demo };
        eventually("the demo is ready", async || try_get(&demo_address, "/-/ready").await.is_some()).await;
        planted
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn example(&self, name: &str) -> PathBuf {
        self.path("example").join(name)
    }

    /// Writes a configuration from the demo's and returns its path.
    fn configure(&self, name: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let demo = fs::read_to_string(self.example("agent.toml")).unwrap();
        let listen = demo.lines().find(|line| line.starts_with("listen")).unwrap().to_owned();
        let text = demo
            .replace(&listen, &format!("listen = \"{}\"\n\n[log]\nlevel = \"trace\"", self.address))
            .replace(&self.example("state").display().to_string(), &self.path("state").display().to_string());
        let path = self.path(name);
        fs::write(&path, change(text)).unwrap();
        path
    }

    fn rewrite(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.example(name);
        let text = fs::read_to_string(&path).unwrap();
        let new = change(text.clone());
        assert_ne!(text, new, "{name} is changed");
        fs::write(path, new).unwrap();
    }

    /// Runs the daemon on a configuration and returns everything anybody could see of it.
    async fn everything_said(&self, config: &Path, variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let mut run = agent();
        run.args(["run", "--config"]).arg(config).envs(variables.iter().copied());
        let mut daemon = Running::start(&mut run, &out, &err);
        eventually("every source was asked", async || try_get(&self.address, "/-/ready").await.is_some())
            .await;
        let mut said = Vec::new();
        for path in ["/", "/instances/wiki?open=all", "/metrics", "/api/v1/status", "/nothing-here"] {
            let answer = reqwest::get(format!("http://{}{path}", self.address)).await.unwrap();
            said.push((format!("GET {path}"), answer.text().await.unwrap()));
        }
        let processes = command("ps").args(["axww", "-o", "args"]).output().unwrap();
        said.push(("the process list".into(), String::from_utf8_lossy(&processes.stdout).into_owned()));
        let facts = self.path("facts.json");
        let facts = facts.to_str().unwrap();
        for arguments in [
            vec!["status"],
            vec!["status", "--output", "json"],
            vec!["status", "--output", "markdown"],
            vec!["status", "--output", "nagios"],
            vec!["config", "show"],
            vec!["config", "check"],
            vec!["refresh"],
            vec!["snapshot", "--output", facts],
            vec!["check"],
            vec!["check", "--facts", facts],
            vec!["plan", "--facts", facts, "--target", "latest"],
            vec!["plan", "--facts", facts, "--target", "latest", "--output", "html"],
            vec!["plan", "--facts", facts, "--target", "latest", "--output", "json"],
        ] {
            let mut one = agent();
            one.args(&arguments).arg("--config").arg(config).envs(variables.iter().copied());
            let output = one.output().unwrap();
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            said.push((arguments.join(" "), text));
        }
        daemon.signal(Signal::TERM);
        let code = daemon.wait();
        for (name, path) in [
            ("the log", err),
            ("the output", out),
            ("the facts", facts.into()),
            ("the status file", self.path("state/status.json")),
        ] {
            said.push((name.into(), fs::read_to_string(path).unwrap()));
        }
        keep_in_mind(&self.path("state"), &mut said);
        assert_eq!(code, Some(0));
        assert!(said.iter().any(|(name, text)| name == "the log" && text.contains(" TRACE ")));
        said
    }
}

/// Adds what the agent wrote down for itself.
fn keep_in_mind(dir: &Path, said: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            keep_in_mind(&path, said);
        } else if path.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            said.push((path.display().to_string(), text));
        }
    }
}

async fn try_get(address: &str, path: &str) -> Option<String> {
    reqwest::get(format!("http://{address}{path}")).await.ok()?.error_for_status().ok()?.text().await.ok()
}

/// Searches what was said for the secrets, and for the forms in which they travel.
fn search(said: &[(String, String)], secrets: &[String]) {
    for (place, text) in said {
        for secret in secrets {
            let told = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(told.is_none(), "{secret:?} is in {place}: {told:?}");
        }
    }
}

fn secret(name: &str) -> String {
    format!("{MARK}-{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_instance_or_the_configuration_is_told_anywhere() {
    let planted = Planted::lay_out("confluence").await;
    let cfg = fs::read_to_string(planted.example("home/confluence.cfg.xml")).unwrap();
    let license = cfg.split("license.message\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let mut secrets = vec![MARK.to_owned(), license.chars().take(40).collect(), "Example Ltd".to_owned()];

    planted.rewrite("home/confluence.cfg.xml", |text| {
        let more = [
            "jwt.private.key",
            "synchrony.service.authtoken",
            "opensearch.password",
            "confluence.cluster.authentication.secret",
        ]
        .map(|name| format!("<property name=\"{name}\">{}</property>", secret(name)))
        .concat();
        text.replace("</properties>", &format!("{more}</properties>"))
    });
    planted.rewrite("opt/confluence/conf/server.xml", |text| {
        let source = format!(
            "<Resource name=\"jdbc/confluence\" type=\"javax.sql.DataSource\" username=\"confluence\" password=\"{0}\" \
             url=\"jdbc:postgresql://127.0.0.1:1/confluence?user=u&amp;password={0}\"/><Context path=\"\"",
            secret("server.xml")
        );
        text.replace("<Context path=\"\"", &source).replace(
            "<Connector port",
            &format!("<Connector keystorePass=\"{}\" port", secret("keystore")),
        )
    });
    planted.rewrite("opt/confluence/bin/setenv.sh", |text| {
        let more = format!(
            "CATALINA_OPTS=\"-Djavax.net.ssl.keyStorePassword={0} -Dopensearch.password={0} \
             -Dsynchrony.service.url=http://{0}:{0}@sync.example.com/synchrony/v1?token={0}#{0} ${{CATALINA_OPTS}}\"\n",
            secret("setenv.sh")
        );
        text + &more + &format!("export DB_PASSWORD={}\n", secret("exported"))
    });

    let token = planted.path("token");
    fs::write(&token, secret("token") + "\n").unwrap();
    let config = planted.configure("first.toml", |text| {
        text.replace(
            "[instance.marketplace]",
            &format!("token_file = \"{}\"\n\n[instance.marketplace]", token.display()),
        )
    });
    search(&planted.everything_said(&config, &[]).await, &secrets);

    // The same with a password in the environment, and the account's name and password in the JDBC URL.
    planted.rewrite("home/confluence.cfg.xml", |text| {
        text.replace(
            "/confluence</property>",
            &format!("/confluence?user={0}&amp;password={0}</property>", secret("url")),
        )
        .replace("example-secret-7f3a", &secret("cfg.xml"))
    });
    let basic = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("somebody:{}", secret("basic")))
    };
    secrets.push(basic);
    let config = planted.configure("second.toml", |text| {
        text.replace(
            "[instance.marketplace]",
            "username = \"somebody\"\npassword_env = \"WIKI_PASSWORD\"\n\n[instance.marketplace]",
        )
    });
    search(&planted.everything_said(&config, &[("WIKI_PASSWORD", &secret("basic"))]).await, &secrets);

    // And a URL and account of the agent's own, by a data source this time.
    planted.rewrite("home/confluence.cfg.xml", |text| {
        text.replace("hibernate.connection.url", "hibernate.connection.datasource")
            .replace("jdbc:postgresql://127.0.0.1", "java:comp/env/jdbc/confluence-127.0.0.1")
    });
    let config = planted.configure("third.toml", |text| {
        text + &format!(
            "\n[instance.database]\nurl = \"jdbc:postgresql://x:{0}@127.0.0.1:1/confluence?password={0}&sslpassword={0}\"\n\
             username = \"readiness\"\npassword_env = \"DB_PASSWORD\"\n",
            secret("config")
        )
    });
    search(&planted.everything_said(&config, &[("DB_PASSWORD", &secret("agent"))]).await, &secrets);
}

/// Plants secrets wherever a home of a Carbon product may hold one; each home has its own.
fn plant_in_carbon_home(planted: &Planted, release: &str) {
    let home = format!("opt/wso2/wso2carbon-{release}");
    let secret = |name: &str| secret(&format!("{release}-{name}"));
    let file = |below: &str| format!("{home}/{below}");
    planted.rewrite(&file("repository/conf/datasources/master-datasources.xml"), |text| {
        let other = format!(
            "<datasource><name>WSO2_OTHER_DB</name><jndiConfig><name>jdbc/Other</name></jndiConfig>\
             <definition type=\"RDBMS\"><configuration>\
             <dataSourceClassName>org.postgresql.ds.PGSimpleDataSource</dataSourceClassName><dataSourceProps>\
             <property name=\"url\">jdbc:postgresql://127.0.0.1:1/other?user={0}&amp;password={0}</property>\
             <property name=\"user\">somebody</property><property name=\"password\">{1}</property>\
             </dataSourceProps></configuration></definition></datasource></datasources>",
            secret("url"),
            secret("props"),
        );
        let (before, rest) = text.split_once("<password>").unwrap();
        let (_, after) = rest.split_once("</password>").unwrap();
        format!("{before}<password>{}</password>{after}", secret("datasource"))
            .replace("</datasources>", &other)
    });
    planted.rewrite(&file("repository/conf/carbon.xml"), |text| {
        let (before, rest) = text.split_once("<DeploymentSynchronizer>").unwrap();
        let (_, after) = rest.split_once("</DeploymentSynchronizer>").unwrap();
        let text = format!("{before}{after}");
        text.replace(
            "</Server>",
            &format!(
                "<Security><KeyStore><Location>wso2carbon.jks</Location><Password>{0}</Password>\
                 <KeyPassword>{0}</KeyPassword></KeyStore></Security><DeploymentSynchronizer><Enabled>true</Enabled>\
                 <AutoCommit>true</AutoCommit><RepositoryType>svn</RepositoryType>\
                 <SvnUrl>https://{1}:{1}@svn.example.com/repo?token={1}</SvnUrl><SvnUser>svn</SvnUser>\
                 <SvnPassword>{2}</SvnPassword></DeploymentSynchronizer></Server>",
                secret("keystore"),
                secret("svn-url"),
                secret("svn")
            ),
        )
    });
    planted.rewrite(&file("repository/conf/registry.xml"), |text| {
        text.replace(
            "</wso2registry>",
            &format!(
                "<dbConfig name=\"direct\"><url>jdbc:postgresql://127.0.0.1:1/reg?password={0}</url><userName>u</userName>\
                 <password>{0}</password></dbConfig><remoteInstance url=\"https://{1}:{1}@reg.example.com/registry\">\
                 <id>mounted</id><dbConfig>direct</dbConfig><cacheId>u@jdbc:postgresql://127.0.0.1:1/reg?password={1}</cacheId>\
                 <registryRoot>/</registryRoot></remoteInstance><mount path=\"/_system/governance\" overwrite=\"true\">\
                 <instanceId>mounted</instanceId><targetPath>/g</targetPath></mount></wso2registry>",
                secret("registry"),
                secret("mount")
            ),
        )
    });
    planted.rewrite(&file("repository/conf/user-mgt.xml"), |text| {
        text.replace(
            "<AddAdmin>true</AddAdmin>",
            &format!(
                "<AddAdmin>true</AddAdmin><AdminUser><UserName>admin</UserName><Password>{0}</Password></AdminUser>\
                 <Property name=\"ConnectionPassword\">{0}</Property>",
                secret("administrator")
            ),
        )
    });
    planted.rewrite(&file("repository/conf/axis2/axis2.xml"), |text| {
        text.replace(
            "</axisconfig>",
            &format!(
                "<transportReceiver name=\"https\"><parameter name=\"truststore\"><TrustStore><Password>{0}</Password>\
                 </TrustStore></parameter><parameter name=\"keyPassword\">{0}</parameter></transportReceiver></axisconfig>",
                secret("axis2")
            ),
        )
    });
    planted.rewrite(&file("repository/conf/log4j.properties"), |text| {
        text + &format!("\nlog4j.appender.MAIL.SMTPPassword={0}\nmail.secret={0}\n", secret("log4j"))
    });
    planted.rewrite(&file("bin/wso2server.sh"), |text| {
        text + &format!("\nJAVA_OPTS=\"-Djavax.net.ssl.trustStorePassword={0} -Dsetup\"\n", secret("script"))
    });
    let stores = format!("{home}/repository/deployment/server/userstores");
    fs::create_dir_all(planted.example(&stores)).unwrap();
    let store = format!(
        "<UserStoreManager class=\"x\"><Property name=\"ConnectionURL\">ldap://{0}:{0}@ldap.example.com:389/?x={0}</Property>\
         <Property name=\"ConnectionPassword\">{0}</Property><Property name=\"password\" encrypted=\"true\">{0}</Property>\
         <Property name=\"url\">jdbc:postgresql://127.0.0.1:1/users?user={0}&amp;password={0}</Property>\
         <Property name=\"DomainName\">SECRET.COM</Property></UserStoreManager>",
        secret("user-store")
    );
    fs::write(planted.example(&stores).join("SECRET_COM.xml"), store).unwrap();
    let log = planted.example(&file("repository/logs/wso2carbon.log"));
    let line = format!(
        "TID: [-1234] [] [2026-11-20 20:00:00,000] ERROR - Bundle x could not be resolved, password={}\n\
         TID: [-1234] [] [2026-11-20 20:00:09,000] INFO - WSO2 Carbon started in 9 sec\n",
        secret("log")
    );
    let before = fs::read_to_string(&log).unwrap_or_default();
    fs::write(&log, before + &line).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_carbon_home_or_of_the_new_one_is_told_anywhere() {
    let planted = Planted::lay_out("wso2-carbon").await;
    let secrets = [MARK.to_owned(), "example-secret-7f3a".to_owned()];
    plant_in_carbon_home(&planted, "4.4.6");
    plant_in_carbon_home(&planted, "4.4.7");
    let config = planted.configure("first.toml", |text| text);
    let said = planted.everything_said(&config, &[]).await;
    search(&said, &secrets);
    let facts = &said.iter().find(|(name, _)| name == "the facts").unwrap().1;
    for read in [
        "SECRET_COM.xml",
        "svn.example.com",
        "WSO2_OTHER_DB",
        "/_system/governance",
        "***",
        "a line that may",
    ] {
        assert!(facts.contains(read), "{read} was looked at");
    }

    // An account of the agent's own, which is refused as well.
    let config = planted.configure("second.toml", |text| {
        let at = "[instance.backups.installation]";
        let own = format!(
            "database.username = \"readiness\"\ndatabase.password_env = \"DB_PASSWORD\"\n\n[instance.database]\n\
             url = \"jdbc:postgresql://x:{0}@127.0.0.1:1/carbon?password={0}\"\nusername = \"readiness\"\n\
             password_env = \"DB_PASSWORD\"\n\n{at}",
            secret("config")
        );
        text.replace(at, &own)
    });
    search(&planted.everything_said(&config, &[("DB_PASSWORD", &secret("agent"))]).await, &secrets);
}

#[test]
fn a_secret_in_the_wrong_place_of_the_configuration_is_refused_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.toml");
    let start = "[[instance]]\nname = \"wiki\"\nproduct = \"confluence\"\ninstallation_dir = \"/opt/c\"\n";
    let rows = [
        "[instance.marketplace]\nurl = \"http://127.0.0.1:1/?api_key=S\"\n",
        "[instance.marketplace]\nurl = \"http://127.0.0.1:1/#S\"\n",
        "[instance.marketplace]\nurl = \"http://S@127.0.0.1:1/\"\n",
        "[instance.http]\nbase_url = \"http://u:S@127.0.0.1:1/\"\n",
        "[instance.http]\nbase_url = \"http://127.0.0.1:99999/?S\"\n",
        "[instance.http]\nbase_url = \"http://127.0.0.1:1\"\ntoken = \"S\"\n",
        "[instance.http]\nbase_url = \"http://127.0.0.1:1\"\npassword = \"S\"\n",
        "[instance.database]\npassword = \"S\"\n",
        "[instance.database]\nurl = \"postgresql://u:S@db/c\"\n",
        "[instance.database]\nusername = \"u\"\npassword_file = \"S\"\n",
        "[instance.database]\npassword = \"S\n",
    ];
    for row in rows {
        fs::write(&path, format!("{start}{}", row.replace('S', MARK))).unwrap();
        for arguments in [["config", "check"], ["config", "show"], ["run", "--config"]] {
            let mut one = agent();
            one.args(arguments);
            if arguments[0] == "config" {
                one.arg("--config");
            }
            let output = one.arg(&path).output().unwrap();
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            assert_eq!(output.status.code(), Some(3), "{row}: {text}");
            assert!(!text.contains(MARK), "{row}: {text}");
        }
    }
}
