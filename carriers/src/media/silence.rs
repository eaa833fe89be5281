//! Calls in which nobody says anything any more.

use std::time::Duration;

use super::{session::PACE, speech::is_loud};

/// Notices a silence of both sides.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// So many frames are too many; none are.
    limit: Option<u32>,
    frames: u32,
    /// Something was heard of the far end since the last tick.
    heard: bool,
}

impl Silence {
    /// From now on a silence of so long is noticed.
    pub fn notice(&mut self, after: Duration) {
        let frames = u32::try_from(after.as_millis() / PACE.as_millis()).unwrap_or(u32::MAX);
        (self.limit, self.frames) = (Some(frames.max(1)), 0);
    }

    /// Takes what was heard of the far end.
    pub fn hear(&mut self, pcm: &[i16]) {
        self.heard = self.heard || (self.limit.is_some() && is_loud(pcm));
    }

    /// The far end has done something that makes no sound.
    pub fn stir(&mut self) {
        self.heard = true;
    }

    /// 20 ms have passed, in which this was said. True when it has been silent for too long; told again after as long.
    pub fn tick(&mut self, said: &[i16]) -> bool {
        let Some(limit) = self.limit else { return false };
        let is_silent = !std::mem::take(&mut self.heard) && !is_loud(said);
        self.frames = if is_silent { self.frames + 1 } else { 0 };
        let is_long = self.frames >= limit;
        if is_long {
            self.frames = 0;
        }
        is_long
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{FRAME, tone},
        *,
    };

    #[test]
    fn only_a_long_silence_of_both_sides_is_one() {
        let (quiet, murmur) = ([0; FRAME], tone::murmur(20));
        let mut silence = Silence::default();
        assert!((0..10_000).all(|_| !silence.tick(&quiet)), "nobody minds");
        silence.notice(Duration::from_secs(5));
        assert!((0..249).all(|_| !silence.tick(&quiet)));
        assert!(!silence.tick(&murmur), "we talk");
        assert!((0..249).all(|_| !silence.tick(&quiet)));
        silence.hear(&murmur);
        assert!(!silence.tick(&quiet), "the callee talks");
        silence.stir();
        assert!(!silence.tick(&quiet), "the callee presses a key");
        silence.hear(&quiet);
        assert!((0..249).all(|_| !silence.tick(&quiet)) && silence.tick(&quiet));
        assert!((0..249).all(|_| !silence.tick(&quiet)) && silence.tick(&quiet), "told again");
    }
}
