//! Who asks a shared source: settled by locks that belong to one session of the shared store.
//!
//! ```text
//!  agent A ── session ── holds the lock of wiki/database ── asks ── writes letter (epoch 7)
//!  agent B ── session ── tries the lock at every beat    ── reads letter ── takes it with its age
//!  agent C ── session ── tries the lock at every beat    ── reads letter ── takes it with its age
//!
//!  A killed          server sees the connection close      ─► lock free   ─► B or C at its next beat: epoch 8
//!  A's host dead     no answer to TCP keepalives           ─► session ends ─► the same
//!  A frozen          session idle for too long             ─► session ends ─► the same
//!  store gone        every session ends                    ─► after three beats every agent asks for itself (15 s)
//! ```
//!
//! A leader writes its letters through the very session that holds the lock. When the session is gone there is no way
//! to write, so nobody who lost the lock without noticing can overwrite what his successor wrote; the epoch guards the
//! rest (a letter that waited while the lock was lost and won again). Should two ask at once for a while, both only
//! read what they watch.
//!
//! Ages are told by the clock of the store, and counted on by each agent's own uninterrupted clock: that hosts have
//! different times of day does not matter.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, Row as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::desk::{Heard, Outgoing, Post, Standing};
use super::letter;
use super::shared_store::within;
use super::{FleetError, SharedStore};
use crate::board::Board;
use crate::board::fleet::FleetState;
use crate::chain::Chain;
use crate::config::SharedStorePlace;

/// Nobody waits longer for a lock that became free.
const LONGEST_BEAT: Duration = Duration::from_secs(5);

/// A leader that is not heard of for so long, or three beats if that is longer, is taken for dead by the server.
const SILENT_FOR: Duration = Duration::from_secs(10);

/// How often locks are tried and letters read.
pub(super) fn beat(place: &SharedStorePlace) -> Duration {
    place.publish_every.min(LONGEST_BEAT)
}

/// Settles who asks, for all shared sources of this agent.
pub(super) struct Leadership {
    pub(super) place: SharedStorePlace,
    pub(super) agent: String,
    pub(super) posts: Vec<Arc<Post>>,
    pub(super) outgoing: mpsc::Receiver<Outgoing>,
    pub(super) board: watch::Sender<Arc<Board>>,
}

impl Leadership {
    /// Settles it for ever; begins anew whenever the session ends.
    pub(super) async fn run(mut self) {
        let beat = beat(&self.place);
        loop {
            if let Err(trouble) = self.session(beat).await {
                // Whoever cannot be used is said to be so on the board, by the publisher.
                tracing::debug!(error = %Chain(&trouble), "who asks for all is not settled");
            }
            self.lose();
            sleep(beat).await;
        }
    }

    /// Nobody can know who leads; those who wait too long for it look again, and then ask for themselves.
    fn lose(&self) {
        for post in &self.posts {
            let (since, told) = match &*post.standing.borrow() {
                Standing::Lost { since, too_long, .. } => (*since, *too_long),
                Standing::Undecided | Standing::Leads { .. } | Standing::Follows(_) => {
                    (Instant::now(), false)
                }
            };
            let too_long = since.elapsed() >= post.patience;
            // What was heard has served its time: from now on the agent asks, and looks at once. So does one that heard
            // nothing yet.
            let heard = if too_long { None } else { post.heard() };
            post.stand(Standing::Lost { since, heard, too_long });
            if too_long && !told {
                post.nudge();
            }
        }
        self.show();
    }

    async fn session(&mut self, beat: Duration) -> Result<(), FleetError> {
        let mut store = SharedStore::connect(&self.place).await?;
        store.renew().await?;
        let silent = SILENT_FOR.max(beat * 3).as_millis().to_string();
        // So that the server ends the session of a host that is gone, and of an agent that is frozen.
        for (name, value) in
            [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3")]
        {
            store.set(name, value).await?;
        }
        // Servers before PostgreSQL 14 do not know it; a frozen agent then leads until its host is gone, and what it
        // wrote grows old: "cannot tell".
        if let Err(FleetError::Timeout { place, doing }) = store.set("idle_session_timeout", &silent).await {
            return Err(FleetError::Timeout { place, doing });
        }
        let session = backend(&mut store).await?;
        let mut beats = interval(beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beats.tick() => {
                    if backend(&mut store).await? != session {
                        return Err(FleetError::Swapped { place: store.place().to_owned() });
                    }
                    store.expect_form().await?;
                    self.settle(&mut store).await?;
                    self.listen(&mut store).await?;
                    self.show();
                }
                Some(outgoing) = self.outgoing.recv() => self.write(&mut store, outgoing).await?,
            }
        }
    }

    /// Tries the locks that are not held; believes the server, and not the memory, about those that are.
    async fn settle(&mut self, store: &mut SharedStore) -> Result<(), FleetError> {
        let place = store.place().to_owned();
        let held = sqlx::query_scalar::<_, i64>(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 \
             AND granted AND pid = pg_backend_pid() \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_all(&mut store.connection);
        let held: BTreeSet<i64> = within(&place, "looking at its locks", held).await?.into_iter().collect();
        let wanted: Vec<i64> = self
            .posts
            .iter()
            .filter(|post| post.leads().is_none() || !held.contains(&post.key))
            .map(|post| post.key)
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let tried = sqlx::query("SELECT k, pg_try_advisory_lock(k) FROM unnest($1::bigint[]) AS k")
            .bind(&wanted)
            .fetch_all(&mut store.connection);
        let tried = within(&place, "trying its locks", tried).await?;
        let won: BTreeSet<i64> =
            tried.iter().filter(|row| row.get::<bool, _>(1)).map(|row| row.get::<i64, _>(0)).collect();
        for post in self.posts.iter().filter(|post| wanted.contains(&post.key)) {
            if won.contains(&post.key) {
                let epoch = sqlx::query_scalar::<_, i64>(
                    "INSERT INTO lead (instance, source, epoch, agent, node, since) VALUES ($1, $2, 1, $3, $4, clock_timestamp()) \
                     ON CONFLICT (instance, source) DO UPDATE SET epoch = lead.epoch + 1, agent = excluded.agent, \
                     node = excluded.node, since = excluded.since RETURNING epoch",
                )
                .bind(&post.instance)
                .bind(post.source.id())
                .bind(&self.agent)
                .bind(&post.node)
                .fetch_one(&mut store.connection);
                let epoch = within(&place, "taking the lead", epoch).await?;
                tracing::info!(instance = %post.instance, source = %post.source, epoch, "this agent asks for all nodes");
                post.stand(Standing::Leads { epoch });
            } else {
                let heard = post.heard();
                post.stand(Standing::Follows(heard));
            }
        }
        Ok(())
    }

    /// Reads letters that are new, of the sources others lead.
    async fn listen(&self, store: &mut SharedStore) -> Result<(), FleetError> {
        let followed: Vec<&Arc<Post>> = self.posts.iter().filter(|post| post.leads().is_none()).collect();
        if followed.is_empty() {
            return Ok(());
        }
        let place = store.place().to_owned();
        let instances: Vec<&str> = followed.iter().map(|post| post.instance.as_str()).collect();
        let sources: Vec<&str> = followed.iter().map(|post| post.source.id()).collect();
        let stamps: Vec<i64> =
            followed.iter().map(|post| post.heard().map_or(i64::MIN, |heard| heard.stamp)).collect();
        let rows = sqlx::query(
            "SELECT l.instance, l.source, l.stamp, octet_length(l.body), \
             CASE WHEN isfinite(l.collected_at) THEN (extract(epoch FROM clock_timestamp() - l.collected_at) * 1000)::bigint END, \
             CASE WHEN octet_length(l.body) <= $1 THEN l.body END \
             FROM letter l JOIN unnest($2::text[], $3::text[], $4::bigint[]) AS w (instance, source, stamp) \
             ON l.instance = w.instance AND l.source = w.source WHERE l.stamp <> w.stamp",
        )
        .bind(letter::MOST_BYTES)
        .bind(&instances)
        .bind(&sources)
        .bind(&stamps)
        .fetch_all(&mut store.connection);
        // Before the answer: what it takes to travel makes facts older.
        let (at, at_clock) = (Instant::now(), Timestamp::now());
        let rows = within(&place, "reading what the leaders learned", rows).await?;
        for row in rows {
            let (instance, source): (String, String) = (row.get(0), row.get(1));
            let (stamp, length): (i64, i32) = (row.get(2), row.get(3));
            let (age, body): (Option<i64>, Option<String>) = (row.get(4), row.get(5));
            let letter = match body {
                Some(body) => letter::parse(&body),
                None => {
                    Err(format!("it is {length} bytes long, and none is longer than {}", letter::MOST_BYTES))
                }
            };
            let age = age.map(SignedDuration::from_millis);
            let heard = Heard { letter, age, at, at_clock, stamp };
            if let Some(post) =
                followed.iter().find(|post| post.instance == instance && post.source.id() == source)
            {
                post.stand(Standing::Follows(Some(Arc::new(heard))));
            }
        }
        Ok(())
    }

    /// Writes a letter, unless somebody else has taken the lead since its facts were asked for.
    async fn write(&self, store: &mut SharedStore, outgoing: Outgoing) -> Result<(), FleetError> {
        let Outgoing { instance, source, epoch, body, learned } = outgoing;
        let place = store.place().to_owned();
        let age = i64::try_from(learned.elapsed().as_millis()).unwrap_or(i64::MAX);
        let agent = &self.agent;
        let work = async {
            let mut tx = store.connection.begin().await?;
            let written = sqlx::query(
                "INSERT INTO letter (instance, source, epoch, collected_at, stamp, body) \
                 SELECT lead.instance, lead.source, lead.epoch, clock_timestamp() - $1 * interval '1 millisecond', \
                 nextval('letter_stamp'), $2 FROM lead \
                 WHERE lead.instance = $3 AND lead.source = $4 AND lead.epoch = $5 AND lead.agent = $6 \
                 ON CONFLICT (instance, source) DO UPDATE SET epoch = excluded.epoch, collected_at = excluded.collected_at, \
                 stamp = excluded.stamp, body = excluded.body WHERE letter.epoch <= excluded.epoch",
            )
            .bind(age)
            .bind(&body)
            .bind(&instance)
            .bind(source.id())
            .bind(epoch)
            .bind(agent)
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok::<u64, sqlx::Error>(written.rows_affected())
        };
        if within(&place, "telling the other nodes", work).await? == 0 {
            tracing::info!(%instance, %source, epoch, "another agent leads by now; what was learned is not told");
        }
        Ok(())
    }

    /// Says on the board who leads.
    fn show(&self) {
        let leads = self
            .posts
            .iter()
            .map(|post| ((post.instance.clone(), post.source), post.leads().is_some()))
            .collect();
        self.board.send_if_modified(|board| {
            if board.fleet.as_ref().is_some_and(|fleet| fleet.leads == leads) {
                return false;
            }
            let board = Arc::make_mut(board);
            board.fleet.get_or_insert_with(FleetState::default).leads = leads;
            board.revision += 1;
            true
        });
    }
}

/// The process of the server that answers.
async fn backend(store: &mut SharedStore) -> Result<i32, FleetError> {
    let place = store.place().to_owned();
    let asked = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut store.connection);
    within(&place, "asking for a sign of life", asked).await
}
