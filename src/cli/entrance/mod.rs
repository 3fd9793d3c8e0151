//! The entrance of the HTTP surface as the configuration wants it: made at the start, anew when the configuration is
//! reloaded, and when the files of its certificate change.
//!
//! A certificate that cannot be used never takes the place of one that can: the old one stays, the log and the board
//! say so. A certificate that comes near its end is told too.

mod local;
mod read;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::access::{AccessList, May, Person, Reach};
use crate::board::{Board, Notice};
use crate::chain::Chain;
use crate::config::{Config, Serving, TlsFiles};
use crate::surface::http::{Entrance, Tls};
use crate::surface::metrics::Metrics;

pub(super) use local::{fingerprint, local_file, read_local};
pub(super) use read::EntranceError;
use read::{Stamps, is_open_to_all, read_access, read_renewed, read_tls, stamps};

/// How often is looked whether the files of the certificate are other ones.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Without one there is nothing to look at; a reload may name one.
const LOOK_WITHOUT_TLS: Duration = Duration::from_mins(1);

/// A certificate that is usually renewed by then is told of, unless it lives so short that this is most of its life.
const WARN_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Subject of the notice that a renewed certificate cannot be used.
const NOT_RENEWED: &str = "certificate-not-renewed";
/// Subject of the notice that the certificate ends soon, or has ended.
const ENDS: &str = "certificate-ends";
/// Subject of the notice that everybody may read the private key.
const OPEN_KEY: &str = "private-key-open";

/// What holds for an entrance: made whole before anything of it is put in force.
pub(super) struct Prepared {
    serving: Serving,
    tls: Option<Tls>,
    known: Option<AccessList>,
    seen: Stamps,
    trouble: Option<String>,
}

/// Keeps the entrance as it is to be.
pub(super) struct Keeper {
    state_dir: PathBuf,
    /// Shown by commands on this host.
    local: SecretString,
    board: watch::Sender<Arc<Board>>,
    metrics: Arc<Metrics>,
    kept: Mutex<Kept>,
}

struct Kept {
    entrance: watch::Sender<Arc<Entrance>>,
    serving: Serving,
    /// The files as they were when they were taken in, or found unfit for good; none of them while what is there only
    /// waits for its time.
    seen: Stamps,
    /// What could not be used when it was first seen: it may still be in the making.
    doubtful: Option<Stamps>,
    /// Why the files that are there now are not what is shown.
    trouble: Option<String>,
    /// What commands on this host were left: whether there is a token, and the certificate.
    left: Option<(bool, Option<Vec<u8>>)>,
    /// Why it could not be left.
    unleft: Option<String>,
}

/// Reads everything an entrance is made of; what keeps it from being opened.
pub(super) fn examine(config: &Config) -> Vec<EntranceError> {
    let tls = config.serving.tls.as_ref().and_then(|files| read_tls(files).err());
    let access =
        config.serving.access.iter().filter_map(|entry| read_access(std::slice::from_ref(entry)).err());
    let mut found: Vec<EntranceError> = tls.into_iter().chain(access).collect();
    if found.is_empty() {
        found.extend(read_access(&config.serving.access).err());
    }
    found
}

impl Keeper {
    /// Opens the entrance for the first time.
    pub(super) fn open(
        config: &Config,
        board: watch::Sender<Arc<Board>>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, EntranceError> {
        let kept = Kept {
            entrance: watch::Sender::default(),
            serving: Serving::default(),
            seen: Stamps::new(),
            doubtful: None,
            trouble: None,
            left: None,
            unleft: None,
        };
        let keeper = Self {
            state_dir: config.state_dir.clone(),
            local: local::draw_token(),
            board,
            metrics,
            kept: Mutex::new(kept),
        };
        let prepared = keeper.prepare(config)?;
        keeper.install(prepared, Listener::Same);
        Ok(Arc::new(keeper))
    }

    /// Where the entrance can be had.
    pub(super) fn entrance(&self) -> watch::Receiver<Arc<Entrance>> {
        self.kept().entrance.subscribe()
    }

    /// Reads what a configuration names. A certificate that was good and is broken now is no reason to refuse the
    /// rest: the one that is shown stays.
    pub(super) fn prepare(&self, config: &Config) -> Result<Prepared, EntranceError> {
        let serving = config.serving.clone();
        let mut seen = serving.tls.as_ref().map(stamps).unwrap_or_default();
        let shown = {
            let kept = self.kept();
            let shown = kept.entrance.borrow().tls.clone();
            shown.filter(|_| kept.serving.tls == serving.tls)
        };
        let mut trouble = None;
        let tls = match (&serving.tls, shown) {
            (None, _) => None,
            (Some(files), None) => Some(read_tls(files)?),
            (Some(files), Some(shown)) => {
                Some(read_renewed(files, &shown, Timestamp::now()).unwrap_or_else(|error| {
                    if matches!(error, EntranceError::OutOfTime { .. }) {
                        seen = Stamps::new();
                    }
                    trouble = Some(told(&error));
                    shown
                }))
            }
        };
        let known = if serving.access.is_empty() {
            None
        } else {
            let mut known = read_access(&serving.access)?;
            let here = Person { name: "a command on this host".to_owned(), may: May::Change };
            known.add_token(here, Reach::ThisHost, self.local.expose_secret().as_bytes());
            Some(known)
        };
        Ok(Prepared { serving, tls, known, seen, trouble })
    }

    /// Puts an entrance in force. A listener that is about to be closed keeps the one it has.
    pub(super) fn install(&self, prepared: Prepared, listener: Listener) {
        let Prepared { serving, tls, known, seen, trouble } = prepared;
        let entrance = Arc::new(Entrance { tls, known, hosts: serving.hosts.clone() });
        let mut kept = self.kept();
        match listener {
            Listener::Same => {
                kept.entrance.send_replace(entrance);
            }
            Listener::Another => kept.entrance = watch::Sender::new(entrance),
        }
        kept.serving = serving;
        kept.seen = seen;
        note_trouble(&mut kept, trouble);
        self.tell(&mut kept);
    }

    /// Looks again and again whether the files of the certificate are other ones, until the shutdown.
    pub(super) async fn follow(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            let secured = self.kept().serving.tls.is_some();
            let pause = sleep(if secured { LOOK_EVERY } else { LOOK_WITHOUT_TLS });
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return;
            }
            let keeper = Arc::clone(&self);
            // Files on a network may hang: then nothing is renewed, and nobody waits for it.
            let looked = shutdown.run_until_cancelled(spawn_blocking(move || keeper.look())).await;
            match looked {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::error!(%error, "looking at the certificate broke"),
            }
        }
    }

    /// Takes in a renewed certificate, when there is one.
    fn look(&self) {
        let (serving, seen) = {
            let kept = self.kept();
            (kept.serving.clone(), kept.seen.clone())
        };
        let Some(files) = &serving.tls else { return self.tell(&mut self.kept()) };
        let now = stamps(files);
        let shown = self.kept().entrance.borrow().tls.clone();
        let read = (now != seen).then(|| match shown {
            Some(shown) => read_renewed(files, &shown, Timestamp::now()),
            None => read_tls(files),
        });
        let mut kept = self.kept();
        // The configuration may have been reloaded meanwhile.
        if kept.serving != serving {
            return;
        }
        match read {
            None => {}
            Some(Ok(tls)) => {
                let ends_at = tls.ends_at;
                kept.entrance.send_modify(|entrance| Arc::make_mut(entrance).tls = Some(tls));
                kept.seen = now;
                tracing::info!(%ends_at, "the certificate was renewed");
                note_trouble(&mut kept, None);
            }
            // It is looked at again until its time has come, or the old one's has.
            Some(Err(error @ EntranceError::OutOfTime { .. })) => note_trouble(&mut kept, Some(told(&error))),
            // Certificate and key are two files, and one of them is always first.
            Some(Err(_)) if kept.doubtful.as_ref() != Some(&now) => kept.doubtful = Some(now),
            Some(Err(error)) => {
                kept.seen = now;
                note_trouble(&mut kept, Some(told(&error)));
            }
        }
        self.tell(&mut kept);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says on the board, in the metrics and to commands on this host what holds now.
    fn tell(&self, kept: &mut Kept) {
        let entrance = kept.entrance.borrow().clone();
        let notices = notices(kept, entrance.tls.as_ref(), Timestamp::now());
        self.metrics.note_certificate(entrance.tls.as_ref().map(|tls| (tls.begins_at, tls.ends_at)));
        self.board.send_if_modified(|board| {
            let ours = |notice: &&Notice| [NOT_RENEWED, ENDS, OPEN_KEY].contains(&notice.subject);
            if board.notices.iter().filter(ours).eq(&notices) {
                return false;
            }
            // That it is not renewed has its own line already.
            let new = |notice: &&Notice| notice.subject != NOT_RENEWED && !board.notices.contains(notice);
            for Notice { text, .. } in notices.iter().filter(new) {
                tracing::warn!(%text, "the agent's own certificate needs somebody");
            }
            let board = Arc::make_mut(board);
            board.notices.retain(|notice| !ours(&notice));
            board.notices.extend(notices);
            board.revision += 1;
            true
        });
        let token = entrance.known.as_ref().map(|_| self.local.expose_secret());
        let certificate = entrance.tls.as_ref().map(|tls| tls.certificate.as_ref());
        let leaving = Some((token.is_some(), certificate.map(<[u8]>::to_vec)));
        if kept.left == leaving {
            return;
        }
        let failed = local::leave(&self.state_dir, token, certificate).err().map(|error| error.to_string());
        // It is tried again at the next look, and said once.
        if let Some(error) = failed.as_ref().filter(|error| kept.unleft.as_ref() != Some(error)) {
            tracing::warn!(
                %error,
                path = %local_file(&self.state_dir).display(),
                "what commands on this host need to be let in cannot be written; they use the secrets of [[http.access]]"
            );
        }
        if failed.is_none() {
            kept.left = leaving;
        }
        kept.unleft = failed;
    }
}

/// Who listens with an entrance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    /// The one that does already.
    Same,
    /// One at another address.
    Another,
}

/// Notes why a renewed certificate is not shown; it is logged when it is another reason than before.
fn note_trouble(kept: &mut Kept, trouble: Option<String>) {
    if let Some(trouble) = trouble.as_ref().filter(|trouble| kept.trouble.as_ref() != Some(trouble)) {
        tracing::error!(error = %trouble, "the renewed certificate cannot be used; the old one is still shown");
    }
    kept.trouble = trouble;
}

fn told(error: &EntranceError) -> String {
    format!("{}. {}", Chain(error), error.remedy())
}

/// What is to be said of the certificate, and of its key.
fn notices(kept: &Kept, tls: Option<&Tls>, now: Timestamp) -> Vec<Notice> {
    let (Some(files), Some(tls)) = (&kept.serving.tls, tls) else { return Vec::new() };
    let mut notices = Vec::new();
    if let Some(trouble) = &kept.trouble {
        let text = format!(
            "The agent goes on with its old certificate, for the renewed one cannot be used: {trouble}"
        );
        notices.push(Notice { subject: NOT_RENEWED, text });
    }
    notices.extend(end_of(files, tls, now));
    if is_open_to_all(files) {
        let key = files.key_file.display();
        let text = format!(
            "Everybody on this host may read the private key of the agent's certificate: `chmod o= {key}`, and a new \
             key if somebody may have taken it."
        );
        notices.push(Notice { subject: OPEN_KEY, text });
    }
    notices
}

fn end_of(files: &TlsFiles, tls: &Tls, now: Timestamp) -> Option<Notice> {
    let left = tls.ends_at.duration_since(now);
    let third = tls.ends_at.duration_since(tls.begins_at) / 3;
    let file = files.cert_file.display();
    let day = tls.ends_at;
    let text = if now < tls.begins_at {
        format!(
            "The agent's own certificate does not hold before {}, and nobody trusts it until then: put one that holds \
             into {file}, or set the clock of this host (`timedatectl`), which says {now}.",
            tls.begins_at
        )
    } else if left <= SignedDuration::ZERO {
        format!(
            "The agent's own certificate has ended at {day}, and nobody trusts it: put a new one into {file}."
        )
    } else if left < WARN_BEFORE.min(third) {
        format!(
            "The agent's own certificate ends at {day}: put a new one into {file}, which is taken in by itself."
        )
    } else {
        return None;
    };
    Some(Notice { subject: ENDS, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::http::secure;

    #[test]
    fn a_certificate_is_told_of_when_little_of_its_life_is_left() {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = SecretString::from(own.signing_key.serialize_pem());
        let tls = secure(&own.cert.pem(), &key, None, false).unwrap();
        let files = TlsFiles {
            cert_file: "/etc/tls.pem".into(),
            key_file: "/etc/tls.key".into(),
            client_ca_file: None,
            strict_transport: false,
        };
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let hours = SignedDuration::from_hours;
        let rows = [
            (hours(365 * 24), hours(30 * 24), None),
            (hours(365 * 24), hours(14 * 24), None),
            (hours(365 * 24), hours(13 * 24), Some("ends at 2026-12-11")),
            // One that is renewed every few days anyway.
            (hours(6 * 24), hours(3 * 24), None),
            (hours(6 * 24), hours(47), Some("ends at 2026-11-30")),
            (hours(6 * 24), hours(0), Some("has ended at 2026-11-28")),
            (hours(365 * 24), hours(-500 * 24), Some("has ended at 2025")),
            (hours(365 * 24), hours(366 * 24), Some("does not hold before 2026-11-29")),
        ];
        for (life, left, words) in rows {
            let mut tls = tls.clone();
            (tls.begins_at, tls.ends_at) = (now + left - life, now + left);
            let text = end_of(&files, &tls, now).map(|notice| notice.text);
            match words {
                None => assert_eq!(text, None, "{left:?} of {life:?}"),
                Some(words) => {
                    let text = text.unwrap();
                    assert!(text.contains(words) && text.contains("/etc/tls.pem"), "{text}");
                }
            }
        }
    }
}
