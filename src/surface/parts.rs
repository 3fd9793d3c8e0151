//! What is said of each instance in the texts that tell of all: made once for each state of it.
//!
//! Of hundreds of instances a few change in a second. Those are rendered; of the others the parts are taken as they
//! are, so that a text of all costs what has changed, and the parts of an instance are the only copy of its texts.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use jiff::Timestamp;

use super::metrics::{InstanceSeries, Metrics};
use super::pieces::{Piece, Pieces};
use super::status::{closing, opening, write_instance};
use crate::board::{Board, InstanceState};

/// The parts of every instance on the board.
#[derive(Debug, Default)]
pub struct Parts {
    /// By name.
    parts: BTreeMap<String, Part>,
    rendered: u64,
}

#[derive(Debug)]
struct Part {
    /// What was rendered.
    state: Arc<InstanceState>,
    status: Piece,
    series: Arc<InstanceSeries>,
}

impl Parts {
    /// Renders what has changed, and forgets who is gone.
    ///
    /// # Panics
    ///
    /// Never: the view types consist of what JSON can say, and memory does not refuse what is written to it.
    pub fn update(&mut self, board: &Board, metrics: &Metrics) {
        let mut before = std::mem::take(&mut self.parts);
        for state in &board.instances {
            let part = match before.remove(&state.name) {
                Some(part) if Arc::ptr_eq(&part.state, state) => part,
                Some(_) | None => {
                    self.rendered += 1;
                    Part {
                        state: state.clone(),
                        status: Piece::pack(|writer| write_instance(state, writer).map_err(io::Error::from))
                            .expect("the view types consist of what JSON can say"),
                        series: Arc::new(metrics.series_of(state)),
                    }
                }
            };
            self.parts.insert(state.name.clone(), part);
        }
    }

    /// How many instances were rendered so far, each time counted.
    #[must_use]
    pub fn rendered(&self) -> u64 {
        self.rendered
    }

    /// The status of all; those that were not updated are not in it.
    #[must_use]
    pub fn status(&self, board: &Board, written_at: Timestamp) -> StatusText {
        let of = |state: &Arc<InstanceState>| {
            self.parts.get(&state.name).map(|part| (state.name.clone(), part.status.clone()))
        };
        StatusText {
            opening: opening(board, written_at).into(),
            instances: board.instances.iter().filter_map(of).collect(),
            closing: closing(board).into(),
        }
    }

    /// The metrics of all; those that were not updated are not in it.
    #[must_use]
    pub fn metrics(&self, board: &Board, metrics: &Metrics, status_written_at: Option<Timestamp>) -> Pieces {
        let of = |state: &Arc<InstanceState>| Some(self.parts.get(&state.name)?.series.clone());
        let series: Vec<_> = board.instances.iter().filter_map(of).collect();
        metrics.assemble(board, &series, status_written_at).joined()
    }
}

/// The status file in its parts, one line for each instance.
#[derive(Debug, Clone, Default)]
pub struct StatusText {
    opening: Bytes,
    instances: Arc<[(String, Piece)]>,
    closing: Bytes,
}

impl StatusText {
    /// The whole.
    #[must_use]
    pub fn whole(&self) -> Pieces {
        self.with(self.instances.iter().map(|(_, piece)| piece))
    }

    /// The same with one instance only; `None` when there is no such one.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<Pieces> {
        let (_, piece) = self.instances.iter().find(|(known, _)| known == name)?;
        Some(self.with(std::iter::once(piece)))
    }

    fn with<'a>(&self, instances: impl Iterator<Item = &'a Piece>) -> Pieces {
        const BETWEEN: Piece = Piece::Plain(Bytes::from_static(b",\n"));
        // Right after the start there is nothing, not even nobody.
        if self.opening.is_empty() {
            return Pieces::default();
        }
        let mut pieces = vec![Piece::Plain(self.opening.clone())];
        for (number, piece) in instances.enumerate() {
            if number > 0 {
                pieces.push(BETWEEN);
            }
            pieces.push(piece.clone());
        }
        pieces.push(Piece::Plain(self.closing.clone()));
        pieces.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shard::Shard;
    use crate::surface::sample;
    use crate::surface::status::{StatusFile, view};

    /// What may become of the board between two publications.
    #[derive(Debug, Clone, Copy)]
    enum Turn {
        Changed(usize),
        Renamed(usize),
        Gone(usize),
        Moved(usize),
        Nothing,
    }

    fn turn() -> impl Strategy<Value = Turn> {
        prop_oneof![
            (0_usize..8).prop_map(Turn::Changed),
            (0_usize..8).prop_map(Turn::Renamed),
            (0_usize..8).prop_map(Turn::Gone),
            (0_usize..8).prop_map(Turn::Moved),
            Just(Turn::Nothing),
        ]
    }

    /// Does it; how many instances have to be rendered for it.
    fn take(turn: Turn, number: usize, board: &mut Board) -> u64 {
        let last = board.instances.len().saturating_sub(1);
        match turn {
            Turn::Nothing => 0,
            _ if board.instances.is_empty() => 0,
            Turn::Changed(place) => {
                let state = Arc::make_mut(&mut board.instances[place.min(last)]);
                state.version = Some(format!("9.2.{number}").parse().unwrap());
                1
            }
            Turn::Renamed(place) => {
                Arc::make_mut(&mut board.instances[place.min(last)]).name = format!("other-{number}");
                1
            }
            Turn::Gone(place) => {
                board.instances.remove(place.min(last));
                0
            }
            Turn::Moved(place) => {
                board.instances.swap(0, place.min(last));
                board.shard = Shard { index: 2, of: 7, agents: Vec::new() };
                0
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Whatever changes in whatever order: what is kept gives the same bytes as if all was rendered anew, and
        /// nobody is rendered again who did not change.
        #[test]
        fn what_is_kept_says_what_is(turns in prop::collection::vec(turn(), 0..6)) {
            let metrics = Metrics::new();
            let mut board = sample::large_board(5);
            let mut kept = Parts::default();
            kept.update(&board, &metrics);
            let mut expected = 5;
            for (number, turn) in turns.into_iter().enumerate() {
                expected += take(turn, number, &mut board);
                kept.update(&board, &metrics);
                prop_assert_eq!(kept.rendered(), expected);
                let mut anew = Parts::default();
                anew.update(&board, &metrics);
                let now = sample::now();
                let (status, series) = (kept.status(&board, now), kept.metrics(&board, &metrics, Some(now)));
                prop_assert_eq!(status.whole().to_text(), anew.status(&board, now).whole().to_text());
                prop_assert_eq!(series.to_text(), metrics.encode(&board, Some(now)));
                let read: StatusFile = serde_json::from_str(&status.whole().to_text()).unwrap();
                prop_assert!(read == view(&board, now));
            }
        }
    }

    #[test]
    fn one_instance_can_be_had_alone() {
        let (board, metrics) = (sample::board(), Metrics::new());
        let mut parts = Parts::default();
        parts.update(&board, &metrics);
        let status = parts.status(&board, sample::now());
        let read = |pieces: Pieces| serde_json::from_str::<StatusFile>(&pieces.to_text()).unwrap();
        let whole = read(status.whole());
        for instance in &whole.instances {
            let alone = read(status.only(&instance.name).unwrap());
            assert_eq!(alone, StatusFile { instances: vec![instance.clone()], ..whole.clone() });
        }
        assert!(status.only("nobody").is_none());
        assert!(StatusText::default().whole().is_empty(), "nothing was said yet");
    }
}
