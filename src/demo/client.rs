//! A thin client of the HTTP API: paths under `/api/v1`, its envelope, and its errors as sentences.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::Path};

use reqwest::{Body, Client as Http, RequestBuilder, Response, header::CONTENT_TYPE};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{fs::File, io::AsyncWriteExt};

use crate::process::Failure;

/// Speaks with one server under one key.
pub struct Client {
    http: Http,
    base: String,
    key: String,
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum ApiError {
    /// The server refused; its own words, which say what to do.
    Refused(String),
    /// There was no answer, none that can be read, or one that says to try again.
    Broken(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(words) | Self::Broken(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for ApiError {}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        Self::Broken(ringfleet_core::with_causes(&error))
    }
}

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    message: Option<String>,
}

/// Anything that was made: its id.
#[derive(Debug, Deserialize)]
pub struct Made {
    pub id: String,
}

/// A webhook endpoint just made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub signing_secret: String,
}

/// A campaign, as far as the demo looks at it.
#[derive(Debug, Deserialize)]
pub struct Campaign {
    pub status: String,
    pub reason: Option<String>,
}

/// An import that is over.
#[derive(Debug, Clone, Deserialize)]
pub struct Import {
    pub id: String,
    pub rows: u64,
    pub accepted: u64,
    pub rejected: u64,
}

/// A campaign in figures.
#[derive(Debug, Clone, Deserialize)]
pub struct Stats {
    pub status: String,
    pub recipients: RecipientStats,
    pub calls: CallStats,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipientStats {
    pub total: u64,
    pub done: u64,
    pub by_disposition: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStats {
    /// Calls that are over.
    pub ended: u64,
    /// Calls begun and not answered yet.
    pub ringing: u64,
    /// Calls answered and not over.
    pub talking: u64,
    pub by_outcome: BTreeMap<String, u64>,
}

impl Client {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(server: SocketAddr, key: String) -> Result<Self, Failure> {
        // The server is in this process: a proxy of the environment is not on the way.
        let http = Http::builder().no_proxy().build()?;
        Ok(Self { http, base: format!("http://{server}/api/v1"), key })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        read(self.send(self.http.get(self.url(path))).await?).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ApiError> {
        read(self.send(self.http.post(self.url(path)).json(body)).await?).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ApiError> {
        read(self.send(self.http.put(self.url(path)).json(body)).await?).await
    }

    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ApiError> {
        read(self.send(self.http.patch(self.url(path)).json(body)).await?).await
    }

    /// Sends CSV as it is read; nothing is kept in memory. `column` names the one with the numbers.
    pub async fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        column: Option<&str>,
        csv: Body,
    ) -> Result<T, ApiError> {
        let request = self.http.post(self.url(path)).query(&column.map(|name| [("column", name)]));
        read(self.send(request.header(CONTENT_TYPE, "text/csv").body(csv)).await?).await
    }

    /// Writes an answer that is no JSON into a file, as it comes.
    pub async fn download(&self, path: &str, to: &Path) -> Result<(), ApiError> {
        let mut response = self.send(self.http.get(self.url(path))).await?;
        if !response.status().is_success() {
            return read::<Value>(response).await.map(drop);
        }
        let unwritable =
            |e: std::io::Error| ApiError::Broken(format!("{} cannot be written: {e}", to.display()));
        let mut file = File::create(to).await.map_err(unwritable)?;
        while let Some(chunk) = response.chunk().await? {
            file.write_all(&chunk).await.map_err(unwritable)?;
        }
        file.flush().await.map_err(unwritable)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        Ok(request.bearer_auth(&self.key).send().await?)
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    let status = response.status();
    open(status.as_u16(), &response.bytes().await?)
}

fn open<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, ApiError> {
    let unreadable = |why: String| ApiError::Broken(format!("the API answered {status} and {why}"));
    if (200..300).contains(&status) {
        let answer: Envelope<T> =
            serde_json::from_slice(body).map_err(|e| unreadable(format!("nothing that can be read: {e}")))?;
        return answer.data.ok_or_else(|| unreadable("no data".into()));
    }
    let refusal: Envelope<Value> =
        serde_json::from_slice(body).map_err(|_| unreadable("gave no reason".into()))?;
    let words = refusal.message.ok_or_else(|| unreadable("gave no reason".into()))?;
    Err(if status < 500 { ApiError::Refused(words) } else { ApiError::Broken(words) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_unwrapped() {
        let body = br#"{"success":true,"data":{"id":"cmp_1","more":1},"message":null,"meta":null}"#;
        assert_eq!(open::<Made>(201, body).unwrap().id, "cmp_1");
    }

    #[test]
    fn a_refusal_keeps_the_servers_words() {
        let body = br#"{"success":false,"data":null,"message":"no phone column","meta":{"code":"VALIDATION_FAILED"}}"#;
        match open::<Made>(422, body).unwrap_err() {
            ApiError::Refused(words) => assert_eq!(words, "no phone column"),
            ApiError::Broken(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_server_in_trouble_has_not_refused() {
        let body = br#"{"success":false,"data":null,"message":"the database is away","meta":{"code":"UNAVAILABLE"}}"#;
        match open::<Made>(503, body).unwrap_err() {
            ApiError::Broken(words) => assert_eq!(words, "the database is away"),
            ApiError::Refused(words) => panic!("refused: {words}"),
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_status() {
        for (status, body) in
            [(502, "<html>"), (500, r#"{"success":false}"#), (200, "[]"), (200, r#"{"data":null}"#)]
        {
            let error = open::<Made>(status, body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(&status.to_string()), "{error}");
        }
    }
}
