//! How long it takes to encode about a thousand series, and to serve them.

use std::hint::black_box;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt as _;
use upgrade_readiness_agent::board;
use upgrade_readiness_agent::surface::Published;
use upgrade_readiness_agent::surface::http::{Entrance, HttpSurface, router};
use upgrade_readiness_agent::surface::metrics::Metrics;
use upgrade_readiness_agent::surface::page::{
    Fleet, Past, WantedRows, WantedTarget, render_instance, render_overview,
};
use upgrade_readiness_agent::surface::status::{render_json, view};

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../tests/support/sample.rs"]
mod sample;

fn encode(criterion: &mut Criterion) {
    let metrics = Metrics::new();
    let board = sample::large_board(3);
    let text = metrics.encode(&board, None);
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    criterion.bench_function(&format!("encode {series} series, {} bytes", text.len()), |bencher| {
        bencher.iter(|| metrics.encode(black_box(&board), None));
    });
    let status = view(&board, sample::now());
    criterion.bench_function("render the status file", |bencher| {
        bencher.iter(|| render_json(black_box(&status)));
    });
    if let Some(instance) = board.instances.first() {
        criterion.bench_function("render the page of an instance", |bencher| {
            bencher.iter(|| {
                render_instance(black_box(instance), &WantedTarget::default(), Fleet::Alone, sample::now())
            });
        });
    }
    let board = sample::large_board(500);
    criterion.bench_function("render the overview of 500 instances", |bencher| {
        bencher.iter(|| render_overview(black_box(&board), &WantedRows::default(), sample::now()));
    });
}

fn serve(criterion: &mut Criterion) {
    let metrics = Bytes::from(Metrics::new().encode(&sample::large_board(3), None)).into();
    let (_keeper, board) = watch::channel(Arc::default());
    let (_publisher, published) = watch::channel(Published { metrics, ..Published::default() });
    let (commands, _daemon) = mpsc::channel(1);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9977));
    let (entrance, refusals) = (Entrance::open(), Arc::default());
    let past = Past::in_store("/nonexistent/history.db".into());
    let surface = HttpSurface { published, board, past, commands, address, entrance, refusals };
    let router = Arc::new(router(surface));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without a driver");
    criterion.bench_function("GET /metrics in process", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let request = Request::get("/metrics").body(Body::empty()).expect("a literal request");
            let answer = router.as_ref().clone().oneshot(request).await.expect("routes do not fail");
            to_bytes(answer.into_body(), usize::MAX).await.expect("bytes in memory")
        });
    });
}

criterion_group!(benches, encode, serve);
criterion_main!(benches);
