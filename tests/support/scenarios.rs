//! Scenarios for sipp as the called party (the XML of sipp's reference documentation), put together from small pieces.

/// A script of steps for one call; [`Scenario::xml`] makes the file.
#[derive(Default)]
pub struct Scenario {
    steps: String,
}

/// What every response repeats from the request.
const ECHOED: &str =
    "[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]peer[call_number]\n[last_Call-ID:]\n[last_CSeq:]";

/// G.711 µ-law on sipp's media port.
const BODY: &str = "v=0\no=peer 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n\
                    m=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\n";

/// Keeps the two ends of the dialog for a BYE of ours; `Reference` tells sipp that not every scenario needs them.
const ACK_THAT_NAMES_BOTH_ENDS: &str = r#"<recv request="ACK"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="us"/>
</action></recv>
<Reference variables="caller,us"/>
"#;

impl Scenario {
    /// Waits for the call.
    pub fn called() -> Self {
        let mut scenario = Self::default();
        scenario.steps += "<recv request=\"INVITE\" rrs=\"true\"/>\n";
        scenario
    }

    /// Challenges the call with digest (RFC 2617, MD5) and goes on when the caller proves who it is; a wrong answer to
    /// the challenge gets 403 and the call is over. `status` is 401 or 407; sipp can verify the password only for 401,
    /// for 407 it looks at the user's name.
    pub fn challenged(status: u16, user: &str, password: &str) -> Self {
        let (header, name, proof) = match status {
            407 => (
                "Proxy-Authenticate",
                "Proxy Authentication Required",
                format!(
                    "<ereg regexp=\"username=.{user}.\" search_in=\"hdr\" header=\"Proxy-Authorization:\" \
                     assign_to=\"proved\"/>"
                ),
            ),
            _ => (
                "WWW-Authenticate",
                "Unauthorized",
                format!("<verifyauth assign_to=\"proved\" username=\"{user}\" password=\"{password}\"/>"),
            ),
        };
        let challenge = format!(
            r#"{header}: Digest realm="peer", nonce="[pid][call_number]", algorithm=MD5, qop="auth""#
        );
        let mut scenario = Self::called().refuse_with(status, name, &challenge);
        scenario.steps += &format!("<recv request=\"INVITE\" rrs=\"true\"><action>{proof}</action></recv>\n");
        scenario.steps += "<nop hide=\"true\" test=\"proved\" next=\"proved\"/>\n";
        scenario = scenario.refuse(403, "Forbidden");
        scenario.steps += "<nop hide=\"true\" next=\"over\"/>\n<label id=\"proved\"/>\n";
        scenario
    }

    /// 180 for so long.
    pub fn ring(self, ms: u32) -> Self {
        self.respond(180, "Ringing", "", "").pause(ms)
    }

    /// 200 with SDP, and the caller's ACK.
    pub fn answer(self) -> Self {
        let contact = "Contact: <sip:peer@[local_ip]:[local_port];transport=[transport]>\nContent-Type: application/sdp";
        let mut scenario = self.respond(200, "OK", contact, BODY);
        scenario.steps += ACK_THAT_NAMES_BOTH_ENDS;
        scenario
    }

    /// Waits for the caller to hang up.
    pub fn until_bye(self) -> Self {
        self.receive("BYE").respond(200, "OK", "", "")
    }

    /// Hangs up after so long. Needs [`Scenario::answer`] before it.
    pub fn hang_up_after(self, ms: u32) -> Self {
        let mut scenario = self.pause(ms);
        let request = "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
                       From:[$us]\nTo:[$caller]\nCall-ID: [call_id]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n";
        scenario.steps += &format!("<send retrans=\"500\"><![CDATA[\n{request}\n]]></send>\n");
        scenario.steps += "<recv response=\"200\"/>\n";
        scenario
    }

    /// Refuses the call.
    pub fn refuse(self, status: u16, reason: &str) -> Self {
        self.refuse_with(status, reason, "")
    }

    /// Refuses the call with one more header line, such as `Retry-After: 2`.
    pub fn refuse_with(self, status: u16, reason: &str, header: &str) -> Self {
        self.respond(status, reason, header, "").receive("ACK")
    }

    /// Rings until the caller cancels (RFC 3261, 9.2: 200 for the CANCEL, 487 for the INVITE).
    pub fn until_cancel(self) -> Self {
        let mut scenario = self.respond(180, "Ringing", "", "").receive("CANCEL").respond(200, "OK", "", "");
        let cancelled = "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]peer[call_number]\n\
                         [last_Call-ID:]\nCSeq: [last_cseq_number] INVITE\nContent-Length: 0\n";
        scenario.steps += &format!("<send><![CDATA[\n{cancelled}\n]]></send>\n");
        scenario.receive("ACK")
    }

    /// Says nothing for so long.
    pub fn pause(mut self, ms: u32) -> Self {
        self.steps += &format!("<pause milliseconds=\"{ms}\"/>\n");
        self
    }

    /// The scenario as sipp reads it.
    pub fn xml(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"peer\">\n{}<label id=\"over\"/>\n\
             <timewait milliseconds=\"1000\"/>\n</scenario>\n",
            self.steps
        )
    }

    fn receive(mut self, request: &str) -> Self {
        self.steps += &format!("<recv request=\"{request}\"/>\n");
        self
    }

    fn respond(mut self, status: u16, reason: &str, headers: &str, body: &str) -> Self {
        let mut lines = vec![format!("SIP/2.0 {status} {reason}"), ECHOED.to_owned()];
        lines.extend((!headers.is_empty()).then(|| headers.to_owned()));
        lines.push("Content-Length: [len]".to_owned());
        // Only a 200 to the INVITE is sent again until its ACK arrives; for the rest the caller repeats the request.
        let again = if body.is_empty() { "" } else { " retrans=\"500\"" };
        self.steps += &format!("<send{again}><![CDATA[\n{}\n\n{body}\n]]></send>\n", lines.join("\n"));
        self
    }
}
