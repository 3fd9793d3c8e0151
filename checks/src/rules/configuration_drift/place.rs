//! Settings that belong to the place a server runs at: production and staging must differ in them.

/// Ends of paths, lower case, in XML files.
const XML: [&str; 14] = [
    "server/hostname",
    "server/mgthostname",
    "server/serverurl",
    "server/ports/offset",
    "keystore/location",
    "truststore/location",
    "/cacheid",
    "property[connectionurl]",
    "property[url]",
    "/@bind-address",
    "/dbconfig/url",
    "/dbconfig/username",
    "/dbconfig/password",
    "remoteinstance/@url",
];

/// Beginnings of keys of `deployment.toml`, lower case.
const TOML: [&str; 7] = [
    "server.hostname",
    "server.offset",
    "server.base_path",
    "clustering.",
    "deployment_synchronizer",
    "user_store.connection_url",
    "keystore.",
];

/// Whether a setting belongs to the place.
pub(super) fn belongs_to_place(file: &str, path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    if path.is_empty() {
        return false;
    }
    if file.ends_with("/deployment.toml") {
        let of_keystore = !path.starts_with("keystore.") || path.ends_with(".file_name");
        let of_database = (path.starts_with("database.") || path.starts_with("datasource["))
            && [".url", ".username", ".password", ".hostname", ".port", ".name"]
                .iter()
                .any(|end| path.ends_with(end));
        return of_database
            || path.ends_with(".cache_id")
            || (of_keystore && TOML.iter().any(|beginning| path.starts_with(beginning)));
    }
    let of_datasource = file.contains("/datasources/")
        && ["/url", "/username", "/password", "property[url]", "property[user]", "property[password]"]
            .iter()
            .any(|end| path.ends_with(end));
    let without_key = without_keys(&path);
    of_datasource
        || path.contains("/clustering/")
        || path.contains("deploymentsynchronizer/")
        || XML.iter().any(|end| path.ends_with(end) || without_key.ends_with(end))
}

/// `registry/dbconfig/url` of `registry/dbconfig[governance]/url`.
fn without_keys(path: &str) -> String {
    let mut depth = 0_u32;
    path.chars()
        .filter(|c| match c {
            '[' => {
                depth += 1;
                false
            }
            ']' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_place_is_known_and_nothing_else() {
        let rows = [
            ("repository/conf/carbon.xml", "Server/Ports/Offset", true),
            ("repository/conf/carbon.xml", "Server/Ports/JMX/RMIRegistryPort", false),
            ("repository/conf/carbon.xml", "Server/HostName", true),
            ("repository/conf/carbon.xml", "Server/Security/KeyStore/Location", true),
            ("repository/conf/carbon.xml", "Server/Security/KeyStore/KeyAlias", false),
            ("repository/conf/carbon.xml", "Server/DeploymentSynchronizer/AutoCommit", true),
            ("repository/conf/carbon.xml", "", false),
            (
                "repository/conf/datasources/master-datasources.xml",
                "datasources-configuration/datasources/datasource[A]/definition/configuration/url",
                true,
            ),
            (
                "repository/conf/datasources/master-datasources.xml",
                "datasources-configuration/datasources/datasource[A]/definition/configuration/maxActive",
                false,
            ),
            ("repository/conf/registry.xml", "wso2registry/remoteInstance[g]/cacheId", true),
            ("repository/conf/registry.xml", "wso2registry/dbConfig[g]/url", true),
            ("repository/conf/registry.xml", "wso2registry/mount[/_system/config]/targetPath", false),
            ("repository/conf/axis2/axis2.xml", "axisconfig/clustering/parameter[domain]", true),
            (
                "repository/conf/user-mgt.xml",
                "UserManager/Realm/UserStoreManager[x]/Property[ConnectionURL]",
                true,
            ),
            ("repository/conf/deployment.toml", "server.offset", true),
            ("repository/conf/deployment.toml", "server.serve_wsdl", false),
            ("repository/conf/deployment.toml", "database.shared_db.url", true),
            ("repository/conf/deployment.toml", "database.shared_db.pool_options.maxActive", false),
            ("repository/conf/deployment.toml", "datasource[X].username", true),
            ("repository/conf/deployment.toml", "datasource[X].max", false),
            ("repository/conf/deployment.toml", "keystore.primary.file_name", true),
            ("repository/conf/deployment.toml", "keystore.primary.alias", false),
        ];
        for (file, path, expected) in rows {
            assert_eq!(belongs_to_place(file, path), expected, "{file} {path}");
        }
    }
}
