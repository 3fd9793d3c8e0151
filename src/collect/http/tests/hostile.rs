//! Servers that stall, flood, break off or are not there.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// What a server does once it has read a request.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    Flood,
    Close,
}

/// A server that says `head` to everybody and then does one thing; it ends with the test.
async fn raw_server(head: &'static [u8], then: Then) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            if read == 0 || stream.write_all(head).await.is_err() {
                continue;
            }
            match then {
                Then::Nothing => std::future::pending::<()>().await,
                Then::Flood => while stream.write_all(&[b' '; 16 * 1024]).await.is_ok() {},
                Then::Close => {}
            }
        }
    });
    (address, tasks)
}

fn hasty(address: &str) -> Client {
    let limits = Limits { total: Duration::from_millis(200), ..SHORT };
    Client::with_limits(&address.parse().unwrap(), &Credentials::Anonymous, None, limits).unwrap()
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    let (address, _server) = raw_server(head, Then::Flood).await;
    let error = client(&address).get_json::<Count>("rest/x").await.unwrap_err();
    assert!(matches!(error, HttpError::TooLong { most: 1_048_576, .. }), "{error:?}");
    assert_eq!(error.kind(), FailureKind::Malformed);
}

#[tokio::test]
async fn an_endless_error_is_an_error_all_the_same() {
    let head = b"HTTP/1.1 503 No\r\ncontent-type: text/html\r\n\r\n";
    let (address, _server) = raw_server(head, Then::Flood).await;
    let error = client(&address).get_json::<Count>("rest/x").await.unwrap_err();
    assert!(matches!(error, HttpError::Status { code: 503, .. }), "{error:?}");
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let (address, _server) = raw_server(b"HTTP/1.1 200 OK\r\nx: ", Then::Flood).await;
    let error = client(&address).get_json::<Count>("rest/x").await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable, "{error:?}");
}

#[tokio::test]
async fn a_stalled_answer_is_not_waited_for() {
    for head in [
        b"".as_slice(),
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        b"HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\n",
    ] {
        let (address, _server) = raw_server(head, Then::Nothing).await;
        let error = hasty(&address).get_json::<Count>("rest/x").await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Timeout, "{error:?}");
        assert!(error.to_string().contains("200ms"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"count\": 1}";
    let (address, _server) = raw_server(head, Then::Close).await;
    let error = client(&address).get_json::<Count>("rest/x").await.unwrap_err();
    assert!(matches!(error, HttpError::Interrupted { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_said_to_be_unreachable() {
    let (address, _server) = raw_server(b"220 mail.example.com ESMTP\r\n", Then::Close).await;
    let error = client(&address).get_json::<Count>("rest/x").await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable, "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_said_to_be_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&address).get_json::<Count>("rest/x").await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error:?}");
    assert!(everything(&error).contains("refused"), "{error:?}");
    assert!(error.remedy().contains(&format!("curl -v {address}")), "{}", error.remedy());
}

fn gzipped(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let block = vec![b' '; 1024 * 1024];
    for _ in 0..bytes / block.len() {
        encoder.write_all(&block).unwrap();
    }
    encoder.write_all(b"{\"count\": 5}").unwrap();
    encoder.finish().unwrap()
}

fn packed(body: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_raw(body, "application/json")
        .insert_header("content-encoding", "gzip")
}

#[tokio::test]
async fn a_packed_answer_is_counted_unpacked() {
    let good = server(packed(gzipped(0))).await;
    assert_eq!(client(&good.uri()).get_json::<Count>("rest/x").await.unwrap(), Count { count: 5 });

    let bomb = gzipped(50 * 1024 * 1024);
    assert!(bomb.len() < 1024 * 1024);
    let error = error_of(packed(bomb)).await;
    assert!(matches!(error, HttpError::TooLong { .. }), "{error:?}");

    let error = error_of(packed(b"not gzip at all".to_vec())).await;
    assert!(matches!(error, HttpError::Interrupted { .. }), "{error:?}");
}
