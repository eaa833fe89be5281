//! An account at a provider that speaks Twilio's REST API: credentials, URLs, forms.

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reqwest::{Method, header};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use url::form_urlencoded::Serializer;

use super::known::Known;
use crate::rest::{Rest, RestSettings, Trouble};

/// Fields of a form, in their order; a name may come more than once.
pub(crate) type Form = Vec<(&'static str, String)>;

/// What an error looks like.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Option<u32>,
}

/// What lets us in.
pub(crate) struct Account<'a> {
    /// Its id, `AC…` with Twilio.
    pub(crate) sid: &'a str,
    /// The password where there is no key.
    pub(crate) auth_token: &'a str,
    /// The id of a key and its secret.
    pub(crate) key: Option<(&'a str, &'a str)>,
    /// What stands before `/2010-04-01`.
    pub(crate) base_url: &'a str,
}

/// Speaks for one account.
pub(crate) struct Api {
    /// The calls, or messages, whose attempt is known.
    pub(crate) known: Mutex<Known>,
    rest: Rest,
    /// `https://…/2010-04-01/Accounts/AC…`.
    account: String,
    user: String,
    password: String,
}

impl Api {
    pub(crate) fn new(account: &Account<'_>, settings: &RestSettings) -> reqwest::Result<Self> {
        let base = account.base_url.trim_end_matches('/');
        let (user, password) = account.key.unwrap_or((account.sid, account.auth_token));
        let code = |body: &[u8]| serde_json::from_slice::<Refusal>(body).unwrap_or_default().code;
        Ok(Self {
            known: Mutex::default(),
            rest: Rest::new(settings, code)?,
            account: format!("{base}/2010-04-01/Accounts/{}", account.sid),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Whether the account is there and lets us in.
    pub(crate) async fn account(&self) -> Result<(), Trouble> {
        self.get::<serde::de::IgnoredAny>(".json", &[]).await.map(drop)
    }

    /// Asks for what lies at `path` below the account.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Trouble> {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", self.account);
        self.rest.ask(Method::GET, &url, |it| it.basic_auth(&self.user, Some(&self.password))).await
    }

    /// Sends a form there, once.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, form: &Form) -> Result<T, Trouble> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let url = format!("{}{path}", self.account);
        let dress = |it: reqwest::RequestBuilder| {
            it.basic_auth(&self.user, Some(&self.password))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body)
        };
        self.rest.ask(Method::POST, &url, dress).await
    }
}

/// RFC 2822 with Twilio, RFC 3339 with some others; one that cannot be read is none.
pub(crate) fn moment<'de, D: Deserializer<'de>>(d: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(d)?.unwrap_or_default();
    let read = DateTime::parse_from_rfc2822(&text).or_else(|_| DateTime::parse_from_rfc3339(&text));
    Ok(read.ok().map(|at| at.to_utc()))
}
