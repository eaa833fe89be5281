//! The HTTP API as a client with one key sees it.

use reqwest::{Body, Client, Method, RequestBuilder};
use serde_json::Value;

/// A client of the native API with a base URL and a key.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
    key: String,
}

impl Api {
    /// `base` is an origin such as `http://127.0.0.1:8080`.
    pub fn new(base: &str, key: &str) -> Self {
        // Another client of this process may have chosen already; it has chosen the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().expect("the client needs nothing from outside");
        Self { client, base: base.trim_end_matches('/').to_owned(), key: key.to_owned() }
    }

    /// The same server seen with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Posts a CSV file as `text/csv`.
    pub async fn post_csv(&self, path: &str, csv: impl Into<Body>) -> (u16, Value) {
        send(self.request(Method::POST, path).header("content-type", "text/csv").body(csv)).await
    }

    /// Fetches what is not JSON.
    pub async fn get_text(&self, path: &str) -> (u16, String) {
        let response =
            self.request(Method::GET, path).send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = response.status().as_u16();
        (status, response.text().await.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// A request with the key set, for whatever the other methods do not offer.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }
}

/// Status and body; an empty body is `null`, and one that is not JSON is a string.
async fn send(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error}"));
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap_or_else(|error| panic!("half an answer: {error}"));
    let value = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
    };
    (status, value)
}
