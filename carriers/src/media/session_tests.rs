use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use proptest::prelude::*;
use tokio::{net::UdpSocket, task::JoinHandle, time::timeout};

use super::{
    super::{Direction, Lead, tone},
    *,
};

const DEADLINE: Duration = Duration::from_secs(10);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn at(addr: SocketAddr, codec: Codec) -> Remote {
    Remote { addr, codec, events: Some(101), direction: Direction::SendRecv }
}

/// A session under test and the socket of its far end.
struct Call {
    far: UdpSocket,
    near: SocketAddr,
    remote: watch::Sender<Remote>,
    lead: Lead,
    stop: CancellationToken,
    session: JoinHandle<MediaReport>,
    sequence: u16,
}

impl Call {
    async fn start(pcm: Vec<i16>, record: Option<&Path>, codec: Codec) -> Self {
        let far = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
        let socket = RtpSocket::bind(LOOPBACK, 20_000..=32_000).await.unwrap();
        let near = socket.local_addr();
        let ((wires, lead), stop) = (Wires::new(), CancellationToken::new());
        let (remote, described) = watch::channel(at(far.local_addr().unwrap(), codec));
        let session = tokio::spawn(run(
            socket,
            described,
            Arc::new(pcm),
            record.map(Path::to_path_buf),
            wires,
            stop.clone(),
        ));
        Self { far, near, remote, lead, stop, session, sequence: 65_500 }
    }

    async fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 2000];
        let (length, from) = timeout(DEADLINE, self.far.recv_from(&mut buffer)).await.unwrap().unwrap();
        (buffer[..length].to_vec(), from)
    }

    /// The next thing that is told.
    async fn event(&mut self) -> Event {
        timeout(DEADLINE, self.lead.events.recv()).await.unwrap().unwrap()
    }

    async fn send(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = rtp::header(payload_type, false, self.sequence, timestamp, 99).to_vec();
        packet.extend(payload);
        self.far.send_to(&packet, self.near).await.unwrap();
    }

    /// Ends the session once `packets_in` can be expected to be complete: loopback keeps the order, so an event is enough.
    async fn end(self) -> MediaReport {
        self.stop.cancel();
        timeout(DEADLINE, self.session).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_greeting_is_played_once_in_order_and_silence_follows() {
    let pcm: Vec<i16> = tone::beep(500.0, 90); // 4.5 packets
    let mut call = Call::start(pcm.clone(), None, Codec::Pcma).await;
    let mut heard = Vec::new();
    let mut before: Option<(u16, u32)> = None;
    for n in 0..8 {
        let (datagram, from) = call.receive().await;
        assert_eq!(from, call.near);
        let packet = Packet::parse(&datagram).unwrap();
        assert_eq!((packet.payload_type, packet.payload.len()), (8, FRAME));
        assert_eq!(datagram[1] & 0x80 != 0, n == 0, "only the first packet is marked");
        if let Some((sequence, timestamp)) = before {
            assert_eq!(packet.sequence, sequence.wrapping_add(1));
            assert_eq!(packet.timestamp, timestamp.wrapping_add(160));
        }
        before = Some((packet.sequence, packet.timestamp));
        heard.extend(packet.payload.iter().map(|byte| Codec::Pcma.decode(*byte)));
    }
    assert_eq!(call.event().await, Event::Played);
    for (n, (got, want)) in heard.iter().zip(pcm.iter().chain(std::iter::repeat(&0))).enumerate() {
        assert!((i32::from(*got) - i32::from(*want)).abs() <= 260, "sample {n}: {got} for {want}");
    }
    let report = call.end().await;
    assert!(report.played_all && report.packets_out >= 8 && report.packets_in == 0, "{report:?}");
}

#[tokio::test]
async fn ending_early_does_not_claim_the_greeting_was_played() {
    let mut call = Call::start(vec![1; 8000 * 60], None, Codec::Pcmu).await;
    call.receive().await;
    assert!(call.lead.events.try_recv().is_err());
    assert!(!call.end().await.played_all);
}

#[tokio::test]
async fn the_clock_is_steady() {
    let call = Call::start(Vec::new(), None, Codec::Pcmu).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..26 {
        call.receive().await;
    }
    // 26 packets span 25 ticks; never faster, and slower only by what the machine adds at the end.
    assert!(begun.elapsed() >= Duration::from_millis(470), "{:?}", begun.elapsed());
    call.end().await;
}

#[tokio::test]
async fn keys_beep_and_loss_are_reported_and_the_recording_holds_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.wav");
    let mut call = Call::start(tone::beep(700.0, 200), Some(&path), Codec::Pcmu).await;
    let beep = tone::beep(1000.0, 400);
    for (n, frame) in beep.chunks(FRAME).enumerate() {
        let payload: Vec<u8> = frame.iter().map(|sample| Codec::Pcmu.encode(*sample)).collect();
        call.send(0, n as u32 * 160, &payload).await;
        call.receive().await; // paces us by the session's own clock
    }
    call.sequence = call.sequence.wrapping_add(2);
    for _ in 0..3 {
        call.send(101, 4000, &[7, 0x8a, 1, 0x40]).await;
    }
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(call.event().await);
    }
    for event in [Event::Played, Event::Beep, Event::Key('7')] {
        assert!(told.contains(&event), "{event:?}: {told:?}");
    }
    for _ in 0..10 {
        call.receive().await;
    }
    let report = call.end().await;
    assert_eq!((report.packets_in, report.lost, report.digits.as_str()), (23, 2, "7"));
    assert!(report.beep && report.played_all && report.recorded, "{report:?}");
    let samples: Vec<i16> =
        hound::WavReader::open(&path).unwrap().into_samples().map(Result::unwrap).collect();
    let callee: Vec<i16> = samples.iter().step_by(2).copied().collect();
    let ours: Vec<i16> = samples.iter().skip(1).step_by(2).copied().collect();
    let loud = |pcm: &[i16]| pcm.iter().filter(|sample| sample.unsigned_abs() > 2000).count();
    assert!(loud(&callee) > 1500, "{}", loud(&callee));
    assert!((700..1600).contains(&loud(&ours)), "{}", loud(&ours));
    assert_eq!(report.packets_out, ours.len() as u64 / 160);
}

#[tokio::test]
async fn audio_follows_the_first_source_and_no_other() {
    let mut call = Call::start(Vec::new(), None, Codec::Pcmu).await;
    let nat = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let stranger = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let packet = |sequence| [rtp::header(0, false, sequence, 0, 5).to_vec(), vec![0xff; 160]].concat();
    let mut buffer = [0; 2000];

    stranger.send_to(b"not RTP at all, so it may not steer anything", call.near).await.unwrap();
    nat.send_to(&packet(1), call.near).await.unwrap();
    timeout(DEADLINE, nat.recv_from(&mut buffer)).await.unwrap().unwrap();
    stranger.send_to(&packet(2), call.near).await.unwrap();

    // The described address speaks up and wins.
    call.send(0, 0, &[0xff; 160]).await;
    while call.far.try_recv_from(&mut buffer).is_ok() {}
    call.receive().await;
    assert!(stranger.try_recv_from(&mut buffer).is_err(), "a stranger got our audio");
    nat.send_to(&packet(3), call.near).await.unwrap();
    call.receive().await;
    call.receive().await;
    assert_eq!(call.end().await.packets_in, 2);
}

#[tokio::test]
async fn the_greeting_waits_for_who_holds_us_and_time_goes_on() {
    let pcm: Vec<i16> = (0..400_i16).flat_map(|frame| [frame * 50; FRAME]).collect();
    let call = Call::start(pcm, None, Codec::Pcma).await;
    let frame_of = |payload: &[u8]| (i32::from(Codec::Pcma.decode(payload[0])) + 25) / 50;
    let described = *call.remote.borrow();
    call.receive().await;
    call.remote.send_replace(Remote { direction: Direction::SendOnly, ..described });
    let mut last = None;
    // What was sent before the news came.
    while let Ok((datagram, _)) = timeout(Duration::from_millis(200), call.receive()).await {
        last = Some(datagram);
    }
    call.remote.send_replace(Remote { codec: Codec::Pcmu, ..described });
    let (datagram, _) = call.receive().await;
    let packet = Packet::parse(&datagram).unwrap();
    assert_eq!(
        (packet.payload_type, datagram[1] & 0x80),
        (0, 0x80),
        "the other codec, and the beginning of sound"
    );
    if let Some(before) = last.as_deref().and_then(Packet::parse) {
        assert_eq!(packet.sequence, before.sequence.wrapping_add(1));
        assert!(packet.timestamp.wrapping_sub(before.timestamp) > 160, "the silence took its time");
        let frames = (frame_of(before.payload), (i32::from(Codec::Pcmu.decode(packet.payload[0])) + 25) / 50);
        assert_eq!(frames.1, frames.0 + 1, "nothing of it is lost");
    }
    call.end().await;
}

/// A packet of one loud sample, and what it is in linear form.
fn loud(codec: Codec) -> ([u8; FRAME], i16) {
    ([codec.encode(8000); FRAME], codec.decode(codec.encode(8000)))
}

#[tokio::test]
async fn an_agent_hears_the_far_end_and_is_heard_on_the_calls_clock() {
    let mut call = Call::start(vec![0; 8000 * 60], None, Codec::Pcma).await;
    let (playout, (agent, mut ears)) = (Arc::new(Playout::default()), mpsc::channel(500));
    playout.push(&loud(Codec::Pcmu).0.repeat(5));
    playout.mark("said".into());
    call.lead.commands.send(Command::Bridge(playout.clone(), agent)).unwrap();
    let mut said = 0;
    for n in 0..20 {
        call.send(8, n * 160, &loud(Codec::Pcma).0).await;
        let (datagram, _) = call.receive().await;
        said += usize::from(
            Packet::parse(&datagram).unwrap().payload[0] == Codec::Pcma.encode(loud(Codec::Pcmu).1),
        );
    }
    assert_eq!((said, playout.passed()), (5, vec!["said".to_owned()]));
    let (mut heard, mut frames) = (0, Vec::new());
    while let Ok((n, frame)) = ears.try_recv() {
        frames.push(n);
        heard += usize::from(Codec::Pcmu.decode(frame[0]) > 7000);
    }
    assert!(frames.iter().copied().eq(0..frames.len() as u64) && frames.len() >= 19, "{frames:?}");
    assert!((15..=20).contains(&heard), "{heard} of 20 frames");
    call.end().await;
}

#[tokio::test]
async fn an_agent_that_does_not_keep_up_holds_nothing_up() {
    let call = Call::start(Vec::new(), None, Codec::Pcmu).await;
    let (agent, mut ears) = mpsc::channel(3);
    call.lead.commands.send(Command::Bridge(Arc::default(), agent)).unwrap();
    for _ in 0..15 {
        call.receive().await;
    }
    let first: Vec<u64> = std::iter::from_fn(|| ears.try_recv().ok()).map(|(n, _)| n).collect();
    assert_eq!(first, [0, 1, 2]);
    call.receive().await;
    call.receive().await;
    assert!(ears.try_recv().unwrap().0 > 10, "the time that was missed is told by the number");
    call.end().await;
}

#[tokio::test]
async fn a_message_is_played_after_its_silence_in_place_of_the_greeting() {
    let mut call = Call::start(vec![8000; 8000 * 60], None, Codec::Pcmu).await;
    call.receive().await;
    let message = Arc::new(vec![-8000; FRAME * 3]);
    call.lead.commands.send(Command::Play(message, Duration::from_millis(100))).unwrap();
    let mut values = Vec::new();
    while values.last() != Some(&-1) {
        let (datagram, _) = call.receive().await;
        values.push(Codec::Pcmu.decode(Packet::parse(&datagram).unwrap().payload[0]).signum());
    }
    assert!(values.iter().filter(|value| **value == 0).count() >= 5, "{values:?}");
    assert_eq!(call.event().await, Event::Played);
    assert!(call.end().await.played_all);
}

proptest! {
    /// No datagram and no order of datagrams brings a session down.
    #[test]
    fn any_datagrams_are_survived(datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..40), shape in any::<bool>()) {
        let from: SocketAddr = "192.0.2.1:4000".parse().unwrap();
        let mut listener = Listener::new(at(from, Codec::Pcmu), None, mpsc::unbounded_channel().0);
        for mut datagram in datagrams {
            if shape && datagram.len() > 2 {
                datagram[0] = 0x80 | (datagram[0] & 0x3f);
                datagram[1] = if datagram[1] & 1 == 0 { 0 } else { 101 };
            }
            listener.datagram(&datagram, from);
        }
    }
}
