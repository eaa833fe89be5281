//! A carrier without a network: outcome and timing come from the number. For tests and load.
//!
//! Costs a timer and little else, so that tens of thousands of attempts can run at once.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use ringfleet_core::{
    Clock, E164,
    EndedBy::{Callee, Caller, Carrier as ByCarrier},
    Ending,
    Outcome::{Answered, Failed, Rejected, Unanswered, Voicemail},
    SystemClock,
    trunk::SimulatedTrunk,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{sync::mpsc::UnboundedSender, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{Attempt, Carrier, Order, Progress};

/// Wait asked for by numbers ending in `00`.
const NO_ROOM_WAIT: Duration = Duration::from_secs(1);
/// A number that is never answered rings this many times `ring_ms`, if the order allows.
const PATIENCE: u32 = 50;

/// The simulated carrier; see [`SimulatedTrunk`] for what each number does.
#[derive(Debug)]
pub struct SimulatedCarrier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: SimulatedTrunk,
    witness: Option<Witness>,
    /// Numbers ending in `00` that have been told once that there is no room.
    told_no_room: Mutex<HashSet<E164>>,
}

impl SimulatedCarrier {
    /// A carrier with these timings. With `witness`, each attempt adds lines to that file: `placed` before anything else
    /// happens and `over` when the line is free again, or only `refused` where there was no room. A line is
    /// `{"event":"placed","call":"ses_…","to":"+…","from":"+…","at":"…","pid":1}`; the process tells, by its end, when an attempt was over
    /// that nobody could note any more. Processes may share the file.
    pub fn new(config: SimulatedTrunk, witness: Option<PathBuf>) -> Self {
        let witness = witness.map(|path| Witness { path, file: Mutex::new(None) });
        Self(Arc::new(Shared { config, witness, told_no_room: Mutex::default() }))
    }
}

#[async_trait]
impl Carrier for SimulatedCarrier {
    async fn prepare(&self, order: Order) -> Result<Box<dyn Attempt>, Ending> {
        Ok(Box::new(SimulatedAttempt { shared: self.0.clone(), order }))
    }

    /// Whatever happened died with the process that made it up.
    async fn resolve(&self, _resume: &Value, _shown: Option<&str>) -> Ending {
        Ending::uncertain("simulated")
    }

    /// There is nobody to ask who could be away.
    async fn probe(&self) -> Result<(), &'static str> {
        Ok(())
    }

    async fn close(&self) {}
}

struct SimulatedAttempt {
    shared: Arc<Shared>,
    order: Order,
}

#[async_trait]
impl Attempt for SimulatedAttempt {
    fn resume(&self) -> Value {
        json!({ "simulated": self.order.call })
    }

    fn show(&mut self, caller_id: String) {
        self.order.from = Some(caller_id);
    }

    async fn place(
        self: Box<Self>,
        progress: UnboundedSender<Progress>,
        hangup: CancellationToken,
    ) -> Ending {
        if hangup.is_cancelled() {
            return Ending::GivenUp { reason: "cancelled".into() };
        }
        if self.has_no_room() {
            self.noted(Seen::Refused);
            return Ending::NoRoom {
                retry_after: NO_ROOM_WAIT,
                reason: "trunk_busy".into(),
                code: Some(503),
            };
        }
        if !self.noted(Seen::Placed) {
            return Ending::over(Failed, "witness", None, ByCarrier);
        }
        let ending = self.call(&progress, &hangup).await;
        self.noted(Seen::Over);
        ending
    }
}

impl SimulatedAttempt {
    fn last_digit(&self) -> u64 {
        self.order.to.digits() % 10
    }

    fn has_no_room(&self) -> bool {
        let number = self.order.to;
        number.digits().is_multiple_of(100) && self.shared.told_no_room.lock().insert(number)
    }

    /// False when there is a witness and it cannot be told: then no call may be placed.
    fn noted(&self, seen: Seen) -> bool {
        let Some(witness) = &self.shared.witness else { return true };
        let noted = witness.note(seen, &self.order);
        if let Err(error) = &noted {
            tracing::error!(%error, path = %witness.path.display(), "the witness cannot be written; no call is placed");
        }
        noted.is_ok()
    }

    /// From the first ring to the end.
    async fn call(&self, progress: &UnboundedSender<Progress>, hangup: &CancellationToken) -> Ending {
        if let Some(ending) = self.ring(progress, hangup).await {
            return ending;
        }
        // Nobody may listen any more; that is no reason to end the call.
        let _ = progress.send(Progress::Answered);
        let talk = Duration::from_millis(self.shared.config.talk_ms);
        let hung_up = wait(talk.min(self.order.max_duration), hangup).await;
        if self.last_digit() == 8 {
            return Ending::over(Voicemail, "beep", Some(200), Caller);
        }
        let by = if hung_up || talk > self.order.max_duration { Caller } else { Callee };
        Ending::over(Answered, "completed", Some(200), by)
    }

    /// Rings; how it ended, unless somebody or something picks up.
    async fn ring(&self, progress: &UnboundedSender<Progress>, hangup: &CancellationToken) -> Option<Ending> {
        let unanswered = |reason| Some(Ending::over(Unanswered, reason, Some(487), Caller));
        let rings = if self.last_digit() == 6 { PATIENCE } else { 1 };
        let ring = Duration::from_millis(self.shared.config.ring_ms) * rings;
        let _ = progress.send(Progress::Ringing);
        if wait(ring.min(self.order.ring_timeout), hangup).await {
            return unanswered("cancelled");
        }
        if ring > self.order.ring_timeout {
            return unanswered("ring_timeout");
        }
        match self.last_digit() {
            6 => unanswered("ring_timeout"),
            7 => Some(Ending::over(Rejected, "busy", Some(486), Callee)),
            9 => Some(Ending::over(Rejected, "declined", Some(603), Callee)),
            _ => None,
        }
    }
}

/// Waits; true if `hangup` fired before the time was over.
async fn wait(time: Duration, hangup: &CancellationToken) -> bool {
    tokio::time::timeout_at(Instant::now() + time, hangup.cancelled()).await.is_ok()
}

/// What the witness notes.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Seen {
    Placed,
    Over,
    Refused,
}

/// Proves who was called, and how many at once.
#[derive(Debug)]
struct Witness {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Witness {
    /// One write at the end of the file, so that lines of several processes do not mix and a kill leaves no half line.
    /// Goes to the page cache, too short a wait to move off the runtime.
    fn note(&self, seen: Seen, order: &Order) -> io::Result<()> {
        let (at, pid) = (SystemClock.now(), std::process::id());
        let (call, to, from) = (order.call, order.to, &order.from);
        let mut line =
            json!({ "event": seen, "call": call, "to": to, "from": from, "at": at, "pid": pid }).to_string();
        line.push('\n');
        let mut file = self.file.lock();
        let file = match &mut *file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().append(true).create(true).open(&self.path)?),
        };
        match file.write(line.as_bytes())? {
            written if written == line.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfleet_core::{CallId, Outcome};
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn order(number: &str) -> Order {
        Order {
            call: CallId::new(SystemClock.now()),
            to: number.parse().unwrap(),
            from: None,
            ring_timeout: Duration::from_secs(30),
            max_duration: Duration::from_secs(60),
            greeting: Arc::default(),
            say: None,
            hang_up_after_greeting: true,
            record: None,
            script: Arc::default(),
        }
    }

    async fn place(carrier: &SimulatedCarrier, order: Order) -> (Ending, Vec<Progress>) {
        let (progress, mut seen) = unbounded_channel();
        let attempt = carrier.prepare(order).await.unwrap();
        let ending = attempt.place(progress, CancellationToken::new()).await;
        let mut steps = Vec::new();
        while let Some(step) = seen.recv().await {
            steps.push(step);
        }
        (ending, steps)
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_digits_decide() {
        let carrier = SimulatedCarrier::new(SimulatedTrunk::default(), None);
        let answered = Ending::over(Answered, "completed", Some(200), Callee);
        for (end, ending, picked_up) in [
            ("10", answered.clone(), true),
            ("05", answered, true),
            ("06", Ending::over(Unanswered, "ring_timeout", Some(487), Caller), false),
            ("07", Ending::over(Rejected, "busy", Some(486), Callee), false),
            ("08", Ending::over(Voicemail, "beep", Some(200), Caller), true),
            ("09", Ending::over(Rejected, "declined", Some(603), Callee), false),
        ] {
            let (got, steps) = place(&carrier, order(&format!("+49301234{end}"))).await;
            assert_eq!(got, ending, "{end}");
            let expected: &[_] =
                if picked_up { &[Progress::Ringing, Progress::Answered] } else { &[Progress::Ringing] };
            assert_eq!(steps, expected, "{end}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_room_once_for_each_number() {
        let carrier = SimulatedCarrier::new(SimulatedTrunk::default(), None);
        for number in ["+4930123400", "+4930123500"] {
            let (first, steps) = place(&carrier, order(number)).await;
            assert!(matches!(first, Ending::NoRoom { retry_after: NO_ROOM_WAIT, .. }), "{first:?}");
            assert!(steps.is_empty());
            let (second, _) = place(&carrier, order(number)).await;
            assert!(matches!(second, Ending::Over { outcome: Answered, .. }), "{second:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn times_are_kept() {
        let carrier = SimulatedCarrier::new(SimulatedTrunk { ring_ms: 2000, talk_ms: 5000 }, None);
        let timed = async |order| {
            let begun = Instant::now();
            let (ending, _) = place(&carrier, order).await;
            let Ending::Over { outcome, by, .. } = ending else { panic!("{ending:?}") };
            (begun.elapsed().as_secs(), outcome, by)
        };
        assert_eq!(timed(order("+4930123401")).await, (7, Answered, Callee));
        let short = Order { max_duration: Duration::from_secs(3), ..order("+4930123401") };
        assert_eq!(timed(short).await, (5, Answered, Caller));
        let impatient = Order { ring_timeout: Duration::from_secs(1), ..order("+4930123401") };
        assert_eq!(timed(impatient).await, (1, Unanswered, Caller));
        assert_eq!(timed(order("+4930123406")).await, (30, Unanswered, Caller));
        let patient = Order { ring_timeout: Duration::from_secs(1000), ..order("+4930123406") };
        assert_eq!(timed(patient).await, (100, Unanswered, Caller));
    }

    #[tokio::test(start_paused = true)]
    async fn hangup_ends_it_wherever_it_is() {
        let carrier = SimulatedCarrier::new(SimulatedTrunk { ring_ms: 2000, talk_ms: 5000 }, None);
        for (after, ending) in [
            (0, Ending::GivenUp { reason: "cancelled".into() }),
            (1, Ending::over(Unanswered, "cancelled", Some(487), Caller)),
            (4, Ending::over(Answered, "completed", Some(200), Caller)),
        ] {
            let (progress, _seen) = unbounded_channel();
            let hangup = CancellationToken::new();
            if after == 0 {
                hangup.cancel();
            }
            let attempt = carrier.prepare(order("+4930123401")).await.unwrap();
            let placed = tokio::spawn(attempt.place(progress, hangup.clone()));
            tokio::time::sleep(Duration::from_secs(after)).await; // the paused clock, not the real one
            hangup.cancel();
            assert_eq!(placed.await.unwrap(), ending, "after {after} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_witness_sees_every_attempt_begin_and_end_or_be_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.jsonl");
        let one = SimulatedCarrier::new(SimulatedTrunk::default(), Some(path.clone()));
        let other = SimulatedCarrier::new(SimulatedTrunk::default(), Some(path.clone()));
        let orders = [order("+4930123401"), order("+4930123407"), order("+4930123400")];
        let mut shown = one.prepare(orders[0].clone()).await.unwrap();
        shown.show("+12025550100".into());
        shown.place(unbounded_channel().0, CancellationToken::new()).await;
        place(&other, orders[1].clone()).await;
        place(&one, orders[2].clone()).await;
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = [("placed", 0), ("over", 0), ("placed", 1), ("over", 1), ("refused", 2)];
        assert_eq!(lines.len(), expected.len());
        for (line, (event, order)) in lines.iter().zip(expected) {
            let order = &orders[order];
            assert_eq!((&line["event"], &line["call"]), (&json!(event), &json!(order.call)));
            assert_eq!(line["to"], order.to.to_string());
            assert_eq!(line["from"] == "+12025550100", order.call == orders[0].call);
            assert!(line["at"].as_str().unwrap().contains('T'));
            assert_eq!(line["pid"], std::process::id());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_its_witness_no_call_is_placed() {
        let carrier =
            SimulatedCarrier::new(SimulatedTrunk::default(), Some("/no/such/folder/witness".into()));
        let (ending, steps) = place(&carrier, order("+4930123401")).await;
        assert_eq!(ending, Ending::over(Failed, "witness", None, ByCarrier));
        assert!(steps.is_empty());
    }

    #[tokio::test]
    async fn nobody_can_tell_what_became_of_an_attempt() {
        let carrier = SimulatedCarrier::new(SimulatedTrunk::default(), None);
        let resume = carrier.prepare(order("+4930123401")).await.unwrap().resume();
        assert!(matches!(
            carrier.resolve(&resume, None).await,
            Ending::Over { outcome: Outcome::Uncertain, .. }
        ));
    }
}
