//! What a client still sends when its request has been refused already.
//!
//! Closed on, such a client loses the answer: its next write meets a reset, which throws away what it has not read yet. So
//! the rest of a body is read and thrown away for a while.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
};
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;

/// How long the rest of a body is read. By then a client has seen the answer, or is not looking.
const PATIENCE: Duration = Duration::from_secs(10);

/// The request with a body that is read on when nobody wants it any more.
pub(crate) fn lingering(request: Request) -> Request {
    // A client that asks first (RFC 9110 §10.1.1) sends nothing unless its body is read.
    let asks_first = request.headers().contains_key(header::EXPECT);
    request.map(|body| Body::new(Lingering { body, wanted: !asks_first, is_over: false }))
}

struct Lingering {
    body: Body,
    /// The client sends, or has been asked to.
    wanted: bool,
    is_over: bool,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.wanted = true;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.is_over |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.is_over || !self.wanted || self.body.is_end_stream() {
            return;
        }
        let body = mem::take(&mut self.body);
        // Without a runtime there is no client either.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(PATIENCE, throw_away(body)));
        }
    }
}

async fn throw_away(mut body: Body) {
    while let Some(Ok(_)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
}
