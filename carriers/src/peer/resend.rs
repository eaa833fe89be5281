//! Repeats a message over UDP until somebody has heard it (RFC 3261 §13.3.1.4, §17.1.2.2, §17.2.1).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::tables::REMEMBER;

/// First interval.
const T1: Duration = Duration::from_millis(500);
/// Longest interval.
const T2: Duration = Duration::from_secs(4);

/// A message that waits for its acknowledgement.
#[derive(Debug)]
pub(super) struct Resend {
    pub bytes: Arc<[u8]>,
    pub to: SocketAddr,
    interval: Duration,
    next: Instant,
    until: Instant,
}

impl Resend {
    /// For a message that has just been sent for the first time.
    pub fn new(bytes: Arc<[u8]>, to: SocketAddr) -> Self {
        let now = Instant::now();
        Self { bytes, to, interval: T1, next: now + T1, until: now + REMEMBER }
    }

    /// Waits until it must be sent again; false when there is no more hope.
    pub async fn due(&mut self) -> bool {
        tokio::time::sleep_until(self.next.min(self.until)).await;
        self.interval = (self.interval * 2).min(T2);
        self.next += self.interval;
        Instant::now() < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn intervals_double_up_to_four_seconds_and_end_after_thirty_two() {
        let begun = Instant::now();
        let mut resend = Resend::new(Arc::from([]), "192.0.2.1:1".parse().unwrap());
        let mut times = Vec::new();
        while resend.due().await {
            times.push(begun.elapsed().as_millis());
        }
        assert_eq!(times, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(begun.elapsed(), REMEMBER);
    }
}
