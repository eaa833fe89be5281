//! Audio follows what the far end says within a call: to another address, in another codec, or nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sip_support;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ringfleet_carriers::{Order, media::Codec};
use sip_support::{
    PATIENCE, Told, carrier, order, place,
    script::{Heard, Script, header},
};
use tokio::{net::UdpSocket, task::JoinHandle, time::timeout};

/// What every sample of the greeting is, and what the far end says.
const OURS: i16 = 500;
const THEIRS: i16 = 8000;

/// Where the far end takes audio.
struct Phone(UdpSocket);

impl Phone {
    async fn new() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").await.unwrap())
    }

    /// Its session description; `more` are lines of their own.
    fn sdp(&self, codec: Codec, more: &str) -> String {
        let (port, format) = (self.0.local_addr().unwrap().port(), codec.payload_type());
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {format}\r\n{more}"
        )
    }

    /// Waits for a packet of the greeting in this codec.
    async fn hears(&self, codec: Codec) {
        let mut packet = [0; 500];
        loop {
            let count = timeout(PATIENCE, self.0.recv(&mut packet)).await.expect("no audio").unwrap();
            let sample = codec.decode(packet[12]);
            if count == 172 && packet[1] & 0x7f == codec.payload_type() && (sample - OURS).abs() < 50 {
                return;
            }
        }
    }

    /// Takes what is on its way, and then expects silence: fifteen packets' worth of it, soon.
    async fn hears_nothing(&self) {
        let mut packet = [0; 500];
        let audio =
            async { while timeout(Duration::from_millis(300), self.0.recv(&mut packet)).await.is_ok() {} };
        timeout(PATIENCE / 6, audio).await.expect("audio where nobody wants it");
    }

    async fn says(&self, codec: Codec, sequence: u16, to: SocketAddr) {
        let timestamp = u32::from(sequence) * 160;
        let mut packet = vec![0x80, codec.payload_type()];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend([codec.encode(THEIRS); 160]);
        self.0.send_to(&packet, to).await.unwrap();
    }
}

/// An answered call with a long greeting, and the phone it talks to, in PCMU.
struct Call {
    script: Script,
    invite: Heard,
    /// Where we take audio.
    near: SocketAddr,
    placed: JoinHandle<Told>,
}

impl Call {
    async fn answered(phone: &Phone, record: Option<PathBuf>) -> Self {
        let (mut script, trunk) = Script::new().await;
        let greeting = Arc::new(vec![OURS; 8000 * 60]);
        let max_duration = Duration::from_secs(60);
        let order = Order { greeting, record, max_duration, hang_up_after_greeting: false, ..order() };
        let placed = tokio::spawn(async move { place(&carrier(trunk), order).await });
        let invite = script.expect("INVITE").await;
        let port = invite.0.split("m=audio ").nth(1).unwrap().split(' ').next().unwrap();
        let near = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port.parse().unwrap());
        script.say(&invite, "200 OK", "far", &phone.sdp(Codec::Pcmu, "")).await;
        phone.hears(Codec::Pcmu).await;
        Self { script, invite, near, placed }
    }

    /// Asks within the call; our answer.
    async fn asks(&mut self, method: &str, cseq: u32, sdp: &str) -> String {
        self.script.ask(&self.invite, method, cseq, "far", sdp).await;
        loop {
            let (answer, _) = self.script.expect("SIP/2.0 200").await;
            if header(&answer, "CSeq") == format!("{cseq} {method}") {
                return answer;
            }
        }
    }

    async fn acks(&self, cseq: u32, sdp: &str) {
        self.script.ask(&self.invite, "ACK", cseq, "far", sdp).await;
    }

    async fn ends(mut self, cseq: u32) {
        self.asks("BYE", cseq, "").await;
        assert_eq!(self.placed.await.unwrap().over(), ("ANSWERED", "hangup", Some(200), "callee"));
    }
}

/// A border controller moves the media to another address and leaves one codec.
#[tokio::test]
async fn audio_moves_with_a_reinvite_both_ways() {
    let (first, second) = (Phone::new().await, Phone::new().await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("call.wav");
    let mut call = Call::answered(&first, Some(file.clone())).await;
    first.says(Codec::Pcmu, 1, call.near).await; // so that the first is the one we follow
    first.hears(Codec::Pcmu).await;

    let answer = call.asks("INVITE", 1, &second.sdp(Codec::Pcma, "")).await;
    assert!(answer.contains("RTP/AVP 8\r\n"), "{answer}");
    call.acks(1, "").await;
    second.hears(Codec::Pcma).await;
    first.says(Codec::Pcmu, 2, call.near).await; // was on its way
    for sequence in 3..30 {
        second.says(Codec::Pcma, sequence, call.near).await;
        second.hears(Codec::Pcma).await;
    }
    first.hears_nothing().await;
    second.hears(Codec::Pcma).await;
    call.ends(2).await;

    let samples = hound::WavReader::open(&file).unwrap().into_samples::<i16>().map(Result::unwrap);
    let loud = samples.step_by(2).filter(|sample| *sample > THEIRS / 2).count();
    assert!(loud > 20 * 160, "the new source is heard: {loud}");
}

#[tokio::test]
async fn nothing_is_sent_to_who_holds_us() {
    let phone = Phone::new().await;
    let mut call = Call::answered(&phone, None).await;
    let legacy = phone.sdp(Codec::Pcmu, "c=IN IP4 0.0.0.0\r\n"); // RFC 3264 §8.4
    let mut cseq = 1;
    for (method, hold, answered) in [
        ("INVITE", phone.sdp(Codec::Pcmu, "a=sendonly\r\n"), "a=recvonly"),
        ("UPDATE", phone.sdp(Codec::Pcmu, "a=inactive\r\n"), "a=inactive"),
        ("INVITE", legacy, "a=sendrecv"),
    ] {
        let answer = call.asks(method, cseq, &hold).await;
        assert!(answer.contains(answered), "{answer}");
        if method == "INVITE" {
            call.acks(cseq, "").await;
        }
        phone.hears_nothing().await;
        let answer = call.asks("UPDATE", cseq + 1, &phone.sdp(Codec::Pcmu, "a=sendrecv\r\n")).await;
        assert!(answer.contains("a=sendrecv"), "{answer}");
        phone.hears(Codec::Pcmu).await;
        cseq += 2;
    }
    call.ends(cseq).await;
}

/// A re-INVITE without a description asks for our offer; its answer comes with the ACK (RFC 3261 §13.2.1).
#[tokio::test]
async fn an_answer_in_the_ack_moves_the_audio() {
    let (first, second) = (Phone::new().await, Phone::new().await);
    let mut call = Call::answered(&first, None).await;
    let offer = call.asks("INVITE", 1, "").await;
    assert!(offer.contains("RTP/AVP 0 8 101\r\n"), "{offer}");
    call.acks(1, &second.sdp(Codec::Pcma, "")).await;
    second.hears(Codec::Pcma).await;
    first.hears_nothing().await;
    call.ends(2).await;
}
