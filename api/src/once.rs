//! `Idempotency-Key`: a request with one is carried out once, however often it is sent.
//!
//! This layer reads what the request asks for and passes it on; [`crate::auth::Allowed`] claims the key once it knows that the
//! caller may, and the receipt of the change keeps the answer. Refusals are kept here, for they change nothing.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use ringfleet_core::WorkspaceId;
use ringfleet_engine::{Asked, Claim, Claimed, Engine, Fingerprint, KeptAnswer, Whole};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::{
    auth::Gate,
    error::{ApiError, Result},
    identity,
    json::read_body,
    upload::Upload,
};

const KEY: &str = "idempotency-key";
const KEY_LIMIT: usize = 255;
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// So long a request waits for its twin; less than the time limit of requests (30 s).
const PATIENCE: Duration = Duration::from_secs(25);
/// Longest refusal that is kept, in bytes; none is longer.
const REFUSAL_LIMIT: usize = 1024 * 1024;
/// Headers that belong to an answer and are kept with it.
const KEPT_HEADERS: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::ETAG, header::LOCATION, header::CONTENT_DISPOSITION];

/// A request with a key, on its way to whoever carries it out.
#[derive(Clone)]
pub(crate) struct Once(Arc<Inner>);

struct Inner {
    key: String,
    asked: Asked,
    /// What was seen of an uploaded list, before its end is known.
    flowing: Option<Arc<Mutex<Seen>>>,
    state: OnceLock<Taken>,
}

/// What was seen of a list that is read while it comes.
struct Seen {
    hasher: Sha256,
    /// Whether it was whole; none before its end.
    was_whole: Option<bool>,
}

/// What the claim came to.
enum Taken {
    Mine(Arc<Claim>),
    /// Done, if the list turns out to be the same.
    Perhaps(KeptAnswer, Vec<u8>),
}

/// Why a request is not carried out: it is refused, or has been before.
pub(crate) enum Refused {
    Error(ApiError),
    Replayed(Box<Response>),
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => error.into_response(),
            Self::Replayed(response) => *response,
        }
    }
}

/// The layer of requests whose body is read as a whole.
pub(crate) async fn once(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match prepare(&gate, request).await {
        Ok((request, None)) => next.run(request).await,
        Ok((request, Some(once))) => settle(&gate, once, next.run(request).await).await,
        Err(error) => error.into_response(),
    }
}

/// The layer of uploads, whose body is read while they are carried out.
pub(crate) async fn once_flowing(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let key = match given(&request) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    let once = Once::flowing(key, target_of(request.method(), request.uri()));
    request.extensions_mut().insert(once.clone());
    settle(&gate, once, next.run(request).await).await
}

async fn prepare(gate: &Gate, request: Request) -> Result<(Request, Option<Once>)> {
    let Some(key) = given(&request)? else { return Ok((request, None)) };
    let target = target_of(request.method(), request.uri());
    let (mut parts, body) = request.into_parts();
    identity::of(&mut parts, gate).await?; // nobody's body is read
    let read = Request::from_parts(parts.clone(), body);
    let body = read_body(read, gate.body_limit()).await?;
    let once = Once::whole(key, target, &body);
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(once.clone());
    Ok((request, Some(once)))
}

/// The key of a request that changes something.
fn given(request: &Request) -> Result<Option<String>> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(None);
    }
    let mut values = request.headers().get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::invalid("Idempotency-Key", "is given twice; give it once"));
    }
    let fits = |bytes: &[u8]| {
        (1..=KEY_LIMIT).contains(&bytes.len()) && bytes.iter().all(|b| (b' '..=b'~').contains(b))
    };
    match value.to_str() {
        Ok(key) if fits(key.as_bytes()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::invalid(
            "Idempotency-Key",
            format!("must be 1 to {KEY_LIMIT} printable ASCII characters; a random UUID does well"),
        )),
    }
}

fn target_of(method: &Method, uri: &Uri) -> Fingerprint {
    let target = uri.path_and_query().map_or(uri.path(), |target| target.as_str());
    Sha256::new().chain_update(method.as_str()).chain_update([0]).chain_update(target).finalize().into()
}

impl Once {
    fn whole(key: String, target: Fingerprint, body: &[u8]) -> Self {
        let whole = Sha256::new().chain_update(target).chain_update(body).finalize().into();
        let asked = Asked { target, whole: Whole::Known(whole) };
        Self(Arc::new(Inner { key, asked, flowing: None, state: OnceLock::new() }))
    }

    fn flowing(key: String, target: Fingerprint) -> Self {
        let seen = Seen { hasher: Sha256::new().chain_update(target), was_whole: None };
        let seen = Arc::new(Mutex::new(seen));
        let end = seen.clone();
        let whole = Whole::AtItsEnd(Arc::new(move || end.lock().hasher.clone().finalize().into()));
        let asked = Asked { target, whole };
        Self(Arc::new(Inner { key, asked, flowing: Some(seen), state: OnceLock::new() }))
    }

    /// Whether all of the request is known. What was read of a list that broke off, or of one that was refused before its end, tells nothing
    /// of the whole list, which may come next.
    fn is_known(&self) -> bool {
        self.0.flowing.as_ref().is_none_or(|seen| seen.lock().was_whole == Some(true))
    }

    /// Claims the request for the workspace, or gives the answer it has had already.
    pub(crate) async fn claim(
        &self,
        engine: &Engine,
        workspace: WorkspaceId,
    ) -> Result<Option<Arc<Claim>>, Refused> {
        let Inner { key, asked, flowing, state } = &*self.0;
        let claimed = engine.claim_request(workspace, key, asked.clone(), PATIENCE).await;
        let taken = match claimed.map_err(ApiError::from)? {
            Claimed::Mine(claim) => Taken::Mine(claim),
            Claimed::Answered(answer, fingerprint) if flowing.is_some() => {
                Taken::Perhaps(answer, fingerprint)
            }
            Claimed::Answered(answer, _) => return Err(Refused::Replayed(Box::new(replay(answer)))),
            Claimed::Differs => return Err(ApiError::key_reused().into()),
            Claimed::Busy => return Err(ApiError::request_in_progress().into()),
            Claimed::Unreadable => return Err(ApiError::answer_unreadable().into()),
        };
        let claim = match &taken {
            Taken::Mine(claim) => Some(claim.clone()),
            Taken::Perhaps(..) => None,
        };
        let _ = state.set(taken);
        Ok(claim)
    }

    /// The list of an upload, watched while it is read; of one that has been carried out already, read to its end and compared.
    pub(crate) async fn watch(&self, list: Upload) -> Result<Upload, Refused> {
        let Inner { asked, flowing, state, .. } = &*self.0;
        let Some(seen) = flowing else { return Ok(list) };
        let mut watched = Box::pin(Watched { list, seen: seen.clone() });
        let Some(Taken::Perhaps(answer, fingerprint)) = state.get() else { return Ok(watched) };
        let mut buffer = vec![0; 64 * 1024];
        let broke = |error| ApiError::broken_upload(format!("the upload broke off: {error}"));
        while watched.read(&mut buffer).await.map_err(broke)? > 0 {}
        match asked.fingerprint().as_slice() == fingerprint.as_slice() {
            true => Err(Refused::Replayed(Box::new(replay(answer.clone())))),
            false => Err(ApiError::key_reused().into()),
        }
    }
}

/// A list whose bytes are hashed as they are read.
struct Watched {
    list: Upload,
    seen: Arc<Mutex<Seen>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let polled = self.list.as_mut().poll_read(cx, buffer);
        let read = &buffer.filled()[before..];
        let mut seen = self.seen.lock();
        seen.hasher.update(read);
        match &polled {
            // What comes after a break is no end.
            Poll::Ready(Ok(())) if read.is_empty() && room > 0 => _ = seen.was_whole.get_or_insert(true),
            Poll::Ready(Err(_)) => _ = seen.was_whole.get_or_insert(false),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        drop(seen);
        polled
    }
}

/// Keeps a refusal, and replaces what another process has carried out meanwhile.
async fn settle(gate: &Gate, once: Once, response: Response) -> Response {
    let Some(Taken::Mine(claim)) = once.0.state.get() else { return response };
    if claim.is_lost() {
        return answer_of_the_other(gate, &once).await;
    }
    let status = response.status();
    if claim.is_kept() || !is_final(status) || !once.is_known() {
        return response; // what is not kept is given back with the claim
    }
    if status.is_success() {
        tracing::error!("a change was answered without a receipt");
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, REFUSAL_LIMIT).await else { return ApiError::internal().into_response() };
    let answer = kept_answer(parts.status, &parts.headers, &body);
    if let Err(error) = claim.refuse(&answer).await {
        tracing::warn!(%error, "a refusal could not be kept; the request can be sent again");
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// Whether the same request would be answered the same for ever.
fn is_final(status: StatusCode) -> bool {
    let may_pass = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !may_pass.contains(&status)
}

async fn answer_of_the_other(gate: &Gate, once: &Once) -> Response {
    let Inner { key, asked, .. } = &*once.0;
    let Some(Taken::Mine(claim)) = once.0.state.get() else { return ApiError::internal().into_response() };
    if !once.is_known() {
        return ApiError::request_in_progress().into_response();
    }
    let found = gate.engine().claim_request(claim.workspace(), key, asked.clone(), PATIENCE).await;
    match found {
        Ok(Claimed::Answered(answer, fingerprint))
            if fingerprint.as_slice() == asked.fingerprint().as_slice() =>
        {
            replay(answer)
        }
        Ok(Claimed::Answered(..) | Claimed::Differs) => ApiError::key_reused().into_response(),
        Ok(Claimed::Busy | Claimed::Mine(_)) => ApiError::request_in_progress().into_response(),
        Ok(Claimed::Unreadable) => ApiError::answer_unreadable().into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// An answer as it can be given again.
pub(crate) fn kept_answer(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> KeptAnswer {
    let kept = KEPT_HEADERS.iter().filter_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    KeptAnswer { status: status.as_u16(), headers: kept.collect(), body: body.to_vec() }
}

/// The response of an answer that was kept.
pub(crate) fn response_of(answer: KeptAnswer) -> Response {
    let mut response = Body::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn replay(answer: KeptAnswer) -> Response {
    let mut response = response_of(answer);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
