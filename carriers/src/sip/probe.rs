//! Asks the far end whether it is there: OPTIONS outside a dialog (RFC 3261 §11).

use std::{net::SocketAddr, time::Duration};

use tokio::time::timeout;

use super::{
    SipCarrier, attempt,
    digest::Answers,
    leg::{self, Leg},
};

/// A peer that takes longer to say what it can do would be of no use for calls. Several targets of a trunk share it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Any final response shows that somebody is there, but for those that say we would not be served.
pub(super) async fn probe(carrier: &SipCarrier) -> Result<(), &'static str> {
    if let Some(registrar) = &carrier.registrar {
        registrar.probe(PATIENCE).await?;
    }
    ask(carrier).await.and_then(judge)
}

/// 501: the far end does not know OPTIONS (§21.5.2), but it knows that.
fn judge(code: u16) -> Result<(), &'static str> {
    match code {
        401 | 407 => Err("auth"),
        403 => Err("forbidden"),
        408 | 500 | 502..=599 => Err("network"),
        _ => Ok(()),
    }
}

/// The status of the final response of the first target of the trunk that can be reached.
async fn ask(carrier: &SipCarrier) -> Result<u16, &'static str> {
    let targets = carrier.targets().await.map_err(|error| {
        tracing::warn!(%error, host = carrier.trunk.host, "the host of a SIP trunk that is asked whether it is there has no address");
        "network"
    })?;
    let patience = PATIENCE / targets.len().max(1) as u32;
    let mut answer = Err("network");
    for peer in targets {
        answer = timeout(patience, ask_at(carrier, peer)).await.unwrap_or(Err("trunk_silent"));
        if answer.is_ok() {
            break;
        }
        carrier.hosts.avoid(peer);
    }
    answer
}

/// The status of the final response, after proving who we are as often as that helps.
async fn ask_at(carrier: &SipCarrier, peer: SocketAddr) -> Result<u16, &'static str> {
    let station = &carrier.stations[0];
    let local = station.seen_by(peer).map_err(|_| "network")?;
    let call_id = format!("{:032x}@ringfleet", rand::random::<u128>());
    let domain = attempt::domain(&carrier.trunk);
    let user = carrier.trunk.username.as_deref().unwrap_or("anonymous");
    let scheme = attempt::scheme(&carrier.trunk);
    let uri = format!("{scheme}:{domain}");
    let leg = Leg {
        branch: leg::branch(&call_id, 1),
        from_tag: format!("{:016x}", rand::random::<u64>()),
        call_id,
        cseq: 1,
        from: leg::address(scheme, user, &domain),
        to: format!("<{uri}>"),
        uri: leg::by_transport(uri, carrier.trunk.transport),
        local,
        peer,
        transport: carrier.trunk.transport,
        dialog: None,
    };
    let (credentials, mut answers, mut cseq) = (carrier.credentials(), Answers::default(), 1);
    loop {
        let request = leg.with_invite(cseq).options(&answers.headers()).map_err(|error| {
            tracing::warn!(%error, "the settings of a SIP trunk make no valid OPTIONS");
            "network"
        })?;
        let way = station.connect(leg.peer, leg.transport).await.map_err(|error| {
            tracing::warn!(%error, %peer, host = carrier.trunk.host, "no connection to the peer of a SIP trunk that is asked whether it is there");
            "network"
        })?;
        let response = station.ask(request.clone(), way).await.ok_or("trunk_silent")?;
        let code = response.status_code.code();
        match credentials.as_ref().filter(|_| matches!(code, 401 | 407)) {
            Some(credentials) if answers.take_up(&response, &request, credentials) => cseq += 1,
            _ => return Ok(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_is_there_unless_it_would_not_serve_us() {
        for code in [200, 202, 302, 404, 405, 420, 480, 481, 486, 501, 603] {
            assert_eq!(judge(code), Ok(()), "{code}");
        }
        assert_eq!([judge(401), judge(407), judge(403)], [Err("auth"), Err("auth"), Err("forbidden")]);
        for code in [408, 500, 502, 503, 504, 580] {
            assert_eq!(judge(code), Err("network"), "{code}");
        }
    }
}
