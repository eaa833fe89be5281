//! Conversations with the mail server. One that is free is used again; it is asked first whether it still lives, and only before anything of a
//! mail was said, so nothing is ever sent twice because a connection was old.

use std::{
    error::Error as _,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt, Rset},
    extension::{ClientId, Extension, MailParameter},
};
use parking_lot::Mutex;
use ringfleet_core::{
    message_trunk::{SmtpSecurity, SmtpTrunk},
    net::Guard,
    with_causes,
};
use tokio::time::{Instant, timeout};

use super::{
    letter::Letter,
    refusals::{Failure, Stage, enhanced},
};
use crate::RestSettings;

/// How long a free connection is kept: below the half minute after which the most impatient servers close theirs.
const IDLE: Duration = Duration::from_secs(20);
/// Most free connections.
const MOST_IDLE: usize = 16;
/// Mails over one connection; many servers count them.
const MOST_MAILS: u32 = 100;
/// So many times as long as any other answer may that to the final dot take: the server looks at the mail then. RFC 5321 §4.5.3.2.6 would have ten
/// minutes.
const PATIENCE_AT_THE_DOT: u32 = 8;

/// A conversation in which nothing of a mail was said yet.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    mails: u32,
    used_at: Instant,
}

/// Opens conversations with one server, and keeps those that are free.
pub(super) struct Sessions {
    trunk: SmtpTrunk,
    guard: Guard,
    patience: Duration,
    hello: ClientId,
    tls: Option<TlsParameters>,
    free: Mutex<Vec<Session>>,
}

impl Sessions {
    /// `domain`: by what we say we are.
    pub(super) fn new(trunk: SmtpTrunk, domain: &str, settings: &RestSettings) -> Result<Self, Error> {
        let tls = match trunk.security {
            SmtpSecurity::None => None,
            SmtpSecurity::Tls | SmtpSecurity::Starttls => {
                Some(TlsParameters::new(bare(&trunk.host).to_owned())?)
            }
        };
        Ok(Self {
            guard: settings.guard.clone(),
            patience: settings.patience,
            hello: ClientId::Domain(domain.to_owned()),
            tls,
            free: Mutex::default(),
            trunk,
        })
    }

    /// One that lives: a free one, or a new one.
    pub(super) async fn get(&self) -> Result<Session, Failure> {
        while let Some(mut session) = self.any_free() {
            if session.say(self.patience, Stage::Door, Rset).await.is_ok() {
                return Ok(session);
            }
        }
        let opening = timeout(self.patience, self.open()).await;
        opening.unwrap_or_else(|_| Err(broken(Stage::Door, "the server does not answer".into())))
    }

    fn any_free(&self) -> Option<Session> {
        self.free.lock().pop().filter(|session| session.used_at.elapsed() < IDLE)
    }

    /// How long an answer may take.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// For the next mail.
    pub(super) fn put_back(&self, mut session: Session) {
        session.used_at = Instant::now();
        let mut free = self.free.lock();
        free.retain(|other| other.used_at.elapsed() < IDLE);
        if session.mails < MOST_MAILS && free.len() < MOST_IDLE && !session.connection.has_broken() {
            free.push(session);
        }
    }

    pub(super) fn close(&self) {
        self.free.lock().clear();
    }

    async fn open(&self) -> Result<Session, Failure> {
        let addrs = self.addresses().await.map_err(|problem| broken(Stage::Door, problem))?;
        let at_once = self.tls.clone().filter(|_| self.trunk.security == SmtpSecurity::Tls);
        let later = self.tls.clone().filter(|_| self.trunk.security == SmtpSecurity::Starttls);
        let door = |error| failure(Stage::Door, &error);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(&addrs[..], Some(self.patience), &self.hello, at_once, None)
                .await
                .map_err(door)?;
        if let Some(tls) = later {
            connection.starttls(tls, &self.hello).await.map_err(door)?;
        }
        if let (Some(user), Some(password)) = (&self.trunk.username, &self.trunk.password) {
            let known = [Mechanism::Plain, Mechanism::Login];
            if connection.server_info().get_auth_mechanism(&known).is_none() {
                return Err(Failure::NoLogin);
            }
            let credentials = Credentials::new(user.clone(), password.clone());
            connection.auth(&known, &credentials).await.map_err(|error| failure(Stage::Login, &error))?;
        }
        Ok(Session { connection, mails: 0, used_at: Instant::now() })
    }

    /// The addresses of the host that may be asked, judged between the look-up of its name and the connection. Nothing public gets mail in the clear.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let (host, port) = (bare(&self.trunk.host), self.trunk.port);
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(ip) => vec![(ip, port).into()],
            Err(_) => tokio::net::lookup_host((host, port)).await.map_err(|e| e.to_string())?.collect(),
        };
        let mut passed = self
            .guard
            .passing(found.into_iter())
            .map_err(|kind| format!("the host is {kind}, where no mail goes"))?;
        if self.trunk.security == SmtpSecurity::None {
            passed.retain(|addr| self.guard.allows_plain(addr.ip()));
        }
        match passed.is_empty() {
            true => Err("the host has no address to which mail may go like this".into()),
            false => Ok(passed),
        }
    }
}

impl Session {
    /// Sends a mail, once.
    pub(super) async fn send(&mut self, letter: &Letter, patience: Duration) -> Result<(), Failure> {
        self.mails += 1;
        let is_foreign =
            [&letter.to, &letter.from].into_iter().any(|it| !AsRef::<str>::as_ref(it).is_ascii());
        if is_foreign && !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::ForeignAddress);
        }
        let parameters = if is_foreign { vec![MailParameter::SmtpUtfEight] } else { vec![] };
        let from = Some(letter.from.clone());
        self.say(patience, Stage::Sender, Mail::new(from, parameters)).await?;
        self.say(patience, Stage::Recipient, Rcpt::new(letter.to.clone(), vec![])).await?;
        self.say(patience, Stage::Text, Data).await?;
        self.hand_over(letter, patience).await
    }

    /// The mail itself. The server does not have it before the final dot (RFC 5321 §4.1.1.4); the parts are asked for one after the other, so
    /// when there is no further one, all but the dot was written.
    async fn hand_over(&mut self, letter: &Letter, patience: Duration) -> Result<(), Failure> {
        let mut stage = Stage::Text;
        let at_the_dot = std::iter::from_fn(|| {
            stage = Stage::Taken;
            None
        });
        let parts = std::iter::once(letter.bytes.as_slice()).chain(at_the_dot);
        let answer = timeout(patience * PATIENCE_AT_THE_DOT, self.connection.message_iter(parts)).await;
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(stage, &error)),
            Err(_) => Err(broken(stage, "the server does not answer".into())),
        }
    }

    async fn say(
        &mut self,
        patience: Duration,
        stage: Stage,
        command: impl std::fmt::Display,
    ) -> Result<(), Failure> {
        match timeout(patience, self.connection.command(command)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(stage, &error)),
            Err(_) => Err(broken(stage, "the server does not answer".into())),
        }
    }
}

/// An IPv6 address may stand in brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

fn broken(stage: Stage, problem: String) -> Failure {
    Failure::Broken { stage, problem }
}

fn failure(stage: Stage, error: &Error) -> Failure {
    let Some(code) = error.status() else { return broken(stage, with_causes(error)) };
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    Failure::Refused { stage, code: code.into(), enhanced: enhanced(&text) }
}
