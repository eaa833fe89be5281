//! The task behind an INVITE: its transaction, until nothing about it can come any more (RFC 6026 §7.2).

use std::sync::Arc;

use rsipstack::{
    sip::{Response, SipMessage, StatusCodeKind},
    transaction::Transaction,
};
use tokio::{sync::mpsc::UnboundedSender, time::sleep};

use super::{
    digest::Credentials,
    leg::{self, Leg},
    line,
    station::Station,
};

/// Sends an INVITE and drives its transaction to the end, also after the call itself has ended: repeated 2xx must be
/// acknowledged, and an answer nobody waits for any more must be hung up, with the trunk's `credentials` where it asks for
/// them. The stack forbids to do this in a `select!`
/// that may be cancelled, so it is a task.
pub(super) async fn to_the_end(
    mut transaction: Transaction,
    heard: UnboundedSender<Response>,
    leg: Leg,
    station: Arc<Station>,
    credentials: Option<Credentials>,
) {
    if let Err(error) = transaction.send().await {
        tracing::warn!(%error, "the SIP stack refused an INVITE");
        return;
    }
    let listener = heard.clone();
    let abandoned = async {
        listener.closed().await;
        sleep(station.timeout()).await;
    };
    tokio::pin!(abandoned);
    let mut forks: Vec<Option<String>> = Vec::new();
    loop {
        let message = tokio::select! {
            message = transaction.receive() => message,
            () = &mut abandoned => return,
        };
        let response = match message {
            None => return,
            Some(SipMessage::Request(_)) => continue,
            Some(SipMessage::Response(response)) => response,
        };
        if response.status_code.kind() != StatusCodeKind::Successful {
            let _ = heard.send(response);
            continue;
        }
        let tag = leg::to_tag(&response);
        if forks.contains(&tag) {
            continue; // repeated; the transaction has acknowledged it again
        }
        let first = forks.is_empty();
        forks.push(tag);
        // One call is one conversation: of several forks that answer, the first is it (RFC 3261 §13.2.2.4).
        let unwanted =
            if first { heard.send(response).err().map(|refused| refused.0) } else { Some(response) };
        if let Some(leg) = unwanted.and_then(|response| leg.answered(&response)) {
            let (station, credentials) = (station.clone(), credentials.clone());
            tokio::spawn(async move { line::bye(&station, &leg, credentials.as_ref()).await });
        }
    }
}
