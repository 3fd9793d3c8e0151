use axum::body::to_bytes;
use axum::http::Request;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use tower::ServiceExt;

use super::*;
use crate::surface::sample;

struct Probe {
    router: Router,
    board: watch::Sender<Arc<Board>>,
}

fn probe() -> Probe {
    let board = watch::Sender::new(Arc::new(Board { revision: 7, ..sample::board() }));
    let past = Past::in_store("/nonexistent/history.db".into());
    Probe { router: routes(board.subscribe(), past).with_state(()), board }
}

async fn ask(router: &Router, path: &str, known: Option<&HeaderValue>) -> Answer {
    let mut request = Request::get(path);
    if let Some(known) = known {
        request = request.header(IF_NONE_MATCH, known);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn body(answer: Answer) -> String {
    String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn every_page_is_there_and_what_is_not_is_told() {
    let probe = probe();
    let rows = [
        ("/", 200, "1 of 3 upgrades is blocked"),
        ("/?verdict=ready&sort=name", 200, "9.2.10"),
        ("/instances/wiki", 200, "<title>Blocked: wiki"),
        ("/instances/wiki?target=9.2.10", 200, "<title>Ready: wiki"),
        ("/instances/wiki?target=8.0", 404, "its targets are: latest-lts, 9.2.10"),
        ("/instances/nobody", 404, "There are: wiki, docs."),
        ("/instances/%3Cb%3E", 404, "&lt;b&gt;"),
        ("/instances/%ff", 404, "cannot be read"),
        ("/instances/wiki/history", 200, "there is no store"),
        ("/instances/nobody/history", 404, "There are: wiki, docs."),
        ("/checks", 200, "plugin-compatibility"),
        ("/checks/disk-space", 200, "What it looks at"),
        ("/checks/disk", 404, "Did you mean one of these: disk-space?"),
    ];
    for (path, code, part) in rows {
        let answer = ask(&probe.router, path, None).await;
        assert_eq!(answer.status().as_u16(), code, "{path}");
        assert_eq!(answer.headers()[CONTENT_TYPE], HTML, "{path}");
        assert!(answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'self'"));
        assert!(!answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("unsafe"));
        let text = body(answer).await;
        assert!(text.contains(part), "{path}: {text}");
    }
    for path in ["/?sort=magic", "/?page=x", "/instances/wiki?open=some", "/instances/wiki/history?page=-1"] {
        let answer = ask(&probe.router, path, None).await;
        assert_eq!(answer.status().as_u16(), 400, "{path}");
        assert!(body(answer).await.starts_with("only these can be given: "), "{path}");
    }
    assert_eq!(body(ask(&probe.router, "/api/v1/revision", None).await).await, "{\"revision\":7}\n");
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again_until_it_changes() {
    let probe = probe();
    // Minutes pass also while tests run: then the page is another.
    let unchanged = async || {
        let tag = ask(&probe.router, "/instances/wiki", None).await.headers()[ETAG].clone();
        let again = ask(&probe.router, "/instances/wiki", Some(&tag)).await;
        (tag, again.status().as_u16(), body(again).await.len())
    };
    let mut seen = unchanged().await;
    if seen.1 == 200 {
        seen = unchanged().await;
    }
    assert_eq!((seen.1, seen.2), (304, 0));
    probe.board.send_modify(|board| {
        let board = Arc::make_mut(board);
        board.revision += 1;
        let mut wiki = InstanceState::clone(&board.instances[0]);
        wiki.targets.remove(0);
        board.instances[0] = Arc::new(wiki);
    });
    let changed = ask(&probe.router, "/instances/wiki", Some(&seen.0)).await;
    assert_eq!(changed.status().as_u16(), 200);
    assert!(body(changed).await.contains("<title>Ready: wiki"));
}

#[tokio::test]
async fn many_who_ask_at_once_all_get_their_page() {
    let probe = probe();
    let paths =
        ["/", "/instances/wiki", "/instances/docs", "/checks", "/checks/freeze", "/instances/wiki/history"];
    let asked = (0..60).map(|number| ask(&probe.router, paths[number % paths.len()], None));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.status().as_u16(), 200);
    }
}

#[tokio::test]
async fn style_and_script_are_kept_by_browsers_under_the_address_of_their_content() {
    let probe = probe();
    let page = body(ask(&probe.router, "/", None).await).await;
    for (name, content_type) in [
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let (_, address) = page.split_once(&format!("\"assets/{name}")).expect(name);
        let address = format!("/assets/{name}{}", address.split('"').next().unwrap());
        let answer = ask(&probe.router, &address, None).await;
        assert_eq!(answer.headers()[CONTENT_TYPE], content_type);
        assert_eq!(answer.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable", "{address}");
        assert!(
            !answer.headers().contains_key(X_CONTENT_TYPE_OPTIONS),
            "that is added to every answer alike"
        );
        let tag = answer.headers()[ETAG].clone();
        assert!(!body(answer).await.is_empty());
        for old in [format!("/assets/{name}"), format!("/assets/{name}?v=0")] {
            let answer = ask(&probe.router, &old, Some(&tag)).await;
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()[CACHE_CONTROL]),
                (304, &HeaderValue::from_static("no-cache"))
            );
        }
    }
    for path in ["/assets/other.js", "/assets/..%2Fpage.rs", "/assets/%ff"] {
        assert_eq!(ask(&probe.router, path, None).await.status().as_u16(), 404, "{path}");
    }
}
