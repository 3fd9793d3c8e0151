//! The cluster's side of a fake Confluence.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::super::fake_server::{
    Fake, SECRET, cluster, html, login_page, node, not_clustered, starting_page,
};
use super::super::rest::why_unread;
use super::*;

const OVERVIEW_PATH: &str = "/rest/zdu/cluster";
const MONITORING_PATH: &str = "/rest/atlassian-cluster-monitoring/cluster/nodes";

async fn look(fake: &Fake) -> Result<Option<ClusterState>, String> {
    fetch_nodes(&Rest::new(&fake.access()).unwrap()).await.map_err(why_unread)
}

async fn answering(at: &str, answer: ResponseTemplate) -> Fake {
    let fake = Fake::start().await;
    fake.answer(at, answer).await;
    fake
}

fn body(value: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(value)
}

#[tokio::test]
async fn a_cluster_tells_its_nodes_and_its_state() {
    let told = cluster(false, "STABLE", &[node("n1", "9.2.1", "9109"), node("n2", "9.2.1", "9109")]);
    let state = look(&answering(OVERVIEW_PATH, body(&told)).await).await.unwrap().unwrap();
    let upgrade = state.upgrade.value().unwrap();
    assert_eq!((upgrade.upgrade_mode, upgrade.state.as_deref()), (false, Some("STABLE")));
    assert_eq!(upgrade.unfinished_tasks, Some(false));
    let expected = ClusterNode {
        id: "n2".into(),
        name: Some("n2.example.com".into()),
        state: Some("ACTIVE".into()),
        version: Some("9.2.1".into()),
        build: Some(9109),
    };
    assert_eq!(state.nodes[1], expected);

    let told = cluster(true, "MIXED", &[node("n1", "9.2.1", "9109"), node("n2", "9.2.7", "9111")]);
    let state = look(&answering(OVERVIEW_PATH, body(&told)).await).await.unwrap().unwrap();
    assert!(state.upgrade.value().unwrap().upgrade_mode);
}

#[tokio::test]
async fn a_site_that_is_no_cluster_says_so() {
    let words = "only on a Clustered Installation";
    for (at, answer) in [
        (OVERVIEW_PATH, not_clustered()),
        (OVERVIEW_PATH, ResponseTemplate::new(401).set_body_string(words)),
        (
            OVERVIEW_PATH,
            ResponseTemplate::new(401).insert_header("www-authenticate", format!("OAuth {words}").as_str()),
        ),
        (OVERVIEW_PATH, html(403, words)),
        (
            MONITORING_PATH,
            ResponseTemplate::new(500).set_body_string("java.lang.X: NonClusterMonitoring.java"),
        ),
    ] {
        assert_eq!(look(&answering(at, answer).await).await, Ok(None));
    }
}

#[tokio::test]
async fn older_releases_are_asked_another_way() {
    let list = json!([{"nodeId": "a", "hostName": "wiki1"}, {"id": "b"}]);
    for list in [list.clone(), json!({"nodes": list})] {
        let state = look(&answering(MONITORING_PATH, body(&list)).await).await.unwrap().unwrap();
        assert_eq!(state.nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(state.nodes.iter().all(|node| node.version.is_none() && node.build.is_none()));
        assert!(state.upgrade.value().is_none(), "silence is not stable");
    }
}

#[tokio::test]
async fn what_is_out_of_reach_is_never_no_cluster() {
    let many = vec![node("n", "9.2.1", "9109"); 101];
    for (answer, said) in [
        (ResponseTemplate::new(403), "right to administer"),
        (ResponseTemplate::new(404), "answered 404"),
        (ResponseTemplate::new(401), "answered 401"),
        (ResponseTemplate::new(500), "answered 500"),
        (login_page(), "login page"),
        (starting_page(), "starting"),
        (ResponseTemplate::new(200), "ends too early"),
        (body(&json!({})), "nodes is missing"),
        (body(&json!({"nodes": null})), "wrong type"),
        (body(&json!({"nodes": [{"name": ""}]})), "id of a node"),
        (body(&json!({"nodes": [{"id": "x", "buildNumber": "many"}]})), "not a number"),
        (body(&cluster(false, "STABLE", &many)), "more than 100 nodes"),
    ] {
        let why = look(&answering(OVERVIEW_PATH, answer).await).await.unwrap_err();
        assert!(why.contains(said) && why.contains(OVERVIEW_PATH) && !why.contains(SECRET), "{said}: {why}");
    }
    let silent = json!({"nodes": [{"id": "x"}]});
    let state = look(&answering(OVERVIEW_PATH, body(&silent)).await).await.unwrap().unwrap();
    assert!(state.upgrade.value().is_none());
}

#[tokio::test]
async fn texts_of_the_instance_are_bounded() {
    let mut long = node("n1", &"9".repeat(10_000), "9109");
    long["name"] = json!("n\n".repeat(10_000));
    let state =
        look(&answering(OVERVIEW_PATH, body(&cluster(false, "S", &[long]))).await).await.unwrap().unwrap();
    let node = &state.nodes[0];
    assert_eq!(node.version.as_ref().unwrap().len(), 100);
    assert!(node.name.as_ref().unwrap().len() <= 100 && !node.shown().contains('\n'));
}
