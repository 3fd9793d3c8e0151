//! Writing how this agent's instances stand, handing in its history, and reading what the others wrote.
//!
//! ```text
//! board ──► papers ──────────────┐
//!                                ├─► shared store ──► reading ──► board.fleet ──► surfaces
//! history.db ──► changes behind ─┘   (one transaction each)
//!              the last one there
//! ```
//!
//! How far the history was handed in stands in the shared store alone, and is moved in the transaction that writes
//! the changes. So there is nothing to lose and nothing to write twice, whatever is killed at whatever moment; and a
//! shared store that was lost altogether is filled again from what the agents remember.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::Connection as _;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use super::key::hex;
use super::read::Reader;
use super::shared_store::within;
use super::{FleetError, Identity, SharedStore};
use crate::board::fleet::{FLEET_STORE, FleetReading, FleetState, Paper};
use crate::board::{Board, Notice};
use crate::chain::Chain;
use crate::config::{Config, SharedStorePlace};
use crate::store::{Numbered, Store};

/// So many changes go in one transaction.
const AT_ONCE: u32 = 500;

/// The daemon judges this often, so a paper may be this much older than its writing.
const JUDGED_EVERY_MS: i64 = 60_000;

/// Writes and reads until it is dropped.
pub(super) struct Publisher {
    place: SharedStorePlace,
    state_dir: PathBuf,
    /// The node this agent is on, by instance.
    nodes: BTreeMap<String, String>,
    board: watch::Sender<Arc<Board>>,
    reader: Reader,
    /// Name of the history's stream, and how far it is known to be in the shared store.
    cursor: Option<(String, i64)>,
}

impl Publisher {
    pub(super) fn new(config: &Config, place: &SharedStorePlace, board: &watch::Sender<Arc<Board>>) -> Self {
        let node =
            |instance: &Arc<crate::config::Instance>| Some((instance.name.clone(), instance.node.clone()?));
        Self {
            place: place.clone(),
            state_dir: config.state_dir.clone(),
            nodes: config.instances.iter().filter_map(node).collect(),
            board: board.clone(),
            reader: Reader::default(),
            cursor: None,
        }
    }

    /// Publishes for ever, and tries again when the store cannot be used.
    pub(super) async fn run(mut self) {
        let mut rounds = interval(self.place.publish_every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut store = None;
        loop {
            rounds.tick().await;
            let done = self.round(&mut store).await;
            if done.is_err() {
                // Whatever state the session is in, the next round begins with a new one.
                store = None;
            }
            let unsent = self.unsent().await;
            self.tell(done, unsent);
        }
    }

    async fn round(&mut self, store: &mut Option<SharedStore>) -> Result<FleetReading, FleetError> {
        let state_dir = self.state_dir.clone();
        // The file system of the state directory may hang.
        let identity = match tokio::task::spawn_blocking(move || Identity::of(&state_dir)).await {
            Ok(identity) => identity?,
            Err(defect) => {
                let cause = std::io::Error::other(defect);
                return Err(FleetError::Identity { path: self.state_dir.join(super::ID_FILE), cause });
            }
        };
        let store = match store {
            Some(store) => store,
            None => store.insert(SharedStore::connect(&self.place).await?),
        };
        // Another agent may have made the tables newer meanwhile.
        store.renew().await?;
        self.write_papers(store, &identity).await?;
        let handed_in = self.hand_in(store, &identity).await;
        let reading = self.reader.read(store).await?;
        // What the others say is known even when the own history cannot be read.
        handed_in.map(|()| reading)
    }

    async fn write_papers(&self, store: &mut SharedStore, identity: &Identity) -> Result<(), FleetError> {
        let board = Arc::clone(&self.board.borrow());
        let leads = board.fleet.as_ref().map(|fleet| fleet.leads.clone()).unwrap_or_default();
        let now = Timestamp::now();
        let (mut names, mut ages, mut digests, mut bodies) = (vec![], vec![], vec![], vec![]);
        for instance in &board.instances {
            // Nothing was judged yet: what stands there from before says by its age how old it is.
            if instance.targets.is_empty() {
                continue;
            }
            let node = self.nodes.get(&instance.name).map(String::as_str);
            let paper = Paper::of(instance, node, &leads);
            let Ok(body) = serde_json::to_string(&paper) else { continue };
            let age = now.duration_since(instance.snapshot.taken_at).as_millis();
            names.push(instance.name.clone());
            ages.push(i64::try_from(age).unwrap_or(i64::MAX).max(0));
            digests.push(hex(&Sha256::digest(&body)));
            bodies.push(body);
        }
        let watched: Vec<String> = board.instances.iter().map(|instance| instance.name.clone()).collect();
        let every = i64::try_from(self.place.publish_every.as_millis()).unwrap_or(i64::MAX);
        let holds = every.saturating_add(JUDGED_EVERY_MS).saturating_mul(3);
        let place = store.place().to_owned();
        let work = async {
            let mut tx = store.connection.begin().await?;
            // A copy of a state directory is a copy of the name of its agent: two under one name would hide each
            // other's instances.
            let twin: Option<String> = sqlx::query_scalar(
                "SELECT host FROM agent WHERE id = $1 AND host <> $2 \
                 AND seen_at > clock_timestamp() - interval '10 minutes' FOR UPDATE",
            )
            .bind(&identity.id)
            .bind(&identity.host)
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(twin) = twin {
                return Ok(Some(twin));
            }
            sqlx::query(
                "INSERT INTO agent (id, host, version, seen_at) VALUES ($1, $2, $3, clock_timestamp()) \
                 ON CONFLICT (id) DO UPDATE SET host = excluded.host, version = excluded.version, seen_at = excluded.seen_at",
            )
            .bind(&identity.id)
            .bind(&identity.host)
            .bind(env!("CARGO_PKG_VERSION"))
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO paper (agent, instance, judged_at, written_at, holds_ms, digest, body) \
                 SELECT $1, u.instance, clock_timestamp() - u.age * interval '1 millisecond', clock_timestamp(), $2, u.digest, u.body \
                 FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[]) AS u (instance, age, digest, body) \
                 ON CONFLICT (agent, instance) DO UPDATE SET judged_at = excluded.judged_at, \
                 written_at = excluded.written_at, holds_ms = excluded.holds_ms, digest = excluded.digest, \
                 body = CASE WHEN paper.digest = excluded.digest THEN paper.body ELSE excluded.body END",
            )
            .bind(&identity.id)
            .bind(holds)
            .bind(&names)
            .bind(&ages)
            .bind(&digests)
            .bind(&bodies)
            .execute(&mut *tx)
            .await?;
            sqlx::query("DELETE FROM paper WHERE agent = $1 AND NOT instance = ANY($2)")
                .bind(&identity.id)
                .bind(&watched)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(None)
        };
        match within(&place, "writing how the instances stand", work).await? {
            None => Ok(()),
            Some(twin) => Err(FleetError::Twin { place, twin, state_dir: self.state_dir.clone() }),
        }
    }

    /// Hands in every change of the history that is not there yet, in order.
    async fn hand_in(&mut self, store: &mut SharedStore, identity: &Identity) -> Result<(), FleetError> {
        let path = self.state_dir.join("history.db");
        let mut history = match Store::open_to_read(&path).await {
            Ok(history) => history,
            // The daemon has just started, or runs without memory and says so itself.
            Err(crate::store::StoreError::Absent { .. }) => return Ok(()),
            Err(cause) => return Err(FleetError::History(cause)),
        };
        let handed_in = self.copy(&mut history, store, identity).await;
        // A file that was only read cannot lose anything by a bad end.
        drop(history.close().await);
        handed_in
    }

    async fn copy(
        &mut self,
        history: &mut Store,
        store: &mut SharedStore,
        identity: &Identity,
    ) -> Result<(), FleetError> {
        let stream = history.stream().await.map_err(FleetError::History)?;
        let place = store.place().to_owned();
        let begin = async {
            sqlx::query("INSERT INTO stream (id, agent, last) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING")
                .bind(&stream)
                .bind(&identity.id)
                .execute(&mut store.connection)
                .await?;
            sqlx::query_scalar::<_, i64>("SELECT last FROM stream WHERE id = $1")
                .bind(&stream)
                .fetch_one(&mut store.connection)
                .await
        };
        let mut last = within(&place, "asking how far the history is known", begin).await?;
        let newest = history.newest().await.map_err(FleetError::History)?;
        if newest < last {
            let history = self.state_dir.join("history.db");
            return Err(FleetError::Rewound { place, history, newest, last });
        }
        loop {
            self.cursor = Some((stream.clone(), last));
            let changes = history.changes_after(last, AT_ONCE).await.map_err(FleetError::History)?;
            let Some(newest) = changes.last().map(|numbered| numbered.sequence) else { break };
            let written = write_changes(store, identity, &stream, last, newest, &changes);
            if !within(&place, "handing in the history", written).await? {
                // Somebody with the same history was faster; what he wrote is the same.
                break;
            }
            last = newest;
        }
        Ok(())
    }

    /// What the shared store does not have yet.
    async fn unsent(&self) -> Option<(u64, Option<Timestamp>)> {
        let (stream, last) = self.cursor.as_ref()?;
        let path = self.state_dir.join("history.db");
        let count = async {
            let mut history = Store::open_to_read(&path).await.ok()?;
            let same = history.stream().await.ok()? == *stream;
            let behind = history.behind(if same { *last } else { 0 }).await.ok();
            drop(history.close().await);
            behind
        };
        timeout(std::time::Duration::from_secs(10), count).await.ok().flatten()
    }

    fn tell(&self, done: Result<FleetReading, FleetError>, unsent: Option<(u64, Option<Timestamp>)>) {
        let (reading, notice) = match done {
            Ok(reading) => (Some(Arc::new(reading)), None),
            Err(trouble) => {
                let (told, remedy) = (Chain(&trouble).to_string(), trouble.remedy());
                let text = format!(
                    "The fleet does not hear of this agent: {told}. Changes of verdict wait in the state directory and \
                     are handed in later. {remedy}"
                );
                (None, Some((told, remedy, Notice { subject: FLEET_STORE, text })))
            }
        };
        self.board.send_modify(|board| {
            let board = Arc::make_mut(board);
            let fleet = board.fleet.get_or_insert_with(FleetState::default);
            fleet.place = self.place.to_string();
            let before = fleet.up.replace(notice.is_none());
            fleet.unsent = unsent.map(|(count, _)| count);
            fleet.oldest_unsent = unsent.and_then(|(_, oldest)| oldest);
            if reading.is_some() {
                fleet.reading = reading;
            }
            let known = board.notices.iter().any(|known| notice.as_ref().is_some_and(|(_, _, new)| known == new));
            board.notices.retain(|known| known.subject != FLEET_STORE);
            match notice {
                Some((told, remedy, notice)) => {
                    if !known {
                        warn!(error = %told, %remedy, "the shared store cannot be used; the agent goes on by itself and tries again");
                    }
                    board.notices.push(notice);
                }
                None if before != Some(true) => info!(place = %fleet.place, "the shared store has what this agent knows"),
                None => {}
            }
            board.revision += 1;
        });
    }
}

/// Writes changes and moves the end of the stream with them; `false` when it stands elsewhere by now.
async fn write_changes(
    store: &mut SharedStore,
    identity: &Identity,
    stream: &str,
    last: i64,
    newest: i64,
    changes: &[Numbered],
) -> Result<bool, sqlx::Error> {
    // PostgreSQL keeps no NUL in a text.
    let plain = |text: &str| text.replace('\0', "\u{fffd}");
    let column = |of: fn(&Numbered) -> &str| -> Vec<String> {
        changes.iter().map(|change| plain(of(change))).collect()
    };
    let sequences: Vec<i64> = changes.iter().map(|numbered| numbered.sequence).collect();
    let times: Vec<i64> = changes.iter().map(|numbered| numbered.change.at.as_microsecond()).collect();
    let before: Vec<Option<&str>> = changes
        .iter()
        .map(|numbered| numbered.change.before.map(upgrade_readiness_checks::model::Verdict::id))
        .collect();
    let after: Vec<&str> = changes.iter().map(|numbered| numbered.change.after.id()).collect();
    let observed: Vec<Option<String>> =
        changes.iter().map(|numbered| numbered.change.observed.as_deref().map(plain)).collect();
    let mut tx = store.connection.begin().await?;
    let moved = sqlx::query("UPDATE stream SET last = $1, agent = $2 WHERE id = $3 AND last = $4")
        .bind(newest)
        .bind(&identity.id)
        .bind(stream)
        .bind(last)
        .execute(&mut *tx)
        .await?;
    if moved.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO change (stream, sequence, agent, instance, target, check_id, at, before, after, cause, observed, received_at) \
         SELECT $1, u.sequence, $2, u.instance, u.target, u.check_id, to_timestamp(u.at::double precision / 1e6), u.before, \
         u.after, u.cause, u.observed, clock_timestamp() \
         FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[]) \
         AS u (sequence, instance, target, check_id, at, before, after, cause, observed)",
    )
    .bind(stream)
    .bind(&identity.id)
    .bind(&sequences)
    .bind(column(|numbered| &numbered.change.instance))
    .bind(column(|numbered| &numbered.change.target))
    .bind(column(|numbered| &numbered.change.check))
    .bind(&times)
    .bind(&before)
    .bind(&after)
    .bind(column(|numbered| &numbered.change.cause))
    .bind(&observed)
    .execute(&mut *tx)
    .await?;
    // As long as the agents themselves remember.
    sqlx::query(
        "DELETE FROM change WHERE stream = $1 AND received_at < clock_timestamp() - $2 * interval '1 day'",
    )
    .bind(stream)
    .bind(crate::store::KEPT_DAYS)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}
