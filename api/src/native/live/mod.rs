//! What a page watches, as server-sent events: one stream a page.
//!
//! Each event is the whole state of what it is about, so a page that lost its connection has caught up with the first events of the next
//! one. Nothing is kept for those who are away, and nothing but the database and the fleet is asked.

mod topics;
mod watch;

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, Request, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream::BoxStream;
use ringfleet_core::{Action, CampaignId, Identity, UploadId};
use utoipa::openapi::{Content, ResponseBuilder};

use crate::{
    auth::{Allowed, Gate, may},
    error::{ApiError, Result},
    file::text,
    identity,
    openapi::{Answer, Draft, Part},
    query::{FromQuery, Parameters, Query},
};

use topics::Topic;
pub(crate) use watch::Desk;
use watch::{PULSE, Watch};

/// Tells nginx not to collect an answer (ngx_http_proxy_module, `proxy_buffering`).
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Most campaigns whose progress, and most uploads, one stream tells of.
const MOST_IDS: usize = 100;

/// `?campaign=`, `?progress=`, `?calls=`, `?fleet=` and `?uploads=`: what is watched.
pub(super) struct Topics(Vec<Topic>);

impl FromQuery for Topics {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        let mut topics = Vec::new();
        topics.extend(parameters.parse("campaign")?.map(Topic::Campaign));
        let progress: Vec<CampaignId> = ids(parameters, "progress")?;
        topics.extend((!progress.is_empty()).then_some(Topic::Progress(progress)));
        topics.extend(calls(parameters)?);
        topics.extend(parameters.parse::<bool>("fleet")?.filter(|wanted| *wanted).map(|_| Topic::Fleet));
        let uploads: Vec<UploadId> = ids(parameters, "uploads")?;
        topics.extend((!uploads.is_empty()).then_some(Topic::Uploads(uploads)));
        Ok(Self(topics))
    }
}

/// Ids with commas between them.
fn ids<T: std::str::FromStr<Err: std::fmt::Display>>(
    parameters: &mut Parameters,
    name: &str,
) -> Result<Vec<T>> {
    let Some(list) = parameters.take(name)? else { return Ok(Vec::new()) };
    let ids: Vec<T> = list
        .split(',')
        .map(|id| id.trim().parse().map_err(|error| ApiError::invalid(name, error)))
        .collect::<Result<_>>()?;
    match ids.len() <= MOST_IDS {
        true => Ok(ids),
        false => Err(ApiError::invalid(name, format!("names more than {MOST_IDS}"))),
    }
}

/// All live calls, or those of one campaign.
fn calls(parameters: &mut Parameters) -> Result<Option<Topic>> {
    Ok(match parameters.take("calls")?.as_deref() {
        None | Some("false") => None,
        Some("true") => Some(Topic::Calls(None)),
        Some(id) => Some(Topic::Calls(Some(
            id.parse().map_err(|error| ApiError::invalid("calls", format!("must be true, or: {error}")))?,
        ))),
    })
}

/// A stream of events.
pub(super) struct Stream(BoxStream<'static, Result<Event, Infallible>>);

impl IntoResponse for Stream {
    fn into_response(self) -> Response {
        // Numbers are in it, so nobody keeps it; and a proxy that collects an answer before it passes it on (nginx) would tell nothing.
        let headers = [(header::CACHE_CONTROL, "no-store"), (UNBUFFERED, "no")];
        let events = Sse::new(self.0).keep_alive(KeepAlive::new().interval(PULSE));
        (headers, events).into_response()
    }
}

impl Answer for Stream {
    fn describe(draft: &mut Draft, status: u16) {
        let events = Content::new(Some(text()));
        let answer = ResponseBuilder::new()
            .description("Events `campaign`, `progress`, `calls`, `fleet` and `uploads`, each with the whole of what it is about as JSON.")
            .content("text/event-stream", events);
        draft.answers(status, answer.build());
        topics::describe(draft);
    }
}

/// `GET /live`: what is watched, now and whenever it has changed.
pub(super) async fn stream(
    door: Allowed<may::Read>,
    shown: Shown,
    Query(Topics(topics)): Query<Topics>,
) -> Result<Stream> {
    if topics.is_empty() {
        let problem = "say what is to be watched: campaign, progress, calls, fleet or uploads";
        return Err(ApiError::invalid("campaign", problem));
    }
    if topics.contains(&Topic::Fleet) && !door.identity().may(Action::SeeFleet) {
        return Err(ApiError::forbidden(door.identity(), Action::SeeFleet));
    }
    let watch = Watch::begin(door.into_gate(), shown, topics).await?;
    Ok(Stream(Box::pin(watch.events())))
}

/// What the request has shown of who asks: it is looked at again while the stream lasts.
pub(super) struct Shown(Parts);

impl Shown {
    /// Who it is now.
    async fn who(&mut self, gate: &Gate) -> Result<Identity> {
        self.0.extensions.clear(); // or it would be who it was
        identity::of(&mut self.0, gate).await
    }
}

impl FromRequestParts<Gate> for Shown {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Infallible> {
        let (mut kept, ()) = Request::new(()).into_parts();
        kept.headers = parts.headers.clone();
        Ok(Self(kept))
    }
}

impl Part for Shown {
    fn describe(_: &mut Draft) {}
}
