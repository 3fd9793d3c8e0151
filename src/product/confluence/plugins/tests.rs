//! The plug-in source against a fake Confluence.

use serde_json::{Value, json};
use tokio::sync::watch;
use upgrade_readiness_checks::facts::FailureKind;
use wiremock::ResponseTemplate;

use super::super::fake_server::{Fake, SECRET, app_version, html, login_page, page, plugin, starting_page};
use super::*;

fn targets(versions: &[&str]) -> TargetFeed {
    let targets = versions
        .iter()
        .map(|version| TargetBuild { version: version.parse().unwrap(), build: None, wanted: Wanted::Target })
        .collect();
    watch::channel(targets).1
}

async fn look(fake: &Fake, versions: &[&str]) -> Result<Plugins, CollectError> {
    look_with(fake.access(), Marketplace::Off, versions).await
}

async fn look_with(
    access: HttpAccess,
    marketplace: Marketplace,
    versions: &[&str],
) -> Result<Plugins, CollectError> {
    match PluginsCollector::new(access, marketplace, targets(versions)).collect().await? {
        Section::Plugins(plugins) => Ok(plugins),
        other => panic!("{other:?}"),
    }
}

async fn with_plugins(plugins: &[Value]) -> Fake {
    let fake = Fake::start().await;
    fake.json("/rest/plugins/1.0/", json!({"plugins": plugins, "links": {}, "hostStatus": {}})).await;
    // redradishtech/atl_manage: {"enabled": false, "links": ...}.
    fake.json("/rest/plugins/1.0/safe-mode", json!({"enabled": false, "links": {}})).await;
    fake
}

fn unread<T: std::fmt::Debug>(field: &Field<T>) -> &str {
    match field {
        Field::Unread(why) => why,
        Field::Read(value) => panic!("read {value:?}"),
    }
}

#[tokio::test]
async fn installed_plugins_are_listed_and_only_peoples_own_are_asked_for_modules() {
    let fake = with_plugins(&[
        plugin("org.example.macros", "3.2.1-conf9", true),
        plugin("com.atlassian.confluence.core", "9.2.1", false),
        plugin("com.atlassian.upm.atlassian-universal-plugin-manager-plugin", "8.0.1", true),
    ])
    .await;
    // craftamap/pluploader, upmapi.py: modules[] with completeKey, key, name, enabled, optional,
    // recognisableType, broken.
    fake.json(
        "/rest/plugins/1.0/org.example.macros-key",
        json!({"key": "org.example.macros", "modules": [
            {"completeKey": "org.example.macros:good", "key": "good", "enabled": true, "broken": false},
            {"completeKey": "org.example.macros:bad", "key": "bad", "enabled": false, "broken": true},
            {"key": "nameless", "broken": true}]}),
    )
    .await;
    let plugins = look(&fake, &[]).await.unwrap();
    assert_eq!(plugins.safe_mode, Field::Read(false));
    assert!(plugins.for_targets.is_empty());
    let keys: Vec<_> =
        plugins.installed.iter().map(|plugin| (plugin.key.as_str(), plugin.user_installed)).collect();
    assert_eq!(
        keys,
        [
            ("com.atlassian.confluence.core", false),
            ("com.atlassian.upm.atlassian-universal-plugin-manager-plugin", false),
            ("org.example.macros", true),
        ]
    );
    let own = &plugins.installed[2];
    assert_eq!(
        (own.name.as_str(), own.version.as_str()),
        ("org.example.macros for Confluence", "3.2.1-conf9")
    );
    assert_eq!(
        own.broken_modules,
        Field::Read(vec!["org.example.macros:bad".to_owned(), "nameless".to_owned()])
    );
    assert!(unread(&plugins.installed[0].broken_modules).contains("part of the product"));
    let asked = fake.asked().await;
    assert_eq!(
        asked,
        [
            "/rest/plugins/1.0/",
            "/rest/plugins/1.0/safe-mode",
            "/rest/plugins/1.0/org.example.macros-key",
            "/rest/plugins/1.0/org.example.macros-key/license"
        ]
    );
    // The description of every entry is the secret: nothing of it may be kept.
    let everything = serde_json::to_string(&plugins).unwrap();
    assert!(!everything.contains(SECRET), "{everything}");
}

#[tokio::test]
async fn the_licence_of_each_paid_app_is_read_without_its_text() {
    let keys = ["a.good", "b.expired", "c.none", "d.html", "e.denied", "f.strange", "g.silent"];
    let mut listed: Vec<Value> = keys.iter().map(|key| plugin(key, "1.0", true)).collect();
    let mut free = plugin("h.free", "1.0", true);
    free["usesLicensing"] = json!(false);
    listed.push(free);
    let fake = with_plugins(&listed).await;
    let at = |key: &str| format!("/rest/plugins/1.0/{key}-key/license");
    // craftamap/pluploader, upmapi.py: valid, error, evaluation, expiryDate in milliseconds, licenseType, rawLicense.
    let good = json!({"pluginKey": "a.good", "valid": true, "evaluation": false, "nearlyExpired": false,
        "licenseType": "COMMERCIAL", "expiryDate": 1_798_675_200_000_i64, "rawLicense": SECRET,
        "supportEntitlementNumber": "SEN-1", "active": true});
    fake.json(&at("a.good"), good).await;
    fake.json(&at("b.expired"), json!({"valid": false, "error": "EXPIRED", "evaluation": true})).await;
    fake.json(&at("c.none"), json!({"pluginKey": "c.none"})).await;
    fake.answer(&at("d.html"), login_page()).await;
    fake.status(&at("e.denied"), 403).await;
    fake.json(&at("f.strange"), json!({"valid": true, "expiryDate": i64::MAX})).await;
    fake.json(&at("g.silent"), json!({"licenseType": "ACADEMIC"})).await;
    let plugins = look(&fake, &[]).await.unwrap();
    let license =
        |key: &str| plugins.installed.iter().find(|plugin| plugin.key == key).unwrap().license.clone();
    let good = license("a.good").value().cloned().flatten().unwrap();
    assert_eq!((good.valid, good.expires_at.unwrap().to_string()), (true, "2026-12-31T00:00:00Z".to_owned()));
    let expired = license("b.expired").value().cloned().flatten().unwrap();
    assert_eq!((expired.valid, expired.error.as_deref(), expired.evaluation), (false, Some("EXPIRED"), true));
    assert_eq!(license("c.none"), Field::Read(None));
    assert_eq!(license("h.free"), Field::Read(None));
    for (key, part) in
        [("d.html", "login page"), ("e.denied", "403"), ("f.strange", "no time"), ("g.silent", "valid")]
    {
        assert!(unread(&license(key)).contains(part), "{key}: {:?}", license(key));
    }
    assert!(!fake.asked().await.contains(&at("h.free")), "what is free is not asked for a licence");
    let everything = serde_json::to_string(&plugins).unwrap();
    assert!(!everything.contains(SECRET), "{everything}");
}

#[tokio::test]
async fn the_list_is_asked_for_in_the_form_of_the_plugin_manager() {
    let fake = with_plugins(&[]).await;
    assert!(look(&fake, &[]).await.unwrap().installed.is_empty());
    let request = fake.server.received_requests().await.unwrap().remove(0);
    let accept = request.headers["accept"].to_str().unwrap();
    assert!(accept.starts_with("application/vnd.atl.plugins.installed+json"), "{accept}");
}

#[tokio::test]
async fn without_the_list_there_is_nothing() {
    let websudo = ResponseTemplate::new(401).set_body_json(json!({"subCode": "upm.websudo.error"}));
    let rows = [
        (ResponseTemplate::new(401), FailureKind::Denied, "answered 401"),
        (websudo, FailureKind::Denied, "Secure administrator sessions"),
        (ResponseTemplate::new(403), FailureKind::Denied, "right to administer"),
        (ResponseTemplate::new(404), FailureKind::Absent, "answered 404"),
        (ResponseTemplate::new(429).insert_header("retry-after", "60"), FailureKind::Unreachable, "in 60 s"),
        (starting_page(), FailureKind::Unreachable, "starting"),
        (login_page(), FailureKind::Denied, "a login page"),
        (html(200, "<html>Portal</html>"), FailureKind::Malformed, "a web page"),
        (ResponseTemplate::new(200).set_body_json(json!({})), FailureKind::Malformed, "plugins is missing"),
        (
            ResponseTemplate::new(200).set_body_json(json!({"plugins": null})),
            FailureKind::Malformed,
            "wrong type",
        ),
        (
            ResponseTemplate::new(200)
                .set_body_json(json!({"plugins": [{"key": "a", "version": "1", "enabled": true}]})),
            FailureKind::Malformed,
            "userInstalled is missing",
        ),
        (
            ResponseTemplate::new(302).insert_header("location", "https://idp.example.com/"),
            FailureKind::Malformed,
            "idp.example.com",
        ),
    ];
    for (answer, kind, said) in rows {
        let fake = Fake::start().await;
        fake.answer("/rest/plugins/1.0/", answer).await;
        let failure = look(&fake, &["9.2.9"]).await.unwrap_err().into_failure();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.message.contains(said), "{said}: {failure:?}");
        assert!(!failure.message.contains(SECRET));
        assert_eq!(fake.asked().await.len(), 1);
    }
}

#[tokio::test]
async fn ten_thousand_plugins_are_bearable() {
    let many: Vec<Value> =
        (0..10_000).map(|index| plugin(&format!("org.example.p{index:05}"), "1.0", true)).collect();
    let fake = with_plugins(&many).await;
    let plugins = look(&fake, &[]).await.unwrap();
    assert_eq!(plugins.installed.len(), 10_000);
    let refused = plugins
        .installed
        .iter()
        .filter(|plugin| unread(&plugin.broken_modules).contains("only the first 500"));
    assert_eq!(refused.count(), 9_500);
    assert_eq!(fake.asked().await.len(), 1002);
}

#[tokio::test]
async fn one_plugin_without_details_does_not_hide_the_others() {
    let fake = with_plugins(&[
        plugin("a.good", "1", true),
        plugin("b.broken", "1", true),
        plugin("c.wrong", "1", true),
        plugin("d/../../../admin?x#y", "1", true),
        plugin("..", "1", true),
    ])
    .await;
    fake.json("/rest/plugins/1.0/a.good-key", json!({"modules": []})).await;
    fake.status("/rest/plugins/1.0/b.broken-key", 500).await;
    fake.json("/rest/plugins/1.0/c.wrong-key", json!({"modules": [{"key": "m"}]})).await;
    let plugins = look(&fake, &[]).await.unwrap();
    let of = |key: &str| &plugins.installed.iter().find(|plugin| plugin.key == key).unwrap().broken_modules;
    assert_eq!(of("a.good"), &Field::Read(Vec::new()));
    assert!(unread(of("b.broken")).contains("answered 500"));
    assert!(unread(of("c.wrong")).contains("broken is missing"));
    assert!(unread(of("d/../../../admin?x#y")).contains("its key"));
    assert!(unread(of("..")).contains("its key"));
    assert!(fake.asked().await.iter().all(|asked| !asked.contains("admin")));
}

#[tokio::test]
async fn who_asks_to_wait_is_left_alone() {
    let many: Vec<Value> = (0..50).map(|index| plugin(&format!("p{index}"), "1", true)).collect();
    let fake = Fake::start().await;
    fake.json("/rest/plugins/1.0/", json!({"plugins": many})).await;
    fake.status("/rest/plugins/1.0/safe-mode", 429).await;
    let plugins = look(&fake, &["9.2.9"]).await.unwrap();
    assert!(plugins.installed.iter().all(|plugin| unread(&plugin.broken_modules).contains("answered 429")));
    assert!(unread(&plugins.for_targets[0].instance).contains("answered 429"));
    assert_eq!(fake.asked().await.len(), 2);
}

/// A public Go client of the plug-in manager reads `versions[]` so, and passes `links.self` straight on.
fn offers(versions: &[(&str, &str)]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|(version, link)| json!({"version": version, "recent": true, "links": {"self": link}}))
        .collect();
    json!({"versions": versions})
}

#[tokio::test]
async fn the_update_check_of_the_instance_is_read_for_each_target_it_lists() {
    let fake = with_plugins(&[]).await;
    fake.json(
        "/rest/plugins/1.0/product-updates/",
        offers(&[
            ("next big thing", "/x"),
            ("9.2.9", "/rest/plugins/1.0/product-updates/9111/compatibility"),
            ("10.0.3", "https://elsewhere.example.com/rest/plugins/1.0/product-updates/9304/compatibility"),
        ]),
    )
    .await;
    let group = |keys: &[&str]| -> Vec<Value> {
        keys.iter().map(|key| json!({"name": key, "key": key, "enabled": true, "links": {}})).collect()
    };
    // The same client; redradishtech/atl_manage, getcompatibility.
    fake.json(
        "/rest/plugins/1.0/product-updates/9111/compatibility",
        json!({"compatible": group(&["a", "f"]), "updateRequired": group(&["b"]),
            "updateRequiredAfterProductUpdate": group(&["c"]), "incompatible": group(&["d", "f"]), "unknown": group(&["e"])}),
    )
    .await;
    let plugins = look(&fake, &["9.2.9", "9.2.7", "10.0.3"]).await.unwrap();
    let expected = [
        ("a", UpdateCheck::Compatible),
        ("b", UpdateCheck::UpdateBefore),
        ("c", UpdateCheck::UpdateAfter),
        ("d", UpdateCheck::Incompatible),
        ("e", UpdateCheck::Unknown),
        ("f", UpdateCheck::Incompatible),
    ];
    let expected = expected.into_iter().map(|(key, check)| (key.to_owned(), check)).collect();
    assert_eq!(plugins.for_targets[0].instance, Field::Read(expected));
    assert_eq!(
        unread(&plugins.for_targets[1].instance),
        "the instance's update check does not list 9.2.7; it lists 9.2.9, 10.0.3"
    );
    let why = unread(&plugins.for_targets[2].instance);
    assert!(why.contains("https://elsewhere.example.com"), "{why}");
    assert!(plugins.for_targets.iter().all(|target| target.marketplace.is_empty()));
}

#[tokio::test]
async fn about_a_release_that_could_only_be_chosen_the_instance_is_not_asked() {
    let fake = with_plugins(&[]).await;
    let link = "/rest/plugins/1.0/product-updates/9111/compatibility";
    fake.json("/rest/plugins/1.0/product-updates/", offers(&[("9.2.9", link)])).await;
    let choice = TargetBuild { version: "9.2.9".parse().unwrap(), build: None, wanted: Wanted::Choice };
    let feed = watch::channel(vec![choice]).1;
    let section = PluginsCollector::new(fake.access(), Marketplace::Off, feed).collect().await.unwrap();
    let Section::Plugins(plugins) = section else { panic!("{section:?}") };
    let why = unread(&plugins.for_targets[0].instance);
    assert!(why.contains("asked about targets only; name 9.2.9"), "{why}");
    assert!(fake.asked().await.iter().all(|path| !path.contains("9111")));
}

#[tokio::test]
async fn an_update_check_that_says_nothing_is_not_good_news() {
    let link = "/rest/plugins/1.0/product-updates/9111/compatibility";
    for (answer, said) in [
        (ResponseTemplate::new(200).set_body_json(json!({})), "none of its groups"),
        (ResponseTemplate::new(200).set_body_json(json!({"compatible": [{"name": "a"}]})), "key is missing"),
        (ResponseTemplate::new(200).set_body_json(json!([])), "wrong type"),
        (ResponseTemplate::new(502), "answered 502"),
    ] {
        let fake = with_plugins(&[]).await;
        fake.json("/rest/plugins/1.0/product-updates/", offers(&[("9.2.9", link)])).await;
        fake.answer(link, answer).await;
        let plugins = look(&fake, &["9.2.9"]).await.unwrap();
        let why = unread(&plugins.for_targets[0].instance);
        assert!(why.contains(said) && why.contains("reach marketplace.atlassian.com"), "{said}: {why}");
    }
    let fake = with_plugins(&[]).await;
    fake.json("/rest/plugins/1.0/product-updates/", offers(&[])).await;
    let why = unread(&look(&fake, &["9.2.9"]).await.unwrap().for_targets[0].instance).to_owned();
    assert!(why.contains("nor any other release"), "{why}");
}

#[tokio::test]
async fn links_with_the_context_path_are_followed_under_it_once() {
    let fake = Fake::start().await;
    fake.json("/wiki/rest/plugins/1.0/", json!({"plugins": []})).await;
    let link = "/wiki/rest/plugins/1.0/product-updates/9111/compatibility";
    fake.json("/wiki/rest/plugins/1.0/product-updates/", offers(&[("9.2.9", link)])).await;
    fake.json(link, json!({"compatible": []})).await;
    let mut access = fake.access_with_password();
    access.base_url = format!("{}/wiki", fake.server.uri()).parse().unwrap();
    let plugins = look_with(access, Marketplace::Off, &["9.2.9"]).await.unwrap();
    assert_eq!(plugins.for_targets[0].instance, Field::Read(BTreeMap::new()));
    assert!(fake.asked().await.iter().all(|asked| asked.ends_with("?os_authType=basic")));
}

#[tokio::test]
async fn the_marketplace_is_asked_for_peoples_own_plugins_without_credentials() {
    use upgrade_readiness_checks::facts::Listing;

    let fake =
        with_plugins(&[plugin("org.example.macros", "3.2.1", true), plugin("bundled", "9", false)]).await;
    let shop = Fake::start().await;
    shop.json(
        "/rest/2/addons/org.example.macros/versions",
        page(&[app_version("3.2.1", "8.0.0", "9.2.9")], None),
    )
    .await;
    let marketplace = Marketplace::Online(shop.server.uri().parse().unwrap());
    let plugins = look_with(fake.access(), marketplace, &["9.2.9", "10.0.3"]).await.unwrap();
    let listed = |newest: Option<&str>, installed_compatible| {
        let newest_compatible = newest.map(str::to_owned);
        let listing = Field::Read(Listing::Listed { newest_compatible, installed_compatible });
        BTreeMap::from([("org.example.macros".to_owned(), listing)])
    };
    assert_eq!(plugins.for_targets[0].marketplace, listed(Some("3.2.1"), true));
    assert_eq!(plugins.for_targets[1].marketplace, listed(None, false));
    let requests = shop.server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1, "one list answers for every target");
    assert!(!requests[0].headers.contains_key("authorization"));
}
