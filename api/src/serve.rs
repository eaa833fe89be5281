//! The server: takes connections until it is told to stop.

use std::{io, time::Duration};

use axum::{
    http::Request,
    serve::{Listener, ListenerExt},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use ringfleet_engine::Engine;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;

use crate::{ApiSettings, client::Peer, router};

/// Answers requests until `stop` is cancelled, then lets open ones end within the drain time.
///
/// # Errors
///
/// When the listener cannot be used at all. Trouble with single connections is theirs.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    settings: ApiSettings,
    stop: CancellationToken,
) -> io::Result<()> {
    listener.local_addr()?;
    let mut listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let (http, drain) = (protocol(settings.head_patience), settings.drain);
    let router = router(engine, ApiSettings { closing: stop.clone(), ..settings });
    let open = GracefulShutdown::new();
    while let Some((connection, peer)) = stop.run_until_cancelled(listener.accept()).await {
        let service = MapRequest::new(router.clone(), move |mut request: Request<_>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let connection = http.serve_connection(TokioIo::new(connection), TowerToHyperService::new(service));
        // It ends in an error when the client goes away or speaks no HTTP: nothing to tell.
        tokio::spawn(open.watch(connection));
    }
    drop(listener);
    if tokio::time::timeout(drain, open.shutdown()).await.is_err() {
        tracing::warn!(seconds = drain.as_secs(), "some requests were still open and are cut off");
    }
    Ok(())
}

/// HTTP/1.1 whose clients have to come to the point: one that takes longer to say what it wants is hung up on, else a few
/// hundred of them would use up the connections of everybody.
fn protocol(head_patience: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_patience);
    http
}
