//! Speech that was needed lately, in memory.

use std::collections::HashMap;

use super::{Name, Pcm};

/// Bounded by the bytes of its samples; what has not been asked for the longest goes first.
pub(super) struct Memory {
    most: usize,
    bytes: usize,
    /// Counts what is asked for.
    now: u64,
    kept: HashMap<Name, (Pcm, u64)>,
}

impl Memory {
    pub fn new(most: usize) -> Self {
        Self { most, bytes: 0, now: 0, kept: HashMap::new() }
    }

    pub fn get(&mut self, name: &Name) -> Option<Pcm> {
        self.now += 1;
        let (pcm, asked) = self.kept.get_mut(name)?;
        *asked = self.now;
        Some(pcm.clone())
    }

    /// What alone is too large is not kept.
    pub fn keep(&mut self, name: Name, pcm: Pcm) {
        let bytes = size(&pcm);
        if bytes > self.most || self.kept.contains_key(&name) {
            return;
        }
        while self.bytes + bytes > self.most {
            // Thousands at most: a look at each costs less than the rendering that was just done.
            let Some(oldest) = self.kept.iter().min_by_key(|(_, (_, asked))| *asked).map(|(name, _)| *name)
            else {
                break;
            };
            if let Some((gone, _)) = self.kept.remove(&oldest) {
                self.bytes -= size(&gone);
            }
        }
        self.now += 1;
        self.bytes += bytes;
        self.kept.insert(name, (pcm, self.now));
    }
}

fn size(pcm: &Pcm) -> usize {
    pcm.len() * size_of::<i16>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let mut memory = Memory::new(20);
        let (name, pcm) = (|n: u8| [n; 32], |samples: usize| Arc::new(vec![1; samples]));
        memory.keep(name(1), pcm(5));
        memory.keep(name(2), pcm(5));
        assert!(memory.get(&name(1)).is_some());
        memory.keep(name(3), pcm(2));
        let there = |memory: &mut Memory| [1, 2, 3, 4].map(|n| memory.get(&name(n)).is_some());
        assert_eq!(there(&mut memory), [true, false, true, false]);
        memory.keep(name(4), pcm(11));
        assert_eq!(there(&mut memory), [true, false, true, false], "too large alone");
        memory.keep(name(4), pcm(10));
        assert_eq!((there(&mut memory), memory.bytes), ([false, false, false, true], 20));
    }
}
