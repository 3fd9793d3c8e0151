//! The pages in a real Chromium: at three widths and in two themes, by keyboard, as a screen reader hears them, without
//! scripts, on paper, and while verdicts change.

#![cfg(test)]

#[path = "support/browser.rs"]
mod browser;
#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "support/sample.rs"]
mod sample;

use std::path::Path;
use std::sync::Arc;

use browser::Browser;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use upgrade_readiness_agent::board::{self, Board, InstanceState, TargetState};
use upgrade_readiness_agent::command::Command;
use upgrade_readiness_agent::store::{Batch, Change, Store};
use upgrade_readiness_agent::surface::Published;
use upgrade_readiness_agent::surface::http::{Entrance, HttpSurface, serve};
use upgrade_readiness_agent::surface::page::Past;
use upgrade_readiness_checks::model::Verdict;

const WIDTHS: [u32; 3] = [360, 820, 1440];

const PAGES: [&str; 10] = [
    "/",
    "/?verdict=ready",
    "/instances/wiki",
    "/instances/wiki?open=all",
    "/instances/docs",
    "/instances/wiki/history",
    "/checks",
    "/checks/plugin-compatibility",
    "/instances/nobody",
    "/plan/wiki/9.2.10",
];

/// The daemon's HTTP side with a board in the hands of the test.
struct Site {
    board: watch::Sender<Arc<Board>>,
    shutdown: CancellationToken,
    address: String,
    dir: tempfile::TempDir,
    _daemon: (watch::Sender<Published>, mpsc::Receiver<Command>),
}

impl Site {
    async fn start(board: Board) -> Self {
        let dir = tempfile::tempdir().unwrap();
        remember(&dir.path().join("history.db")).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let board = watch::Sender::new(Arc::new(Board { revision: 1, ..board }));
        let (maker, published) = watch::channel(Published::default());
        let (commands, daemon) = mpsc::channel(1);
        let past = Past::in_store(dir.path().join("history.db"));
        let (entrance, refusals) = (Entrance::open(), Arc::default());
        let board_of_site = board.subscribe();
        let surface =
            HttpSurface { published, board: board_of_site, past, commands, address, entrance, refusals };
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        // It ends with the runtime of the test, or when it is told to.
        TaskTracker::new().spawn(async move { serve(listener, surface, stop).await });
        let address = format!("http://{address}");
        Self { board, shutdown, address, dir, _daemon: (maker, daemon) }
    }

    fn browser(&self) -> Browser {
        Browser::start(&self.dir.path().join("browser"))
    }
}

/// A first judgement, and two changes after it.
async fn remember(path: &Path) {
    let change = |at: &str, check: &str, before, after| Change {
        instance: "wiki".into(),
        target: "10.2.14".into(),
        check: check.into(),
        at: at.parse().unwrap(),
        before,
        after,
        cause: "Java 11 cannot run 10.2.14: <b>it</b> ended; see `java -version`".into(),
        observed: Some(
            "/usr/lib/jvm/a-directory-with-a-name-that-is-so-long-that-it-must-be-broken-somewhere-11".into(),
        ),
    };
    let mut changes = vec![
        change("2025-11-30T08:00:00Z", "java-version", Some(Verdict::Ready), Verdict::Blocked),
        change("2025-11-29T08:00:00Z", "disk-space", Some(Verdict::Unknown), Verdict::Warning),
    ];
    for check in ["java-version", "disk-space", "freeze"] {
        changes.push(change("2025-11-28T08:00:00Z", check, None, Verdict::Ready));
    }
    let mut store = Store::open(path).await.unwrap();
    store.write(&Batch { changes, ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
}

/// A function of `support/page.js`, called on the page.
fn measure(browser: &mut Browser, call: &str) -> serde_json::Value {
    browser.evaluate(&format!("({}).{call}", include_str!("support/page.js").trim().trim_end_matches(';')))
}

fn finds_nothing(browser: &mut Browser, call: &str, place: &str) {
    let found = measure(browser, call);
    assert_eq!(found, json!([]), "{call} on {place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_sticks_out_covers_another_or_is_faint_at_any_width() {
    let site = Site::start(sample::board()).await;
    let mut browser = site.browser();
    for path in PAGES {
        browser.look(WIDTHS[0], "light");
        browser.visit(&format!("{}{path}", site.address));
        // What is folded must fit as well.
        browser.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; }); null");
        for width in [WIDTHS[0], 320, WIDTHS[1], WIDTHS[2]] {
            browser.look(width, "light");
            let place = format!("{path} at {width}");
            finds_nothing(&mut browser, "sticksOut()", &place);
            finds_nothing(&mut browser, "overlaps()", &place);
            if !path.starts_with("/plan") {
                finds_nothing(&mut browser, "small()", &place);
            }
            if width == WIDTHS[1] {
                for theme in ["dark", "light"] {
                    browser.look(width, theme);
                    finds_nothing(&mut browser, "faint()", &format!("{place}, {theme}"));
                }
            }
        }
        let complaints = std::mem::take(&mut browser.complaints);
        // That the page itself is 404 is said by the browser, and is what was asked for.
        let unexpected: Vec<_> =
            complaints.iter().filter(|said| !said.contains("/instances/nobody")).collect();
        assert!(unexpected.is_empty(), "{path}: {unexpected:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_reached_by_keyboard_and_named_for_screen_readers() {
    let site = Site::start(sample::board()).await;
    let mut browser = site.browser();
    for (path, width) in PAGES.iter().zip(WIDTHS.iter().cycle()) {
        browser.look(*width, "light");
        browser.visit(&format!("{}{path}", site.address));
        let total = measure(&mut browser, "reachable()").as_u64().unwrap();
        for place in 0..total {
            browser.tab();
            let focused = measure(&mut browser, "focused()");
            assert_eq!(focused[0], place, "{path} at {width}: {focused}");
            assert_eq!(focused[1], true, "the focus is not seen on {path}: {focused}");
        }
        is_told_in_words(&browser.heard(), path);
        let title = browser.evaluate("document.title");
        assert!(title.as_str().unwrap().len() > 5, "{path}: {title}");
    }
}

fn is_told_in_words(heard: &[(String, String, i64)], path: &str) {
    let count = |role: &str| heard.iter().filter(|(of, _, _)| of == role).count();
    for role in ["banner", "main", "contentinfo"] {
        assert_eq!(count(role), 1, "{role} on {path}");
    }
    assert!(count("navigation") >= 1, "{path}");
    let needs_a_name = [
        "link",
        "button",
        "searchbox",
        "textbox",
        "combobox",
        "DisclosureTriangle",
        "image",
        "img",
        "navigation",
        "form",
        "search",
        "region",
        "complementary",
    ];
    for (role, name, _) in heard {
        assert!(
            !needs_a_name.contains(&role.as_str()) || !name.trim().is_empty(),
            "a {role} without a name on {path}"
        );
    }
    let levels: Vec<i64> =
        heard.iter().filter(|(role, _, _)| role == "heading").map(|(_, _, level)| *level).collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{path}: {levels:?}");
    let above = std::iter::once(&0).chain(&levels);
    assert!(above.zip(&levels).all(|(above, level)| *level <= above + 1), "{path}: {levels:?}");
    if path == "/" {
        assert!(count("columnheader") == 9 && count("rowheader") == 3 && count("row") == 4, "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_page_says_the_same() {
    let site = Site::start(sample::board()).await;
    let mut browser = site.browser();
    let read = |browser: &mut Browser, off: bool| {
        browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": off }));
        let texts = ["/", "/instances/wiki", "/instances/wiki/history", "/checks/freeze"].map(|path| {
            browser.visit(&format!("{}{path}", site.address));
            browser.evaluate("document.querySelector('main').innerText")
        });
        (texts, browser.evaluate("document.querySelector('meta[http-equiv=refresh]') !== null"))
    };
    let (with, reloaded) = read(&mut browser, false);
    assert_eq!(reloaded, false, "the script renews the page in its place");
    let (without, _) = read(&mut browser, true);
    assert_eq!(with, without);
    assert!(with[1].as_str().unwrap().contains("Gantt for Confluence has no version"), "{}", with[1]);
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);

    // On paper nothing is folded, and nothing is there to be pressed.
    browser.visit(&format!("{}/instances/wiki", site.address));
    browser.call("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    let shown = "[...document.querySelectorAll('.finding .body')].every((e) => e.getBoundingClientRect().height > 50)";
    browser.until(shown);
    browser.until("getComputedStyle(document.querySelector('.bar')).display === 'none'");
    let pdf = browser.call("Page.printToPDF", &json!({}));
    assert!(pdf["data"].as_str().unwrap().len() > 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_verdict_is_shown_and_nobody_loses_his_place() {
    let site = Site::start(sample::board()).await;
    let mut browser = site.browser();
    browser.look(820, "light");
    browser.visit(&format!("{}/instances/wiki", site.address));
    // Somebody folds what blocks, unfolds a warning, and reads on in it.
    browser.evaluate(
        "window.here = 'same document';\
         window.folded = document.querySelectorAll('.finding')[0]; folded.open = false;\
         window.read = [...document.querySelectorAll('.finding')].find((e) => e.textContent.includes('Java 17 runs out'));\
         read.open = true; read.querySelector('a').focus(); scrollTo(0, read.getBoundingClientRect().top + scrollY - 100);\
         window.place = read.getBoundingClientRect().top; null",
    );
    site.board.send_modify(|board| {
        let board = Arc::make_mut(board);
        board.revision += 1;
        let mut wiki = InstanceState::clone(&board.instances[0]);
        for target in &mut wiki.targets {
            let TargetState::Judged(judged) = target else { continue };
            let judged = Arc::make_mut(judged);
            // The plug-in has its version, and the other target has a finding; above what is read a lot is gone.
            judged.report.checks.retain(|check| check.id != "plugin-compatibility");
            judged.report.verdict = Verdict::Warning;
        }
        board.instances[0] = Arc::new(wiki);
    });
    // As when somebody comes back to the page: it looks at once.
    browser.evaluate("document.dispatchEvent(new Event('visibilitychange')); null");
    browser.until("document.title.startsWith('Warnings: wiki')");
    assert_eq!(
        browser.evaluate("document.getElementById('said').textContent"),
        "wiki to 10.2.14 (latest-lts): Warnings, was Blocked. wiki to 9.2.10: Warnings, was Ready."
    );
    for (what, expression) in [
        ("the document is the same", "here === 'same document'"),
        ("what was read is still there and unfolded", "read.isConnected && read.open"),
        ("what was folded stays so", "folded.isConnected && !folded.open"),
        ("the focus is where it was", "document.activeElement === read.querySelector('a')"),
        ("what is read stands where it stood", "Math.abs(read.getBoundingClientRect().top - place) < 30"),
        (
            "what is gone is gone",
            "!document.body.textContent.includes('Gantt for Confluence has no version')",
        ),
    ] {
        assert_eq!(browser.evaluate(expression), true, "{what}");
    }

    // What is said leaves by itself, and what is said next is shown and read out again.
    browser.evaluate("said.getAnimations()[0].finish(); null");
    browser.until("said.textContent === '' && getComputedStyle(said).display !== 'none'");
    browser.evaluate(
        "window.told = []; new MutationObserver(() => told.push(said.textContent)).observe(said, { childList: true }); null",
    );
    let turn_second = |verdict| {
        site.board.send_modify(|board| {
            let board = Arc::make_mut(board);
            board.revision += 1;
            let mut wiki = InstanceState::clone(&board.instances[0]);
            if let TargetState::Judged(judged) = &mut wiki.targets[1] {
                Arc::make_mut(judged).report.verdict = verdict;
            }
            board.instances[0] = Arc::new(wiki);
        });
    };
    for (verdict, words) in [
        (Verdict::Blocked, "wiki to 9.2.10: Blocked, was Warnings."),
        // Before the one before has left.
        (Verdict::Ready, "wiki to 9.2.10: Ready, was Blocked."),
    ] {
        turn_second(verdict);
        browser.evaluate("document.dispatchEvent(new Event('visibilitychange')); null");
        browser.until(&format!("said.textContent === '{words}'"));
        assert_eq!(browser.evaluate("getComputedStyle(said).opacity"), "1", "{words}");
        assert_eq!(browser.evaluate("said.getAnimations()[0].currentTime < 5000"), true, "{words}");
        assert_eq!(browser.evaluate("told.at(-1)"), words);
    }

    // A line that leaves the list that is shown is told, and one that comes into it.
    browser.visit(&format!("{}/?verdict=ready", site.address));
    for (verdict, words) in [
        (Verdict::Blocked, "wiki to 9.2.10: not in this list any more, was Ready."),
        (Verdict::Ready, "wiki to 9.2.10: Ready, new in this list."),
    ] {
        turn_second(verdict);
        browser.evaluate("document.dispatchEvent(new Event('visibilitychange')); null");
        browser.until(&format!("said.textContent === '{words}'"));
    }

    // The overview in another tab of time: a line turns, and is marked.
    browser.visit(&format!("{}/", site.address));
    site.board.send_modify(|board| {
        let board = Arc::make_mut(board);
        board.revision += 1;
        let docs = InstanceState::clone(&board.instances[1]);
        let wiki = InstanceState { name: "new".into(), ..InstanceState::clone(&board.instances[0]) };
        board.instances = vec![Arc::new(docs), Arc::new(wiki)];
    });
    browser.evaluate("document.dispatchEvent(new Event('visibilitychange')); null");
    browser.until("document.querySelectorAll('tbody tr').length === 3 && !document.querySelector('[id=\"row:wiki:9.2.10\"]')");
    browser.until(
        "[...document.querySelectorAll('tbody th a')].map((e) => e.textContent).join() === 'docs,new,new'",
    );
    assert_eq!(browser.evaluate("said.textContent"), "4 lines have changed, come or gone.");

    // An agent that is gone leaves no fresh-looking verdicts behind.
    site.shutdown.cancel();
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    browser.until(
        "document.dispatchEvent(new Event('visibilitychange')), document.body.classList.contains('old') && \
         document.getElementById('said').textContent.startsWith('The agent does not answer. What is shown is from ')",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unfolded_in_the_history_stays_so_when_more_happens() {
    let site = Site::start(sample::board()).await;
    let mut browser = site.browser();
    browser.visit(&format!("{}/instances/wiki/history", site.address));
    browser.evaluate(
        "window.read = document.querySelector('.moment details'); read.open = true;\
         window.section = read.closest('section'); null",
    );
    let mut store = Store::open(&site.dir.path().join("history.db")).await.unwrap();
    let newer = Change {
        instance: "wiki".into(),
        target: "10.2.14".into(),
        check: "freeze".into(),
        at: "2025-12-01T08:00:00Z".parse().unwrap(),
        before: None,
        after: Verdict::Blocked,
        cause: "a freeze".into(),
        observed: None,
    };
    store.write(&Batch { changes: vec![newer], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    site.board.send_modify(|board| Arc::make_mut(board).revision += 1);
    browser.evaluate("document.dispatchEvent(new Event('visibilitychange')); null");
    browser.until("document.querySelectorAll('.moment').length === 4");
    for what in [
        "read.isConnected && read.open && section.isConnected && section.contains(read)",
        "[...document.querySelectorAll('.moment details')].filter((e) => e.open).length === 1",
        "section.textContent.includes('2025-11-28')",
    ] {
        assert_eq!(browser.evaluate(what), true, "{what}");
    }
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_instances_are_a_page_like_any_other() {
    let site = Site::start(sample::large_board(500)).await;
    let mut browser = site.browser();
    browser.look(360, "light");
    browser.visit(&format!("{}/", site.address));
    finds_nothing(&mut browser, "sticksOut()", "the overview of 500");
    assert_eq!(browser.evaluate("document.querySelectorAll('tbody tr').length"), 100);
    let bytes = browser.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize");
    assert!(bytes.as_u64().unwrap() < 120_000, "{bytes}");
    // By hand as anybody does it: a name, and the button.
    browser.evaluate("document.querySelector('[name=q]').value = 'wiki-499'; document.querySelector('.filter button').click(); null");
    browser.until("document.readyState === 'complete' && document.querySelectorAll('tbody tr').length === 2");
    assert!(browser.evaluate("location.search").as_str().unwrap().contains("q=wiki-499"));
    assert_eq!(browser.evaluate("document.querySelector('[name=q]').value"), "wiki-499");
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
}
