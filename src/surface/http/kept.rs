//! What was made because somebody asked, kept until the board changes or the time is another.

use std::collections::VecDeque;

/// More than anybody looks at within a minute; each may be some hundred kilobytes.
pub(super) const MOST_KEPT: usize = 16;

/// What was made of one state of things `M`, by what was asked for, the oldest first.
#[derive(Debug)]
pub(super) struct Kept<M, K, V> {
    of: M,
    made: VecDeque<(K, V)>,
}

impl<M: Default, K, V> Default for Kept<M, K, V> {
    fn default() -> Self {
        Self { of: M::default(), made: VecDeque::new() }
    }
}

impl<M: PartialOrd, K: PartialEq, V: Clone> Kept<M, K, V> {
    /// What was made for this, of that state of things.
    pub(super) fn find(&self, of: &M, key: &K) -> Option<V> {
        let found = self.made.iter().find(|(known, _)| self.of == *of && known == key);
        found.map(|(_, made)| made.clone())
    }

    /// Keeps what was made.
    pub(super) fn keep(&mut self, of: M, key: K, made: V) {
        if of > self.of {
            *self = Self { of, made: VecDeque::from([(key, made)]) };
        } else if of == self.of && !self.made.iter().any(|(known, _)| *known == key) {
            // What was made of an older state while a newer one came is not asked for again.
            self.made.push_back((key, made));
            if self.made.len() > MOST_KEPT {
                self.made.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_few_are_kept_and_none_of_an_older_board() {
        let mut kept = Kept::default();
        for number in 0..40 {
            kept.keep(5, number, number.to_string());
        }
        assert_eq!(kept.made.len(), MOST_KEPT);
        assert_eq!(kept.find(&5, &39).as_deref(), Some("39"));
        assert_eq!((kept.find(&5, &0), kept.find(&6, &39)), (None, None));
        kept.keep(5, 39, "another".to_owned());
        assert_eq!(kept.find(&5, &39).as_deref(), Some("39"));
        kept.keep(4, 50, "old".to_owned());
        assert_eq!(kept.find(&5, &50), None);
        kept.keep(6, 51, "new".to_owned());
        assert_eq!((kept.find(&5, &39), kept.find(&6, &51).as_deref()), (None, Some("new")));
    }
}
