//! A bucket as S3 has them, as far as putting and getting goes: what was put is kept in memory.

use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

#[derive(Default)]
struct Kept {
    parts: BTreeMap<(String, u32), Bytes>,
    whole: HashMap<String, Vec<u8>>,
}

/// Serves until it is dropped.
pub struct Bucket {
    kept: Arc<Mutex<Kept>>,
    serving: JoinHandle<()>,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Bucket {
    /// Serves on this port of loopback.
    pub async fn start(port: u16) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let listener = listener.await.expect("the port is free");
        let app = Router::new().fallback(serve).with_state(kept.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { kept, serving }
    }

    /// The names of what is kept, with bucket and prefix.
    pub fn names(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.whole.keys().cloned().collect()
    }
}

async fn serve(
    State(kept): State<Arc<Mutex<Kept>>>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let name = uri.path().trim_start_matches('/').to_owned();
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let part = query.get("partNumber").and_then(|part| part.parse().ok());
    match (method, part) {
        (Method::POST, None) if query.contains_key("uploads") => {
            "<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>"
                .into_response()
        }
        (Method::PUT, Some(part)) => {
            kept.parts.insert((name, part), body);
            [(header::ETAG, format!("\"{part}\""))].into_response()
        }
        (Method::POST, None) if query.contains_key("uploadId") => {
            let mut whole = Vec::new();
            kept.parts.retain(|(of, _), part| {
                if *of == name {
                    whole.extend_from_slice(part);
                }
                *of != name
            });
            kept.whole.insert(name, whole);
            "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>"
                .into_response()
        }
        (Method::GET, None) => match kept.whole.get(&name) {
            Some(whole) => {
                let headers =
                    [(header::ETAG, "\"whole\""), (header::LAST_MODIFIED, "Sun, 22 Nov 2026 10:00:00 GMT")];
                (headers, whole.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}
