//! The desk of a channel: watches the board, writes down what is to be told, and sends it.
//!
//! One step after another: what a message tells is written in the same transaction that remembers it as told, and a
//! message goes away only after its receiver has taken it. A process that is killed in between sends it again under the
//! same id. A receiver that hangs holds up its own channel alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch as latest;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::alertmanager::alerts;
use super::carry::{ALERTS, carry};
use super::condition::{Standing, failing};
use super::fold::{MOST_MESSAGES, fold, letters_of};
use super::forms::Parcel;
use super::letter::{Letter, What};
use super::post::{Envelope, Refusal, Taken, post};
use super::retry::wait;
use super::trial::tell_of_store;
use super::watch::{Change, Group, Known, Turn, Watch};
use super::{Outcome, Tally, Troubles};
use crate::board::Board;
use crate::channel::{Channel, Event, Transport};
use crate::recorder::Reminder;
use crate::store::{ChannelState, ConditionKey, Message, OutboxChange, Told};

/// Changes of the board that come together are looked at together.
const GATHER: Duration = Duration::from_secs(1);

/// Without a change the board is looked at so often: time is an input.
const AT_LEAST_EVERY: Duration = Duration::from_secs(30);

/// A store that cannot be used is asked again after this time.
const STORE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// A channel that never told anything waits so long until every source was asked: then it tells of all together.
const FIRST_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// What is told so much later is told to be late.
const LATE: SignedDuration = SignedDuration::from_mins(15);

/// A channel that gets nothing through for so long is told of on the board.
const TROUBLE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// After so long without a store people are told so.
const WITHOUT_STORE: SignedDuration = SignedDuration::from_mins(5);

/// The end of an alert that could not be delivered is kept so long; by then it has ended there by itself.
const ENDS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What is in the store of this channel.
#[derive(Debug, Default)]
struct Books {
    watch: Watch,
    messages: Vec<Message>,
    /// `None` until it first has something to say of what it watches.
    state: Option<ChannelState>,
}

/// The desk of one channel.
pub(super) struct Desk {
    channel: Channel,
    reminder: Reminder,
    tally: Arc<dyn Tally>,
    troubles: Troubles,
    books: Option<Books>,
    started_at: Option<Timestamp>,
    /// When messages were made lately.
    lately: VecDeque<Timestamp>,
    /// When alerts are next sent again.
    resend_at: Option<Timestamp>,
    /// Since when there is no store, and whether people were told so.
    without_store: Option<(Timestamp, bool)>,
    /// Id and answer of a message that was taken while the store did not take that in.
    taken: Option<(String, Taken)>,
}

impl Desk {
    pub(super) fn new(
        channel: Channel,
        reminder: Reminder,
        tally: Arc<dyn Tally>,
        troubles: Troubles,
    ) -> Self {
        Self {
            channel,
            reminder,
            tally,
            troubles,
            books: None,
            started_at: None,
            lately: VecDeque::new(),
            resend_at: None,
            taken: None,
            without_store: None,
        }
    }

    /// Works until the shutdown.
    pub(super) async fn run(mut self, mut board: latest::Receiver<Arc<Board>>, shutdown: CancellationToken) {
        loop {
            let current = Arc::clone(&board.borrow_and_update());
            let now = Timestamp::now();
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                next = self.step(&current, now) => next,
            };
            let pause = next.duration_since(Timestamp::now());
            let pause = Duration::try_from(pause).unwrap_or_default().clamp(GATHER, AT_LEAST_EVERY);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(pause) => {}
                alive = board.changed() => {
                    if alive.is_err() {
                        return;
                    }
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = sleep(GATHER) => {}
                    }
                }
            }
        }
    }

    /// Does what is to be done now; when there will be something to do again, if nothing changes until then.
    pub(super) async fn step(&mut self, board: &Board, now: Timestamp) -> Timestamp {
        match self.try_step(board, now).await {
            Ok(next) => next.unwrap_or(now + SignedDuration::from_mins(1)),
            Err(why) => {
                // What is in the books may not be in the store.
                self.books = None;
                self.tally.lose_sight(&self.channel.name);
                self.tell_without_store(&why, now).await;
                now + STORE_AGAIN
            }
        }
    }

    async fn try_step(&mut self, board: &Board, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let started_at = *self.started_at.get_or_insert(now);
        let mut books = match self.books.take() {
            Some(books) => books,
            None => self.open_books().await?,
        };
        self.without_store = None;
        books.watch.look(board, &self.channel, now);
        let to_alertmanager = matches!(self.channel.transport, Transport::Alertmanager(_));
        let next = if books.state.is_none() && self.is_too_early(&books, board, started_at, now) {
            Some(now + SignedDuration::from_secs(5))
        } else if to_alertmanager {
            self.alert(&mut books, now).await?
        } else {
            let next = self.write_letters(&mut books, board, now).await?;
            let again = self.deliver(&mut books, now).await?;
            [next, again].into_iter().flatten().min()
        };
        self.tell(&books, now);
        self.books = Some(books);
        Ok(next)
    }

    /// Without a store nothing can be kept until it is delivered, and nobody knows what was told. That is told itself,
    /// once and without a promise; the recorder says it on the board and in the log.
    async fn tell_without_store(&mut self, why: &str, now: Timestamp) {
        let (since, told) = self.without_store.unwrap_or((now, false));
        let is_time = now.duration_since(since) >= WITHOUT_STORE;
        let is_for_it = self.channel.instances.is_none() && self.channel.on.contains(&Event::AgentTrouble);
        if is_time && !told && is_for_it {
            let taken = tell_of_store(&self.channel, why, now).await;
            self.tally.count(&self.channel.name, if taken { Outcome::Sent } else { Outcome::Failed });
        }
        self.without_store = Some((since, told || is_time));
    }

    async fn open_books(&self) -> Result<Books, String> {
        let name = self.channel.name.clone();
        let read = self.reminder.with_store(move |store| {
            Box::pin(async move {
                let states = store.channels().await?;
                let state = states.into_iter().find(|state| state.name == name);
                Ok((state, store.told(&name).await?, store.messages(Some(&name)).await?))
            })
        });
        let (state, told, messages) = read.await?;
        // What cannot be read was written by another version: it is told anew.
        let known = told.into_iter().filter_map(|(key, told)| {
            let standing: Standing = serde_json::from_str(&told.content).ok()?;
            Some((key, Known { began_at: told.began_at, ended_at: told.ended_at, standing }))
        });
        Ok(Books { watch: Watch::new(known.collect()), messages, state })
    }

    /// A channel begins with one message about everything, and not with one for each thing that is found while the
    /// agent looks for the first time.
    fn is_too_early(&self, books: &Books, board: &Board, started_at: Timestamp, now: Timestamp) -> bool {
        let waited = now.duration_since(started_at);
        let gathered = board.is_complete() && !books.watch.is_ripening(&self.channel, now);
        !gathered && waited < FIRST_WITHIN.max(self.channel.hold)
    }

    /// Writes down what is to be told now.
    async fn write_letters(
        &mut self,
        books: &mut Books,
        board: &Board,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, String> {
        self.lately.retain(|at| *at <= now && now.duration_since(*at) < self.channel.group_interval);
        let (groups, next) = books.watch.due(&self.channel, now);
        let mut change = OutboxChange::default();
        if books.state.is_none() {
            change.state = Some(new_state(&self.channel.name, now));
        }
        if !groups.is_empty()
            && let Some(oldest) = self.lately.front()
            && self.lately.len() >= MOST_MESSAGES
        {
            let next = *oldest + self.channel.group_interval;
            self.write(books, change).await?;
            return Ok(Some(next));
        }
        let all: Vec<Change> = groups.values().flatten().cloned().collect();
        let mut letters = letters_of(board, groups);
        if let Some(reminder) = self.reminder_letter(books, board, &letters, now) {
            letters = vec![(Group::default(), reminder)];
        }
        let lost = books.state.as_ref().map_or(0, |state| state.given_up);
        fold(&mut change, &books.messages, letters, &self.channel.name, board, lost, now);
        for told in &all {
            match told.turn {
                Turn::Began => change.told.push((told.key.clone(), entry_of(&told.standing, told.at, None))),
                Turn::Over | Turn::Unwatched | Turn::Unwanted => change.forgotten.push(told.key.clone()),
            }
        }
        self.lately.extend(change.new.iter().map(|_| now));
        self.write(books, change).await?;
        books.watch.tell(&all, false, now);
        Ok(next)
    }

    /// What stands, told again because it was not told for long.
    fn reminder_letter(
        &self,
        books: &Books,
        board: &Board,
        letters: &[(Group, Letter)],
        now: Timestamp,
    ) -> Option<Letter> {
        let every = self.channel.repeat_every?;
        let state = books.state.as_ref()?;
        let last = state.sent_at.unwrap_or(state.began_at);
        if !letters.is_empty() || !books.messages.is_empty() || now.duration_since(last) < every {
            return None;
        }
        let mut groups: BTreeMap<Group, Vec<Change>> = BTreeMap::new();
        for (key, known) in books.watch.standing() {
            let (turn, at, standing) = (Turn::Began, known.began_at, known.standing.clone());
            let change = Change { key: key.clone(), turn, at, ripe_at: at, standing };
            groups.entry((key.instance.clone(), key.target.clone())).or_default().push(change);
        }
        let letters = letters_of(board, groups).into_iter().map(|(_, letter)| letter);
        let mut letter = letters.reduce(|one, other| one.and_then(other, board))?;
        for entry in letter.places.iter_mut().flat_map(|place| &mut place.entries) {
            entry.what = What::Still;
        }
        Some(letter)
    }

    /// Writes a change to the store, and takes it into the books once it is there.
    async fn write(&self, books: &mut Books, change: OutboxChange) -> Result<(), String> {
        if change.is_empty() {
            return Ok(());
        }
        let (name, written) = (self.channel.name.clone(), change.clone());
        self.reminder
            .with_store(move |store| Box::pin(async move { store.change_outbox(&name, &written).await }))
            .await?;
        books.messages.retain(|message| !change.done.contains(&message.id));
        books.messages.extend(change.new);
        books.messages.sort_by(|a, b| (a.since, a.made_at, &a.id).cmp(&(b.since, b.made_at, &b.id)));
        if let Some(state) = change.state {
            books.state = Some(state);
        }
        Ok(())
    }

    /// Sends what waits, the oldest first; when to try again, if something is left.
    async fn deliver(&mut self, books: &mut Books, now: Timestamp) -> Result<Option<Timestamp>, String> {
        self.give_up(books, now).await?;
        let next_at = books.state.as_ref().and_then(|state| state.next_at);
        if next_at.is_some_and(|next_at| next_at > now) {
            return Ok(next_at.filter(|_| !books.messages.is_empty()));
        }
        for message in books.messages.clone() {
            let Ok(mut letter) = serde_json::from_str::<Letter>(&message.content) else {
                // Another version wrote it, and what it says stands in what was told.
                self.write(books, OutboxChange { done: vec![message.id], ..OutboxChange::default() }).await?;
                continue;
            };
            // Others may have been given up while this one waited.
            letter.lost = letter.lost.max(books.state.as_ref().map_or(0, |state| state.given_up));
            let late_since = (now.duration_since(message.since) > LATE).then_some(message.since);
            let parcel = Parcel {
                id: message.id.clone(),
                channel: self.channel.name.clone(),
                made_at: message.made_at,
                late_since,
                letter,
            };
            // Taken before, and the store did not take that in.
            let outcome = match self.taken.take().filter(|(id, _)| *id == message.id) {
                Some((_, taken)) => Ok(taken),
                None => carry(&self.channel, &parcel).await,
            };
            let goes_on = outcome.as_ref().map_or_else(|refusal| refusal.is_about_message, |_| true);
            let done = if outcome.is_ok() { vec![message.id.clone()] } else { Vec::new() };
            self.taken = outcome.as_ref().ok().map(|taken| (message.id, taken.clone()));
            let state = Some(self.after(books, outcome, now));
            self.write(books, OutboxChange { state, done, ..OutboxChange::default() }).await?;
            self.taken = None;
            if !goes_on {
                break;
            }
        }
        let next_at = books.state.as_ref().and_then(|state| state.next_at);
        Ok(next_at.filter(|_| !books.messages.is_empty()))
    }

    /// How the channel stands after an attempt. Logged is what is new.
    fn after(&self, books: &Books, outcome: Result<Taken, Refusal>, now: Timestamp) -> ChannelState {
        let name = &self.channel.name;
        let mut state = books.state.clone().unwrap_or_else(|| new_state(name, now));
        match outcome {
            Ok(taken) => {
                self.tally.count(name, Outcome::Sent);
                if state.failing_since.is_some() {
                    info!(channel = %name, "the channel gets through again");
                }
                let began_at = state.began_at;
                state = ChannelState {
                    began_at,
                    sent_at: Some(now),
                    answer: Some(taken.answer),
                    ..new_state(name, now)
                };
            }
            Err(refusal) => {
                self.tally.count(name, Outcome::Failed);
                let trouble = format!("{}. {}", refusal.told, refusal.remedy);
                if state.trouble.as_ref() != Some(&trouble) {
                    warn!(channel = %name, why = %refusal.told, remedy = %refusal.remedy, "a message could not be delivered; it is tried again");
                }
                state.failing_since.get_or_insert(now);
                state.attempts = state.attempts.saturating_add(1);
                state.next_at = Some(now + wait(state.attempts, name, refusal.retry_after));
                state.trouble = Some(trouble);
            }
        }
        state
    }

    /// Lets go of messages nothing was added to for very long; the next one says how many there were. What they told
    /// was told to nobody: where it still stands it is told anew.
    async fn give_up(&self, books: &mut Books, now: Timestamp) -> Result<(), String> {
        let old = |message: &&Message| now.duration_since(message.made_at) > self.channel.give_up_after;
        let given_up: Vec<Message> = books.messages.iter().filter(old).cloned().collect();
        let done: Vec<String> = given_up.iter().map(|message| message.id.clone()).collect();
        let Some(state) = books.state.clone().filter(|state| !done.is_empty() && state.attempts > 0) else {
            return Ok(());
        };
        error!(channel = %self.channel.name, messages = done.len(), "messages were given up: they could not be delivered for too long");
        for _ in &done {
            self.tally.count(&self.channel.name, Outcome::GivenUp);
        }
        let lost = u32::try_from(done.len()).unwrap_or(u32::MAX);
        let state = Some(ChannelState { given_up: state.given_up.saturating_add(lost), ..state });
        let told_in = |key: &ConditionKey, message: &Message| {
            let of_all = message.instance.is_empty() && message.target.is_empty();
            of_all || (&key.instance, &key.target) == (&message.instance, &message.target)
        };
        let forgotten: Vec<ConditionKey> = books
            .watch
            .told
            .keys()
            .filter(|key| given_up.iter().any(|message| told_in(key, message)))
            .cloned()
            .collect();
        let change = OutboxChange { state, done, forgotten: forgotten.clone(), ..OutboxChange::default() };
        self.write(books, change).await?;
        books.watch.told.retain(|key, _| !forgotten.contains(key));
        Ok(())
    }

    /// Sends alerts to an Alertmanager: at once when something changed, and again after a while.
    async fn alert(&mut self, books: &mut Books, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let Transport::Alertmanager(address) = &self.channel.transport else { return Ok(None) };
        let repeat = self.channel.repeat_every.unwrap_or(SignedDuration::from_mins(1));
        let (groups, next) = books.watch.due(&self.channel, now);
        let changes: Vec<Change> = groups.into_values().flatten().collect();
        let mut change = OutboxChange::default();
        if books.state.is_none() {
            change.state = Some(new_state(&self.channel.name, now));
        }
        for told in &changes {
            let known = books.watch.told.get(&told.key);
            let (began, ended) = match (told.turn, known) {
                (Turn::Began, _) => (told.at, None),
                (_, Some(known)) => (known.began_at, Some(told.at)),
                (_, None) => continue,
            };
            change.told.push((told.key.clone(), entry_of(&told.standing, began, ended)));
        }
        let too_old = books
            .watch
            .told
            .iter()
            .filter(|(_, known)| known.ended_at.is_some_and(|at| now.duration_since(at) > ENDS_KEPT));
        change.forgotten.extend(too_old.map(|(key, _)| key.clone()));
        let forgotten = change.forgotten.clone();
        self.write(books, change).await?;
        books.watch.tell(&changes, true, now);
        books.watch.told.retain(|key, _| !forgotten.contains(key));

        let state = books.state.clone();
        let waits_until = state.and_then(|state| state.next_at).filter(|at| *at > now);
        let is_due = !changes.is_empty() || self.resend_at.is_none_or(|at| at <= now);
        if let Some(until) = waits_until {
            return Ok(Some(next.map_or(until, |next| next.min(until))));
        }
        if is_due && !books.watch.told.is_empty() {
            let mut outcome = Ok(Taken { answer: String::new(), more: String::new() });
            for part in alerts(books.watch.told.iter(), repeat, now) {
                let envelope = Envelope { content_type: "application/json", id: None, signed_with: None };
                outcome = post(address, ALERTS, part.to_string(), envelope).await;
                if outcome.is_err() {
                    break;
                }
            }
            let mut change = OutboxChange::default();
            if outcome.is_ok() {
                let ended = books.watch.told.iter().filter(|(_, known)| known.ended_at.is_some());
                change.forgotten = ended.map(|(key, _)| key.clone()).collect();
            }
            let forgotten: Vec<ConditionKey> = change.forgotten.clone();
            change.state = Some(self.after(books, outcome, now));
            self.write(books, change).await?;
            books.watch.told.retain(|key, _| !forgotten.contains(key));
        }
        if is_due {
            self.resend_at = Some(now + repeat);
        }
        let retry = books.state.as_ref().and_then(|state| state.next_at);
        Ok([next, retry, self.resend_at].into_iter().flatten().min())
    }

    /// Tells metrics and board how the channel stands.
    fn tell(&self, books: &Books, now: Timestamp) {
        let ended = books.watch.told.values().filter_map(|known| known.ended_at);
        let waiting = books.messages.len() + ended.clone().count();
        let oldest = books.messages.iter().map(|message| message.since).chain(ended).min();
        self.tally.queue(&self.channel.name, waiting, oldest);
        let trouble = books.state.as_ref().and_then(|state| {
            let since = state.failing_since.filter(|since| now.duration_since(*since) >= TROUBLE_AFTER)?;
            let why = state.trouble.as_deref().unwrap_or_default();
            Some(format!(
                "{}{}: {why} What is to be told is kept and told then; `agent notify list` shows it.",
                failing(&self.channel.name),
                super::words::minute(since)
            ))
        });
        self.troubles.set(&self.channel.name, trouble);
    }
}

fn new_state(name: &str, now: Timestamp) -> ChannelState {
    ChannelState {
        name: name.to_owned(),
        began_at: now,
        sent_at: None,
        answer: None,
        failing_since: None,
        trouble: None,
        attempts: 0,
        next_at: None,
        given_up: 0,
    }
}

fn entry_of(standing: &Standing, began_at: Timestamp, ended_at: Option<Timestamp>) -> Told {
    Told { began_at, ended_at, content: serde_json::to_string(standing).unwrap_or_default() }
}
