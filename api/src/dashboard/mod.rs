//! The dashboard: files of `dashboard/dist`, kept in the binary, or read from that folder by a debug build without the feature `embed`.
//! `dashboard/README.md` says how they are made.
//!
//! A file is served under its name, and the first page wherever a browser asks for a page and the API has none, for the dashboard finds its
//! pages by itself. A program that asks for an unknown path gets the API's 404 as ever. A binary that was built without Node says
//! instead how to get the dashboard.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use rust_embed::Embed;

use crate::error::ApiError;

/// What was built, or nothing.
#[derive(Embed)]
#[folder = "../dashboard/dist"]
#[allow_missing = true]
struct Built;

/// First segments of paths that belong to programs: whatever asks there wants no page.
const OF_PROGRAMS: [&str; 13] = [
    "api",
    "assets",
    "callbacks",
    "docs",
    "files",
    "healthz",
    "metrics",
    "openapi.json",
    "readyz",
    "unsubscribe",
    "v1",
    "v2",
    "webhook",
];
/// Where the build puts files whose names change with what is in them.
const HASHED: &str = "assets/";
const FIRST_PAGE: &str = "index.html";
const ABSENT: &[u8] = include_bytes!("absent.html");

/// Scripts, styles and data of this server only. Recordings are fetched with the key of whoever listens and played from memory (`blob:`).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
/// A hashed name never means anything else: RFC 8246.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Asked for each time, since it names the files of its version.
const ANEW: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers whatever is none of the API's endpoints.
pub(crate) async fn or_no_such_route(request: Request) -> Response {
    let built = |name: &str| {
        Built::get(name).map(|file| match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => bytes.into(),
        })
    };
    match answer(built, request.method(), request.uri().path(), request.headers()) {
        Some(found) => found,
        None => ApiError::no_such_route().into_response(),
    }
}

/// A file of the dashboard, or its first page; none where it has no business.
fn answer(
    files: impl Fn(&str) -> Option<Bytes>,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    let name = path.trim_start_matches('/');
    if name != FIRST_PAGE
        && let Some(found) = file(&files, name, headers)
    {
        return Some(found);
    }
    let first = name.split('/').next().unwrap_or_default();
    if OF_PROGRAMS.contains(&first) || !wants_a_page(headers) {
        return None;
    }
    let page = file(&files, FIRST_PAGE, headers);
    Some(page.unwrap_or_else(|| sent(FIRST_PAGE, Bytes::from_static(ABSENT), None)))
}

/// A file by its name, compressed where that is at hand and understood.
fn file(files: impl Fn(&str) -> Option<Bytes>, name: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = Some(name).filter(|name| is_ours(name)).and_then(&files)?;
    let compressed = files(&format!("{name}.br")).filter(|_| understands_brotli(headers));
    Some(match compressed {
        Some(bytes) => sent(name, bytes, Some(HeaderValue::from_static("br"))),
        None => sent(name, plain, None),
    })
}

fn sent(name: &str, bytes: Bytes, encoding: Option<HeaderValue>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(kind(name).unwrap_or("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::CACHE_CONTROL, if name.starts_with(HASHED) { FOR_GOOD } else { ANEW });
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    response
}

/// Whether the build may have made it. Nothing else is looked for: a name could lead out of the folder.
fn is_ours(name: &str) -> bool {
    kind(name).is_some() && name.split(['/', '\\']).all(|part| !part.is_empty() && !part.starts_with('.'))
}

/// What a file is, by its name: the kinds that the build makes.
fn kind(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" => "application/json",
        _ => return None,
    })
}

/// Browsers name HTML when somebody opens an address; programs do not.
fn wants_a_page(headers: &HeaderMap) -> bool {
    offered(headers, header::ACCEPT).any(|(kind, _)| kind.eq_ignore_ascii_case("text/html"))
}

/// RFC 9110 §12.5.3: a weight of 0 refuses it.
fn understands_brotli(headers: &HeaderMap) -> bool {
    offered(headers, header::ACCEPT_ENCODING).any(|(coding, parameters)| {
        let weight = parameters.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
        coding.eq_ignore_ascii_case("br") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// What a header offers, each with its parameters.
fn offered(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|offer| {
        let (value, parameters) = offer.split_once(';').unwrap_or((offer, ""));
        (value.trim(), parameters)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    fn built(name: &str) -> Option<Bytes> {
        let text = match name {
            "index.html" => "<title>first page</title>",
            "assets/a-1.js" => "plain script",
            "assets/a-1.js.br" => "small script",
            "icon.svg" => "<svg/>",
            "secret.pem" => "nothing to serve",
            _ => return None,
        };
        Some(Bytes::from(text))
    }

    fn asked(accept: &str, encoding: &str) -> HeaderMap {
        let pairs = [(header::ACCEPT, accept), (header::ACCEPT_ENCODING, encoding)];
        pairs.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect()
    }

    async fn get(path: &str, headers: &HeaderMap) -> Option<(HeaderMap, String)> {
        let response = answer(built, &Method::GET, path, headers)?;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1_000).await.unwrap();
        Some((parts.headers, String::from_utf8(body.to_vec()).unwrap()))
    }

    #[tokio::test]
    async fn files_are_served_small_and_for_good_where_that_is_understood() {
        for (encoding, expected) in
            [("gzip, br", "small script"), ("br;q=0, gzip", "plain script"), ("", "plain script")]
        {
            let (headers, body) = get("/assets/a-1.js", &asked("*/*", encoding)).await.unwrap();
            assert_eq!(body, expected, "{encoding}");
            assert_eq!(headers.get(header::CONTENT_ENCODING).is_some(), expected.starts_with("small"));
            assert_eq!(headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(headers[header::CACHE_CONTROL], FOR_GOOD);
        }
        let (headers, _) = get("/icon.svg", &asked("image/*", "br")).await.unwrap();
        assert_eq!(
            (&headers[header::CONTENT_TYPE], &headers[header::CACHE_CONTROL]),
            (&"image/svg+xml".parse().unwrap(), &ANEW)
        );
    }

    #[tokio::test]
    async fn a_browser_gets_the_first_page_wherever_the_api_has_nothing() {
        for path in
            ["/", "/campaigns", "/campaigns/cmp_1/recipients", "/webhooks", "/index.html", "/secret.pem"]
        {
            let (headers, body) = get(path, &asked(BROWSER, "")).await.unwrap();
            assert_eq!(body, "<title>first page</title>", "{path}");
            assert_eq!(headers[header::CACHE_CONTROL], ANEW);
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY);
        }
    }

    #[tokio::test]
    async fn programs_and_the_apis_own_paths_get_no_page() {
        for accept in ["*/*", "application/json", ""] {
            assert!(get("/campaigns", &asked(accept, "br")).await.is_none(), "{accept}");
        }
        for path in [
            "/api/v1/nothing",
            "/v1/x",
            "/v2/x",
            "/files/x",
            "/callbacks/x",
            "/webhook/x",
            "/docs/x",
            "/metrics",
            "/assets/old.js",
        ] {
            assert!(get(path, &asked(BROWSER, "br")).await.is_none(), "{path}");
        }
        assert!(answer(built, &Method::POST, "/campaigns", &asked(BROWSER, "")).is_none());
    }

    #[tokio::test]
    async fn nothing_is_looked_for_that_the_build_has_not_made() {
        let files = |name: &str| -> Option<Bytes> {
            assert_eq!(name, FIRST_PAGE, "only that is looked for");
            None
        };
        for path in [
            "/../secret.json",
            "/assets/../../secret.json",
            "/..\\..\\secret.json",
            "/./a.js",
            "/.git/a.json",
            "/../../../../proc/self/exe",
            "/secret.pem",
        ] {
            answer(files, &Method::GET, path, &asked(BROWSER, "br"));
        }
    }

    #[tokio::test]
    async fn without_a_build_it_says_how_to_get_one() {
        let response = answer(|_| None, &Method::GET, "/campaigns", &asked(BROWSER, "br")).unwrap();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("npm ci"), "{body:?}");
    }
}
