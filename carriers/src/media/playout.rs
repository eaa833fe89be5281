//! What an agent has said and the callee has not heard yet.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Codec, FRAME, SAMPLE_RATE};

/// Most audio that waits, in samples: a minute. What an agent sends beyond that is left out.
const MOST: usize = 60 * SAMPLE_RATE as usize;
/// Most marks that wait.
const MOST_MARKS: usize = 1_000;
/// Longest name of a mark, in bytes.
const LONGEST_MARK: usize = 1_000;

/// Most audio of somebody who talks now, in samples: 100 ms. More would stay as delay.
const MOST_LIVE: usize = 5 * FRAME;

/// A queue of µ-law audio between an agent, who fills it in bursts, and the clock of a call, which empties it frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Playout {
    line: Mutex<Line>,
    /// Told when marks have been passed, and when the queue has run empty.
    news: Notify,
}

#[derive(Debug, Default)]
struct Line {
    ulaw: VecDeque<u8>,
    /// Samples taken, and samples ever queued: the position of the next one.
    taken: u64,
    queued: u64,
    /// Marks, and the samples before them.
    marks: VecDeque<(u64, String)>,
    passed: Vec<String>,
}

impl Playout {
    /// Queues audio; false when there was no room for all of it.
    pub fn push(&self, ulaw: &[u8]) -> bool {
        let mut line = self.line.lock();
        let room = MOST.saturating_sub(line.ulaw.len()).min(ulaw.len());
        line.ulaw.extend(&ulaw[..room]);
        line.queued += room as u64;
        room == ulaw.len()
    }

    /// Queues audio of somebody who talks now: what is older is thrown away where it would be heard late.
    pub fn push_live(&self, ulaw: &[u8]) {
        let mut line = self.line.lock();
        line.ulaw.extend(ulaw);
        line.queued += ulaw.len() as u64;
        let late = line.ulaw.len().saturating_sub(MOST_LIVE);
        line.ulaw.drain(..late);
        line.taken += late as u64;
    }

    /// Sets a mark behind what is queued; false when there are too many, or its name is too long.
    pub fn mark(&self, name: String) -> bool {
        let mut line = self.line.lock();
        if line.marks.len() + line.passed.len() >= MOST_MARKS || name.len() > LONGEST_MARK {
            return false;
        }
        let position = line.queued;
        line.marks.push_back((position, name));
        self.tell_passed(&mut line);
        true
    }

    /// Throws away what is queued; its marks are passed at once.
    pub fn clear(&self) {
        let mut line = self.line.lock();
        line.taken = line.queued;
        line.ulaw.clear();
        self.tell_passed(&mut line);
        self.news.notify_one();
    }

    /// Takes the next 20 ms, silent where there is nothing.
    pub fn frame(&self) -> [i16; FRAME] {
        let mut pcm = [0; FRAME];
        let mut line = self.line.lock();
        let count = line.ulaw.len().min(FRAME);
        if count == 0 {
            return pcm;
        }
        for (sample, byte) in pcm.iter_mut().zip(line.ulaw.drain(..count)) {
            *sample = Codec::Pcmu.decode(byte);
        }
        line.taken += count as u64;
        self.tell_passed(&mut line);
        if line.ulaw.is_empty() {
            self.news.notify_one();
        }
        pcm
    }

    /// The marks that have been passed since this was last asked.
    pub fn passed(&self) -> Vec<String> {
        std::mem::take(&mut self.line.lock().passed)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.line.lock().ulaw.is_empty()
    }

    /// Waits until marks have been passed or the queue has run empty; for one waiter. May return for nothing.
    pub async fn changed(&self) {
        self.news.notified().await;
    }

    fn tell_passed(&self, line: &mut Line) {
        while line.marks.front().is_some_and(|(position, _)| *position <= line.taken) {
            line.passed.extend(line.marks.pop_front().map(|(_, name)| name));
            self.news.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn loud() -> u8 {
        Codec::Pcmu.encode(8000)
    }

    #[test]
    fn marks_come_back_when_what_was_before_them_has_been_played() {
        let playout = Playout::default();
        assert!(playout.mark("first".into()));
        assert_eq!(playout.passed(), ["first"], "nothing was before it");
        playout.push(&[loud(); 200]);
        playout.mark("second".into());
        playout.push(&[loud(); 100]);
        playout.mark("third".into());
        assert!(playout.frame().iter().all(|sample| *sample > 7000));
        assert!(playout.passed().is_empty());
        assert!(playout.frame()[140 - 1] > 7000, "140 samples were left");
        assert_eq!((playout.passed(), playout.is_empty()), (vec!["second".into(), "third".into()], true));
        assert_eq!(playout.frame(), [0; FRAME]);
    }

    #[test]
    fn clear_empties_the_queue_and_passes_its_marks_in_order() {
        let playout = Playout::default();
        playout.push(&[loud(); 1000]);
        playout.mark("a".into());
        playout.push(&[loud(); 1000]);
        playout.mark("b".into());
        playout.clear();
        assert_eq!((playout.passed(), playout.frame()), (vec!["a".into(), "b".into()], [0; FRAME]));
        playout.push(&[loud(); 160]);
        playout.mark("c".into());
        assert!(playout.passed().is_empty());
        playout.frame();
        assert_eq!(playout.passed(), ["c"]);
    }

    #[test]
    fn memory_is_bounded_whatever_an_agent_sends() {
        let playout = Playout::default();
        assert!(playout.push(&vec![0; MOST]));
        assert!(!playout.push(&[0; 2]));
        playout.frame();
        assert!(playout.push(&[0; FRAME]));
        for _ in 0..MOST_MARKS {
            assert!(playout.mark("m".into()));
        }
        assert!(!playout.mark("m".into()));
        playout.clear();
        assert!(!playout.mark("m".into()), "nobody has fetched them");
        assert_eq!(playout.passed().len(), MOST_MARKS);
        assert!(!playout.mark("m".repeat(LONGEST_MARK + 1)));
    }

    #[test]
    fn what_is_said_now_is_never_heard_late() {
        let playout = Playout::default();
        for n in 0..10 {
            playout.push_live(&[Codec::Pcmu.encode(1000 * n); FRAME]);
        }
        let heard: Vec<i16> =
            std::iter::from_fn(|| (!playout.is_empty()).then(|| playout.frame()[0])).collect();
        let newest: Vec<i16> = (5..10).map(|n| Codec::Pcmu.decode(Codec::Pcmu.encode(1000 * n))).collect();
        assert_eq!(heard, newest);
        playout.push_live(&[loud(); FRAME]);
        playout.mark("behind it".into());
        assert!(playout.passed().is_empty());
        playout.frame();
        assert_eq!(playout.passed(), ["behind it"]);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_when_it_has_run_empty() {
        let playout = Playout::default();
        playout.push(&[0; 161]);
        playout.frame();
        playout.frame();
        tokio::time::timeout(std::time::Duration::from_secs(5), playout.changed()).await.unwrap();
        assert!(playout.is_empty());
    }

    proptest! {
        /// Whatever is pushed comes out once and in order, and each mark behind what was before it.
        #[test]
        fn nothing_is_lost_or_turned_round(pieces in proptest::collection::vec(0usize..500, 0..20)) {
            let playout = Playout::default();
            let mut expected = Vec::new();
            for (n, length) in pieces.iter().enumerate() {
                let byte = Codec::Pcmu.encode(1000 + 500 * n as i16);
                playout.push(&vec![byte; *length]);
                playout.mark(n.to_string());
                expected.extend(std::iter::repeat_n(Codec::Pcmu.decode(byte), *length));
            }
            let (mut heard, mut marks, mut before) = (Vec::new(), playout.passed(), 0);
            while !playout.is_empty() {
                heard.extend(playout.frame());
                for name in playout.passed() {
                    let n: usize = name.parse().unwrap();
                    prop_assert!(heard.len() >= pieces[..=n].iter().sum::<usize>());
                    marks.push(name);
                }
                prop_assert!(heard.len() > before);
                before = heard.len();
            }
            heard.truncate(expected.len());
            prop_assert_eq!(heard, expected);
            prop_assert_eq!(marks, (0..pieces.len()).map(|n| n.to_string()).collect::<Vec<_>>());
        }
    }
}
