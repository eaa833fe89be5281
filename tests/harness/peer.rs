//! sipp as the far end of a trunk.

use std::fs;

use crate::support::{
    SOON, eventually, free_port, guard, process::Process, scenarios::Scenario, sipp::SippPeer,
};

/// sipp's built-in caller: it wants to be answered, and hangs up.
const ANSWERED: &[&str] = &["-sn", "uac"];

/// What sipp ends with when somebody else has its port.
const NO_PORT: Option<i32> = Some(254);

/// Places `calls` calls with sipp and returns its exit status: 0 only if all went as its scenario says. `args` name
/// the scenario.
async fn place(peer: &SippPeer, user: &str, calls: u32, args: &[&str]) -> Option<i32> {
    let (to, calls) = (peer.addr.to_string(), calls.to_string());
    for _ in 0..5 {
        let port = free_port().to_string();
        let mut caller = vec![&*to, "-s", user, "-i", "127.0.0.1", "-p", &port, "-m", &calls];
        caller.extend(["-r", "50", "-d", "10", "-nostdin", "-recv_timeout", "15000", "-timeout", "45"]);
        caller.extend(args);
        let status = Process::spawn_program("sipp", &caller, &[]).wait_exit(SOON).await.code();
        if status != NO_PORT {
            return status;
        }
    }
    NO_PORT
}

#[tokio::test]
async fn the_peer_answers_and_counts_its_calls() {
    let peer = SippPeer::start(&Scenario::called().ring(20).answer().until_bye().xml(), &[]).await;
    let (one, other) =
        tokio::join!(place(&peer, "4915550100", 3, ANSWERED), place(&peer, "4915550101", 2, ANSWERED));
    assert_eq!((one, other), (Some(0), Some(0)));
    assert_eq!(peer.calls_by_user(), [("4915550100".into(), 3), ("4915550101".into(), 2)].into());
    assert_eq!(peer.invites().len(), 5);
    assert_eq!(peer.calls_with("BYE"), 5);
    assert_eq!(peer.calls_with("CANCEL"), 0);
}

#[tokio::test]
async fn the_peer_listens_on_tcp_too() {
    let peer = SippPeer::start(&Scenario::called().answer().until_bye().xml(), &["-t", "t1"]).await;
    assert_eq!(place(&peer, "4915550100", 1, &["-sn", "uac", "-t", "t1"]).await, Some(0));
    assert_eq!(peer.invites().len(), 1);
}

#[tokio::test]
async fn the_peer_refuses() {
    let peer =
        SippPeer::start(&Scenario::called().refuse_with(503, "Busy", "Retry-After: 2").xml(), &[]).await;
    assert_eq!(place(&peer, "4915550100", 1, ANSWERED).await, Some(1));
    assert_eq!(peer.invites().len(), 1);
    eventually(SOON, "the ACK", async || (peer.calls_with("ACK") == 1).then_some(())).await;
}

#[tokio::test]
async fn the_peer_rings_until_the_caller_cancels() {
    let peer = SippPeer::start(&Scenario::called().until_cancel().xml(), &[]).await;
    let caller = Caller::of(&[
        &request("INVITE", 1, "", ""),
        r#"<recv response="180"/>"#,
        // A CANCEL belongs to the transaction of its INVITE, so it has the same branch: two messages back.
        &request("CANCEL", 1, "", "").replace("[branch]", "[branch-2]"),
        r#"<recv response="200"/><recv response="487"/>"#,
        &request("ACK", 1, "[peer_tag_param]", "").replace("[branch]", "[branch-5]"),
    ]);
    assert_eq!(place(&peer, "4915550106", 1, &caller.args()).await, Some(0));
    assert_eq!(peer.calls_with("CANCEL"), 1);
    eventually(SOON, "the ACK", async || (peer.calls_with("ACK") == 1).then_some(())).await;
}

#[tokio::test]
async fn the_peer_hangs_up() {
    let peer = SippPeer::start(&Scenario::called().answer().hang_up_after(20).xml(), &[]).await;
    let ok = "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0";
    let caller = Caller::of(&[
        &request("INVITE", 1, "", ""),
        r#"<recv response="200"/>"#,
        &request("ACK", 1, "[peer_tag_param]", ""),
        r#"<recv request="BYE"/>"#,
        &format!("<send><![CDATA[\n{ok}\n\n]]></send>"),
    ]);
    assert_eq!(place(&peer, "4915550100", 1, &caller.args()).await, Some(0));
    assert_eq!(peer.calls_with("BYE"), 0, "it was the peer that said goodbye");
}

#[tokio::test]
async fn the_peer_challenges_by_digest() {
    // With 407 sipp knows the name, not the password: the second call proves itself by another user.
    for (status, wrong) in [(401, ["alice", "looking-glass"]), (407, ["bob", "wonderland"])] {
        let scenario = Scenario::challenged(status, "alice", "wonderland").answer().until_bye().xml();
        let peer = SippPeer::start(&scenario, &[]).await;
        let caller = Caller::of(&[
            &request("INVITE", 1, "", ""),
            &format!("<recv response=\"{status}\" auth=\"true\"/>"),
            &request("ACK", 1, "[peer_tag_param]", ""),
            &request("INVITE", 2, "", "[authentication]\n"),
            r#"<recv response="200"/>"#,
            &request("ACK", 2, "[peer_tag_param]", ""),
            &request("BYE", 3, "[peer_tag_param]", ""),
            r#"<recv response="200"/>"#,
        ]);
        let with = |[user, password]: [&'static str; 2]| {
            [&caller.args()[..], &["-au", user, "-ap", password]].concat()
        };
        assert_eq!(place(&peer, "4915550100", 1, &with(["alice", "wonderland"])).await, Some(0));
        assert_eq!(place(&peer, "4915550101", 1, &with(wrong)).await, Some(1));
        assert_eq!(peer.calls_by_user(), [("4915550100".into(), 1), ("4915550101".into(), 1)].into());
        let authorized: Vec<bool> = peer.invites().iter().map(|invite| invite.authorized).collect();
        assert_eq!(authorized, [false, true, false, true]);
        assert_eq!(peer.calls_with("BYE"), 1);
    }
}

/// A scenario for sipp as the caller.
struct Caller {
    _folder: tempfile::TempDir,
    file: String,
}

impl Caller {
    fn of(steps: &[&str]) -> Self {
        let folder = guard::folder();
        let file = folder.path().join("caller.xml");
        let xml = format!(
            "<?xml version=\"1.0\"?>\n<scenario name=\"caller\">\n{}\n</scenario>\n",
            steps.join("\n")
        );
        fs::write(&file, xml).expect("the folder is writable");
        Self { file: file.to_str().expect("a plain path").to_owned(), _folder: folder }
    }

    /// By default a caller that gives up sends a BYE of its own accord.
    fn args(&self) -> [&str; 4] {
        ["-default_behaviors", "all,-bye", "-sf", &self.file]
    }
}

/// One request of the caller; `to` is added to the To header, `more` are lines of the head.
fn request(method: &str, cseq: u32, to: &str, more: &str) -> String {
    format!(
        "<send><![CDATA[\n{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]caller[call_number]\n\
         To: <sip:[service]@[remote_ip]:[remote_port]>{to}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n\
         Contact: <sip:caller@[local_ip]:[local_port]>\nMax-Forwards: 70\n{more}Content-Length: 0\n\n]]></send>"
    )
}
