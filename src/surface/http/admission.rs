//! Lets a request in: who sends it, whether they may, and whether it is of this site.
//!
//! `/-/healthy` and `/-/ready` are for everybody, for they tell nothing. Everything else is for those the access list
//! knows; without a list everybody may read, and everybody on this host may change something. What is not GET or HEAD
//! changes something.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use tokio::sync::watch;
use tracing::warn;

use super::entrance::Entrance;
use super::guard::{refuse_change, refuse_reading};
use super::peer::Peer;
use super::throttle::{Line, Proof, Throttle};
use super::{Answer, say};
use crate::access::{AccessList, May, Person, Refusal, Refusals, Shown};

/// What everybody may ask.
const OPEN: [&str; 2] = ["/-/healthy", "/-/ready"];

/// A year, as is usual.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");
const STRICT_TRANSPORT_SECURITY: HeaderName = HeaderName::from_static("strict-transport-security");

/// Who stands at the entrance.
#[derive(Debug, Clone)]
pub(super) struct Doorkeeper {
    pub(super) entrance: watch::Receiver<Arc<Entrance>>,
    /// The address the configuration says to listen on.
    pub(super) address: SocketAddr,
    pub(super) refusals: Arc<Refusals>,
    pub(super) throttle: Arc<Throttle>,
}

/// Lets a request through to the routes, or tells why not.
pub(super) async fn admit(State(keeper): State<Doorkeeper>, mut request: Request, next: Next) -> Answer {
    let entrance = keeper.entrance.borrow().clone();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let open = reads && OPEN.contains(&request.uri().path());
    let refused = if open { None } else { keeper.refuse(&entrance, &mut request, reads).err() };
    let mut answer = match refused {
        None => next.run(request).await,
        Some(refusal) => *refusal,
    };
    if entrance.tls.as_ref().is_some_and(|tls| tls.strict_transport) {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    answer
}

/// What somebody sends to say who they are.
enum Credentials {
    Token(Zeroizing<Vec<u8>>),
    /// With a colon between them.
    UserAndPassword(Zeroizing<Vec<u8>>),
    /// Nothing that is understood.
    Unreadable,
}

impl Doorkeeper {
    fn refuse(&self, entrance: &Entrance, request: &mut Request, reads: bool) -> Result<(), Box<Answer>> {
        let refusal = if reads {
            refuse_reading(request.headers(), entrance, self.address)
        } else {
            refuse_change(request.headers(), entrance, self.address)
        };
        if let Some(why) = refusal {
            return Err(self.turn_away(Refusal::Site, StatusCode::FORBIDDEN, why));
        }
        // A request without it was made by no connection of ours; it is trusted least.
        let peer = request.extensions().get::<Peer>().cloned();
        let Some(known) = &entrance.known else {
            // A proxy on this host passes on what others ask; most say so.
            let passed_on = ["forwarded", "via", "x-forwarded-for", "x-real-ip"]
                .iter()
                .any(|name| request.headers().contains_key(*name));
            if reads || (!passed_on && peer.is_some_and(|peer| peer.on_this_host)) {
                return Ok(());
            }
            return Err(self.turn_away(
                Refusal::Rights,
                StatusCode::FORBIDDEN,
                "refused: only who is on the agent's host may change something, unless [[http.access]] in its \
                 configuration says who else may",
            ));
        };
        let person = self.recognise(known, peer.as_ref(), request.headers_mut())?;
        if !reads && person.may < May::Change {
            let told = format!("refused: {} may read, and nothing else; see [[http.access]]", person.name);
            return Err(self.turn_away(Refusal::Rights, StatusCode::FORBIDDEN, &told));
        }
        Ok(())
    }

    /// Who sends a request. What they show is taken out of it: nobody behind has use for it.
    fn recognise(
        &self,
        known: &AccessList,
        peer: Option<&Peer>,
        headers: &mut HeaderMap,
    ) -> Result<Person, Box<Answer>> {
        let here = peer.is_some_and(|peer| peer.on_this_host);
        let several = headers.get_all(AUTHORIZATION).iter().nth(1).is_some();
        let Some(mut value) = headers.remove(AUTHORIZATION) else {
            return self.recognise_certificate(known, peer);
        };
        value.set_sensitive(true);
        let credentials = if several { Credentials::Unreadable } else { read_credentials(&value) };
        let (shown, proof) = match &credentials {
            Credentials::Token(token) => (Some(Shown::Token(token)), Proof::Token),
            Credentials::UserAndPassword(both) => {
                let name = both.split(|byte| *byte == b':').next().unwrap_or_default();
                (Some(Shown::UserAndPassword(both)), Proof::Password(name))
            }
            Credentials::Unreadable => (None, Proof::Unreadable),
        };
        let Some(peer) = peer else { return Err(self.challenge(known, Refusal::Missing, ASKED)) };
        let claim = self.throttle.claim(peer.address, proof);
        let wait = self.throttle.wait(claim);
        let patient = matches!(credentials, Credentials::Token(_));
        if (wait.is_none() || patient)
            && let Some(person) = shown.and_then(|shown| known.find(shown, here))
        {
            return Ok(person.clone());
        }
        if let Some(wait) = wait {
            let mut refusal = self.turn_away(
                Refusal::Throttled,
                StatusCode::TOO_MANY_REQUESTS,
                "too many wrong ones came before; try again later",
            );
            let seconds = wait.as_secs() + 1;
            refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Err(refusal);
        }
        if self.throttle.fail(claim) {
            let shown = match credentials {
                Credentials::Token(_) => "token",
                Credentials::UserAndPassword(_) => "user name and password",
                Credentials::Unreadable => "nothing that can be read",
            };
            // Not the name: some type their password there.
            self.log(peer, shown);
        }
        Err(self.challenge(known, Refusal::Wrong, "refused: this is nobody [[http.access]] knows"))
    }

    fn recognise_certificate(&self, known: &AccessList, peer: Option<&Peer>) -> Result<Person, Box<Answer>> {
        let Some((peer, certificate)) = peer.and_then(|peer| Some((peer, peer.certificate.as_ref()?))) else {
            return Err(self.challenge(known, Refusal::Missing, ASKED));
        };
        if let Some(person) = known.find(Shown::Certificate(certificate), peer.on_this_host) {
            return Ok(person.clone());
        }
        // It is counted for the log only, and no longer than others are: somebody who lists it now need not wait.
        let claim = self.throttle.claim(peer.address, Proof::Certificate);
        if self.throttle.wait(claim).is_none() && self.throttle.fail(claim) {
            self.log(peer, "client certificate");
        }
        let told = format!(
            "refused: no entry of [[http.access]] is for the certificate with the subject {}",
            certificate.subject.escape_debug()
        );
        Err(self.challenge(known, Refusal::Wrong, &told))
    }

    fn log(&self, peer: &Peer, shown: &'static str) {
        self.write_line(|| {
            warn!(client = %peer.address, shown, "somebody says who they are and is not believed");
        });
    }

    /// Writes a line about a refusal, unless there were too many just now.
    pub(super) fn write_line(&self, write: impl FnOnce()) {
        let line = self.throttle.line();
        if line != Line::Leave {
            write();
        }
        if line == Line::WriteAndSaySo {
            warn!("more refusals of this minute are not logged; the metric http_refused_total counts them");
        }
    }

    #[expect(clippy::unnecessary_box_returns, reason = "it is handed on as an error, which is to be small")]
    fn challenge(&self, known: &AccessList, refusal: Refusal, text: &str) -> Box<Answer> {
        let mut answer = self.turn_away(refusal, StatusCode::UNAUTHORIZED, text);
        if known.has_passwords() {
            let basic =
                HeaderValue::from_static("Basic realm=\"upgrade readiness agent\", charset=\"UTF-8\"");
            answer.headers_mut().append(WWW_AUTHENTICATE, basic);
        }
        let bearer = HeaderValue::from_static("Bearer realm=\"upgrade readiness agent\"");
        answer.headers_mut().append(WWW_AUTHENTICATE, bearer);
        answer
    }

    #[expect(clippy::unnecessary_box_returns, reason = "it is handed on as an error, which is to be small")]
    fn turn_away(&self, refusal: Refusal, status: StatusCode, text: &str) -> Box<Answer> {
        self.refusals.count(refusal);
        Box::new(say(status, text))
    }
}

const ASKED: &str = "say who you are: a token, a user name and password, or a client certificate that \
                     [[http.access]] of the agent's configuration knows";

fn read_credentials(value: &HeaderValue) -> Credentials {
    let bytes = value.as_bytes();
    let Some(space) = bytes.iter().position(|byte| *byte == b' ') else { return Credentials::Unreadable };
    let (scheme, rest) = bytes.split_at(space);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Credentials::Token(Zeroizing::new(rest.to_vec()));
    }
    let decoded = scheme.eq_ignore_ascii_case(b"basic").then(|| STANDARD.decode(rest).ok()).flatten();
    match decoded.map(Zeroizing::new) {
        Some(both) if both.contains(&b':') => Credentials::UserAndPassword(both),
        Some(_) | None => Credentials::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use tokio::sync::mpsc;
    use tower::ServiceExt as _;

    use super::super::throttle::{EVERY, FAILURES};
    use super::super::{HttpSurface, router};
    use super::*;
    use crate::access::{CertificateMark, ClientCertificate, Reach};

    const SCRAPER: &str = "Bearer scraper-scraper-scraper-scraper-1";
    const ROBOT: &str = "bearer robot-robot-robot-robot-robot-rob";
    /// Let in: nothing was published yet, and nobody executes commands.
    const IN: u16 = 503;

    const LOCAL: &str = "Bearer local-local-local-local-local-loc";

    fn basic(both: &str) -> String {
        format!("Basic {}", STANDARD.encode(both))
    }

    fn known() -> AccessList {
        let person = |name: &str, may| Person { name: name.to_owned(), may };
        let mut known = AccessList::new([3; 32]);
        let token = |text: &'static str| text.split_at(7).1.as_bytes();
        known.add_token(person("scraper", May::Read), Reach::Anywhere, token(SCRAPER));
        known.add_token(person("robot", May::Change), Reach::Anywhere, token(ROBOT));
        known.add_token(person("here", May::Change), Reach::ThisHost, token(LOCAL));
        known.add_user(person("anna", May::Change), "anna:pass wörter: viele".as_bytes());
        known.add_certificate(person("proxy", May::Read), CertificateMark::Sha256([1; 32]));
        known
    }

    /// Asks; nobody executes commands, so what is let in to change something is told that the daemon stops (503).
    struct Asking {
        router: Router,
        refusals: Arc<Refusals>,
    }

    impl Asking {
        fn at(known: Option<AccessList>) -> Self {
            let entrance = Entrance { known, ..Entrance::default() };
            let entrance = watch::Sender::new(Arc::new(entrance)).subscribe();
            let (commands, _gone) = mpsc::channel(1);
            let refusals = Arc::<Refusals>::default();
            let surface = HttpSurface {
                published: watch::Sender::default().subscribe(),
                board: watch::Sender::default().subscribe(),
                past: crate::surface::page::Past::in_store("/nonexistent/history.db".into()),
                commands,
                address: "192.0.2.7:9977".parse().unwrap(),
                entrance,
                refusals: refusals.clone(),
            };
            Self { router: router(surface), refusals }
        }

        async fn ask(&self, line: &str, from: Option<&Peer>, authorization: &[&str]) -> (u16, Answer) {
            let (method, path) = line.split_once(' ').unwrap();
            let mut request = Request::builder().method(method).uri(path).header("host", "192.0.2.7:9977");
            for value in authorization {
                request = request.header(AUTHORIZATION, *value);
            }
            if let Some(peer) = from {
                request = request.extension(peer.clone());
            }
            let request = request.body(Body::empty()).unwrap();
            let answer = self.router.clone().oneshot(request).await.unwrap();
            (answer.status().as_u16(), answer)
        }
    }

    fn peer(address: &str) -> Peer {
        let from = SocketAddr::new(address.parse().unwrap(), 40_000);
        Peer::new(from, "192.0.2.7:9977".parse().ok())
    }

    fn with_certificate(digest: u8) -> Peer {
        let certificate =
            ClientCertificate { subject: "CN=x\u{1b}[2J".into(), names: Vec::new(), sha256: [digest; 32] };
        Peer { certificate: Some(Arc::new(certificate)), ..peer("198.51.100.1") }
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_may_what_the_list_says() {
        let (read, change) = ("GET /metrics", "POST /-/reload");
        let far = peer("198.51.100.1");
        let (here, own) = (peer("127.0.0.1"), peer("192.0.2.7"));
        let (proxy, stranger) = (with_certificate(1), with_certificate(2));
        let anna = basic("anna:pass wörter: viele");
        let padded = format!("Basic   {}  ", STANDARD.encode("anna:pass wörter: viele"));
        let rows: Vec<(&str, &Peer, Vec<&str>, u16)> = vec![
            (read, &far, vec![SCRAPER], IN),
            (change, &far, vec![SCRAPER], 403),
            ("HEAD /metrics", &far, vec![SCRAPER], IN),
            ("DELETE /metrics", &far, vec![SCRAPER], 403),
            ("GET /nothing", &far, vec![SCRAPER], 404),
            (read, &far, vec![ROBOT], IN),
            (change, &far, vec![ROBOT], IN),
            (change, &far, vec![&anna], IN),
            (change, &far, vec![&padded], IN),
            (change, &here, vec![LOCAL], IN),
            (change, &own, vec![LOCAL], IN),
            (change, &far, vec![LOCAL], 401),
            (read, &far, vec![LOCAL], 401),
            (read, &proxy, vec![], IN),
            (change, &proxy, vec![], 403),
            (change, &proxy, vec![ROBOT], IN),
            (read, &stranger, vec![], 401),
            (read, &far, vec![], 401),
            (change, &here, vec![], 401),
            ("GET /nothing", &far, vec![], 401),
            ("OPTIONS /", &far, vec![], 401),
            ("GET /-/healthy", &far, vec![], 200),
            ("HEAD /-/ready", &far, vec![], IN),
            ("GET /-/healthy/", &far, vec![], 401),
            ("GET /-/healthy?x", &far, vec![], 200),
            ("POST /-/healthy", &far, vec![], 401),
            (read, &far, vec![SCRAPER, SCRAPER], 401),
            (read, &far, vec![""], 401),
            (read, &far, vec!["Bearer"], 401),
            (read, &far, vec!["Bearer "], 401),
            (read, &far, vec!["Digest username=x"], 401),
            (read, &far, vec!["Basic ???"], 401),
        ];
        for (line, from, authorization, expected) in rows {
            // Each for itself: what fails is not to count for the next.
            let asking = Asking::at(Some(known()));
            let (code, answer) = asking.ask(line, Some(from), &authorization).await;
            assert_eq!(code, expected, "{line} {authorization:?} from {}", from.address);
            let challenges: Vec<_> = answer.headers().get_all(WWW_AUTHENTICATE).iter().collect();
            if code == 401 {
                assert!(challenges[0].to_str().unwrap().starts_with("Basic realm=") && challenges.len() == 2);
                let refused = [Refusal::Missing, Refusal::Wrong].map(|why| asking.refusals.counted(why));
                assert_eq!(refused.iter().sum::<u64>(), 1);
                let text = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
                assert!(!text.contains(&0x1b) && text.windows(15).any(|part| part == b"[[http.access]]"));
            } else {
                assert!(challenges.is_empty());
            }
        }
        let nobody = Asking::at(Some(known()));
        assert_eq!(nobody.ask(read, None, &[SCRAPER]).await.0, 401, "a request of no connection");
    }

    #[tokio::test]
    async fn without_a_list_everybody_may_read_and_this_host_may_change() {
        let asking = Asking::at(None);
        let (far, here) = (peer("198.51.100.1"), peer("127.0.0.1"));
        let rows = [
            ("GET /-/healthy", Some(&far), 200),
            ("GET /nothing", Some(&far), 404),
            ("POST /-/reload", Some(&far), 403),
            ("POST /-/reload", None, 403),
            ("POST /-/reload", Some(&here), 503),
        ];
        for (line, from, expected) in rows {
            // What is sent along is nobody's business.
            assert_eq!(asking.ask(line, from, &[SCRAPER]).await.0, expected, "{line}");
        }
        assert_eq!(asking.refusals.counted(Refusal::Rights), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_waits_and_nobody_waits_with_them() {
        let asking = Asking::at(Some(known()));
        let (guesser, other) = (peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        let neighbour = peer("2001:db8::2");
        let right = basic("anna:pass wörter: viele");
        let ask = async |from: &Peer, authorization: &str| {
            let (code, answer) = asking.ask("GET /metrics", Some(from), &[authorization]).await;
            let wait = answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
            (code, wait)
        };
        for number in 0..FAILURES {
            assert_eq!(ask(&guesser, &basic(&format!("anna:{number}"))).await, (401, None));
        }
        let wait = Some("7".to_owned());
        assert_eq!(ask(&guesser, &basic("anna:next")).await, (429, wait.clone()));
        assert_eq!(ask(&guesser, &right).await, (429, wait.clone()), "an answer would tell that it is right");
        assert_eq!(ask(&neighbour, &right).await, (429, wait), "the same network");
        assert_eq!(ask(&other, &right).await, (503, None), "another client");
        assert_eq!(ask(&guesser, SCRAPER).await, (503, None), "a token is not guessed");
        let healthy = asking.ask("GET /-/healthy", Some(&guesser), &[&right]).await.0;
        assert_eq!(healthy, 200);
        tokio::time::advance(EVERY + Duration::from_secs(1)).await;
        assert_eq!(ask(&guesser, &right).await, (503, None), "after the wait it is looked at");
        assert_eq!(asking.refusals.counted(Refusal::Throttled), 3);
        assert_eq!(asking.refusals.counted(Refusal::Wrong), u64::from(FAILURES));

        for _ in 0..=FAILURES {
            ask(&other, "Bearer guessed").await;
        }
        assert_eq!(ask(&other, "Bearer guessed").await.0, 429);
        assert_eq!(ask(&other, SCRAPER).await.0, 503);
        assert_eq!(ask(&other, &right).await.0, 503, "tokens are not counted with names");

        // However often a stranger's certificate comes, it is told why, and nobody else of that address waits for it.
        let (stranger, proxy) = (with_certificate(2), with_certificate(1));
        for _ in 0..500 {
            assert_eq!(asking.ask("GET /metrics", Some(&stranger), &[]).await.0, 401);
        }
        assert_eq!(asking.ask("GET /metrics", Some(&proxy), &[]).await.0, IN);
        assert_eq!(ask(&stranger, &right).await.0, IN);
    }
}
