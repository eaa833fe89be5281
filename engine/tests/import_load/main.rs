//! Large files: how long they take, and that memory does not grow with them. Alone in its process, because it measures it.
//!
//! `DATABASE_URL=postgres://… cargo test --release -p ringfleet-engine --test import_load -- --nocapture` measures PostgreSQL;
//! without the variable it is SQLite.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../import/world.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod world;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use ringfleet_core::clock::Stopwatch;
use ringfleet_store::{Import, Store};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::task::AbortOnDropHandle;
use world::World;

/// One measurement at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// What an import may add to the memory of its process, in bytes.
const MOST_GROWTH: u64 = 60_000_000;

/// A file that is made while it is read.
struct Generated<F> {
    left: u64,
    next: u64,
    piece: F,
    rest: Vec<u8>,
}

impl<F: FnMut(u64) -> Vec<u8>> Generated<F> {
    /// `pieces` times what `piece` gives for 0, 1, 2 and so on.
    fn new(pieces: u64, piece: F) -> Self {
        Self { left: pieces, next: 0, piece, rest: Vec::new() }
    }
}

impl<F: FnMut(u64) -> Vec<u8> + Unpin> AsyncRead for Generated<F> {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while out.remaining() > 0 {
            if this.rest.is_empty() {
                if this.left == 0 {
                    break;
                }
                this.rest = (this.piece)(this.next);
                (this.left, this.next) = (this.left - 1, this.next + 1);
            }
            let some = this.rest.len().min(out.remaining());
            out.put_slice(&this.rest[..some]);
            this.rest.drain(..some);
        }
        Poll::Ready(Ok(()))
    }
}

/// Memory of this process that is resident, in bytes (Linux, proc(5); pages of 4 KiB).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Watches the memory until it is dropped.
struct Peak(Arc<AtomicU64>, u64, #[allow(dead_code, reason = "ends with it")] AbortOnDropHandle<()>);

impl Peak {
    fn watch() -> Self {
        let peak = Arc::new(AtomicU64::new(resident()));
        let (before, seen) = (resident(), peak.clone());
        let watch = tokio::spawn(async move {
            loop {
                seen.fetch_max(resident(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Self(peak, before, AbortOnDropHandle::new(watch))
    }

    fn growth(&self) -> u64 {
        self.0.load(Ordering::Relaxed) - self.1
    }
}

/// A world over the database of the environment, else over SQLite.
async fn world() -> World {
    match std::env::var("DATABASE_URL") {
        Ok(url) => World::over(Store::postgres(&url, 8).await.unwrap(), tempfile::tempdir().unwrap()).await,
        Err(_) => World::new().await,
    }
}

/// Imports the file, prints the figures and holds the memory to its limit.
async fn measure<F: FnMut(u64) -> Vec<u8> + Send + Unpin + 'static>(
    what: &str,
    file: Generated<F>,
) -> (World, Import) {
    let world = world().await;
    // The first use of everything (connections, statements, threads) is not growth.
    world.import_bytes("phone\n+4917999999999\nno\n").await.unwrap();
    let (peak, watch) = (Peak::watch(), Stopwatch::start());
    let import = world.import(file).await.unwrap();
    let (seconds, growth) = (watch.elapsed().as_secs_f64(), peak.growth());
    let rate = import.rows_read as f64 / seconds;
    let mb = growth as f64 / 1e6;
    println!(
        "{what}: {} rows in {seconds:.2} s ({rate:.0}/s), memory grew by {mb:.1} MB at most",
        import.rows_read
    );
    assert!(growth < MOST_GROWTH, "{what}: memory grew by {mb:.1} MB");
    (world, import)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_rows() {
    let _alone = ALONE.lock().await;
    let file = Generated::new(100_000, |n| match n {
        0 => b"name,phone,city,amount,note\n+,+49,,,\n".to_vec(),
        n => format!("Asha {n},+49151{n:08},Pune,{}.50,\"call, after lunch\"\n", n % 900).into_bytes(),
    });
    let (world, import) = measure("100,000 rows", file).await;
    assert_eq!((import.accepted, import.rejected), (99_999, 1));
    assert_eq!(world.total().await, 100_000, "with the one before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_rows() {
    let _alone = ALONE.lock().await;
    let bad = format!("{},{}\n", "x".repeat(300), "y".repeat(300)).into_bytes();
    let file = Generated::new(50_001, move |n| if n == 0 { b"phone,a\n".to_vec() } else { bad.clone() });
    let (_, import) = measure("50,000 bad rows", file).await;
    assert_eq!((import.accepted, import.rejected), (0, 50_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_left_open_in_a_huge_file() {
    let _alone = ALONE.lock().await;
    let filler = b"+4915111234567,nothing is ever read of this\n".repeat(1000);
    let file = Generated::new(300_000_000 / filler.len() as u64, move |n| match n {
        0 => b"phone,a\n+4915111234566,ok\n+4915111234567,\"open\n".to_vec(),
        _ => filler.clone(),
    });
    let (world, import) = measure("300 MB behind an open quote", file).await;
    assert_eq!((import.accepted, import.rejected), (1, 1));
    let reject = world.rejects(&import).await.pop().unwrap();
    assert_eq!((reject.line, reject.reason.split(':').next()), (3, Some("row_too_long")));
}

/// On PostgreSQL two such transactions wait for each other until one is told to give up and tries again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_files_with_the_same_numbers_in_opposite_order() {
    const ROWS: u64 = 10_000;
    let _alone = ALONE.lock().await;
    let world = world().await;
    let list = |number: fn(u64) -> u64| {
        Generated::new(ROWS + 1, move |n| match n {
            0 => b"phone\n".to_vec(),
            // The same thousand numbers, batch by batch.
            n => format!("+49151{:08}\n", (n - 1) / 1000 * 1000 + number((n - 1) % 1000)).into_bytes(),
        })
    };
    let (up, down) = tokio::join!(world.import(list(|n| n)), world.import(list(|n| 999 - n)));
    let (up, down) = (up.unwrap(), down.unwrap());
    assert_eq!((up.accepted + down.accepted, up.rejected + down.rejected), (ROWS as i64, ROWS as i64));
    assert_eq!(world.total().await, ROWS);
}
