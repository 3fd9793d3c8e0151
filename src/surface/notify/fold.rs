//! Messages while they wait: a newer one about the same takes the place of an older, and many become one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::letter::Letter;
use super::watch::{Change, Group};
use crate::board::Board;
use crate::store::{Message, OutboxChange};

/// More messages than these within `group_interval`, or waiting for a receiver, become one.
pub(super) const MOST_MESSAGES: usize = 5;

/// What there is to say of each group.
pub(super) fn letters_of(board: &Board, groups: BTreeMap<Group, Vec<Change>>) -> Vec<(Group, Letter)> {
    let letters = groups.into_iter().map(|(group, changes)| {
        let letter = Letter::of(board, &group, &changes);
        (group, letter)
    });
    letters.filter(|(_, letter)| !letter.is_empty()).collect()
}

/// Puts letters beside the messages that wait: in the place of one about the same, or all into one when there are many.
pub(super) fn fold(
    change: &mut OutboxChange,
    waiting: &[Message],
    letters: Vec<(Group, Letter)>,
    channel: &str,
    board: &Board,
    lost: u32,
    now: Timestamp,
) {
    let group_of = |message: &Message| (message.instance.clone(), message.target.clone());
    let read = |message: &Message| serde_json::from_str::<Letter>(&message.content).unwrap_or_default();
    let has_digest =
        waiting.iter().any(|message| message.instance.is_empty() && read(message).places.len() > 1);
    let new = letters.iter().filter(|(group, _)| !waiting.iter().any(|message| group_of(message) == *group));
    if letters.is_empty() {
        return;
    }
    let together = has_digest || waiting.len() + new.count() > MOST_MESSAGES;
    let mut replaced: Vec<&Message> = Vec::new();
    let mut made: Vec<(Group, Letter, Timestamp)> = Vec::new();
    if together {
        let since = waiting.iter().map(|message| message.since).min().unwrap_or(now);
        let all = waiting.iter().map(read).chain(letters.into_iter().map(|(_, letter)| letter));
        let digest = all.reduce(|one, other| one.and_then(other, board)).unwrap_or_default();
        replaced.extend(waiting);
        made.push((Group::default(), digest, since));
    } else {
        for (group, letter) in letters {
            match waiting.iter().find(|message| group_of(message) == group) {
                Some(message) => {
                    replaced.push(message);
                    made.push((group, read(message).and_then(letter, board), message.since));
                }
                None => made.push((group, letter, now)),
            }
        }
    }
    change.done.extend(replaced.into_iter().map(|message| message.id.clone()));
    for ((instance, target), mut letter, since) in made {
        letter.lost = letter.lost.max(lost);
        let content = serde_json::to_string(&letter).unwrap_or_default();
        let drawn = blake3::hash(format!("{channel} {now} {instance} {target} {content}").as_bytes());
        let id = drawn.to_hex().chars().take(32).collect();
        let channel = channel.to_owned();
        change.new.push(Message { id, channel, instance, target, made_at: now, since, content });
    }
}
