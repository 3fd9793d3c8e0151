//! What the same thing is called in each family of products.
//!
//! Rules that hold for every product speak of files, scripts and pages. What those are stands here, once for each
//! family, so that such a rule needs no case of its own; another family is one more arm of [`Vocabulary::of`].

use crate::facts::{Family, Product};

/// Names of things in an installation, for messages to people.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// The directory of JDBC drivers, below the installation.
    pub(super) library: &'static str,
    /// The file that names the database and its account.
    pub(super) database_file: &'static str,
    /// Where that file sets the URL and the class of the driver.
    pub(super) connection: &'static str,
    /// Tables every database of the product has: a dump without any of them is of something else.
    pub(super) own_tables: &'static [&'static str],
    /// The script that starts the product, below the installation.
    pub(super) start_script: &'static str,
    /// The variable of that script that holds the options of Java, to be followed by the script: `X in `.
    pub(super) java_options: &'static str,
    /// Where another Java is named.
    pub(super) java_home: &'static str,
    /// The program's log, and where it is.
    pub(super) log: &'static str,
    /// Where the application is asked how it is, below its address.
    pub(super) status: &'static str,
    /// Where its certificate is set up, when no proxy ends the encryption.
    pub(super) certificate: &'static str,
    /// Where the product's own health checks tell more, as the beginning of a sentence that ends with a name.
    pub(super) health: &'static str,
    /// Why the list of health checks cannot be empty; `None` where a release may offer none.
    pub(super) no_health_checks: Option<&'static str>,
    /// The application may be switched to read-only, and says so.
    pub(super) has_access_mode: bool,
    /// What makes the night shorter when it is done before, as the end of a sentence.
    pub(super) less_work: &'static str,
    /// Its data has a home directory of its own beside the installation.
    pub(super) has_home_apart: bool,
    /// Everything an upgrade changes, to be restored together.
    pub(super) data: &'static str,
    /// Why there is no way back to an older release, as a sentence.
    pub(super) no_way_back: &'static str,
    /// How data is moved out of an embedded database, as sentences.
    pub(super) leave_embedded: &'static str,
}

impl Vocabulary {
    /// The words of a product.
    pub(super) fn of(product: Product) -> &'static Self {
        match product.family() {
            Family::Confluence => &CONFLUENCE,
            Family::Carbon => &CARBON,
        }
    }

    /// Where options of Java are set: in the file they were read from when it is one, else in the start script.
    pub(super) fn java_options_in(&self, place: &str) -> String {
        let script = if place.starts_with('/') {
            place.to_owned()
        } else {
            format!("{} of the installation", self.start_script)
        };
        format!("{}{script}", self.java_options)
    }
}

static CONFLUENCE: Vocabulary = Vocabulary {
    library: "confluence/WEB-INF/lib",
    database_file: "confluence.cfg.xml",
    connection: "hibernate.connection.url and hibernate.connection.driver_class",
    own_tables: &["confversion"],
    start_script: "bin/setenv.sh",
    java_options: "CATALINA_OPTS in ",
    java_home: "in bin/setjre.sh (JRE_HOME) of the new installation or as JAVA_HOME of the service",
    log: "logs/atlassian-confluence.log in the home directory",
    status: "/status",
    certificate: "in server.xml",
    health: "Open Administration, Troubleshooting and support tools, Instance health \
             (/plugins/servlet/troubleshooting/view/) and do what it says about",
    no_health_checks: Some(
        "the product returned none; is the app Troubleshooting and support tools enabled?",
    ),
    has_access_mode: true,
    less_work: "back up the home before (disk_home_copies = 0)",
    has_home_apart: true,
    data: "database and home directory",
    no_way_back: "An older Confluence does not start on the data of a newer one",
    leave_embedded: "back up the home directory, make a full XML backup under Administration, set up a new Confluence of \
                     the same version with an empty database on a supported server, and restore the backup there. \
                     See https://confluence.atlassian.com/doc/embedded-h2-database-145098285.html.",
};

/// Files of a product home: wso2/carbon-kernel, distribution/kernel/carbon-home.
static CARBON: Vocabulary = Vocabulary {
    library: "repository/components/lib",
    database_file: "repository/conf/datasources/master-datasources.xml (from kernel 4.5 on repository/conf/deployment.toml)",
    connection: "url and driverClassName of the data source",
    // The kernel's script makes both kinds in one go; a site may keep users and registry apart.
    own_tables: &["um_tenant", "um_user", "reg_path"],
    start_script: "bin/wso2server.sh",
    java_options: "",
    java_home: "as JAVA_HOME of the account or unit that starts the server",
    log: "repository/logs/wso2carbon.log in the product home",
    status: "/carbon/admin/login.jsp",
    certificate: "in the keystore under repository/resources/security",
    health: "See in repository/logs/wso2carbon.log what is behind the health check",
    // The health service came with later kernels and is off unless somebody switches it on.
    no_health_checks: None,
    has_access_mode: false,
    less_work: "copy the product home and set the new release up before",
    has_home_apart: false,
    data: "every database and the product home",
    no_way_back: "The vendor's guide knows no way back from an upgraded database",
    leave_embedded: "stop the server and back up repository/database, make the tables in an empty database of a supported \
                     server with the script for its kind in dbscripts, copy the rows of every table, put the driver into \
                     repository/components/lib, let the data source name the new database, and start. \
                     See https://apim.docs.wso2.com/en/latest/install-and-setup/install/installation-prerequisites/ .",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_family_speaks_with_the_words_of_another() {
        for product in Product::ALL {
            let words = format!("{:?}", Vocabulary::of(product)).to_lowercase();
            let foreign: &[&str] = match product.family() {
                Family::Confluence => &["wso2", "carbon", "repository/"],
                Family::Carbon => &["confluence", "atlassian", "hibernate", "catalina"],
            };
            for word in foreign {
                assert!(!words.contains(word), "{product}: {word} in {words}");
            }
        }
    }

    #[test]
    fn options_of_java_are_set_where_they_were_read() {
        let confluence = Vocabulary::of(Product::Confluence);
        let unit = "the command line of process 7";
        assert_eq!(confluence.java_options_in(unit), "CATALINA_OPTS in bin/setenv.sh of the installation");
        assert_eq!(confluence.java_options_in("/opt/x/setenv.sh"), "CATALINA_OPTS in /opt/x/setenv.sh");
        let carbon = Vocabulary::of(Product::Wso2IdentityServer);
        assert_eq!(carbon.java_options_in(unit), "bin/wso2server.sh of the installation");
    }
}
